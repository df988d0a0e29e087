/** What a service manager such as systemd is told of a server: that it is ready, alive, and how it ends; sd_notify(3). */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import { systemClock } from "../../model/system-clock.ts";

/** Sends lines of sd_notify(3); false where they were not taken. */
export type Notify = (text: string) => boolean;

export interface Alive {
  /** Resolves once everything that must not hang has answered. */
  probe(): Promise<void>;
}

/** Of a long start: what may pass until the next step is told. */
const STEP_MS_MAX = 60_000;
/** Beyond the grace of streams, for sealing what is in memory. */
const SEALING_MS_MAX = 60_000;
/** It is told to be alive so many times in the time after which it is taken for hung. */
const SIGNS_OF_LIFE = 3;
/** What was not taken is told again. */
const AGAIN_AFTER_MS = 100;
const AGAIN_MAX = 100;

/** Undefined where nobody asked to be told (NOTIFY_SOCKET); `onTrouble` hears why it cannot be. */
export async function supervisedBy(
  env: Readonly<Record<string, string | undefined>>,
  onTrouble: (sentence: string) => void,
): Promise<Supervised | undefined> {
  const address = env["NOTIFY_SOCKET"];
  if (address === undefined || address === "") return undefined;
  try {
    const { openNotifySocket } = await import("./notify-socket.ts");
    return new Supervised(openNotifySocket(address), systemClock, watchdogMsOf(env, process.pid));
  } catch (error) {
    onTrouble(`the service manager is told nothing: ${messageOf(error)}`);
    return undefined;
  }
}

/** After which silence this process is taken for hung; undefined: never. */
export function watchdogMsOf(env: Readonly<Record<string, string | undefined>>, pid: number): number | undefined {
  const { WATCHDOG_USEC: intervalUs, WATCHDOG_PID: meant } = env;
  if (intervalUs === undefined || !/^[1-9]\d*$/.test(intervalUs)) return undefined;
  return meant === undefined || meant === String(pid) ? Number(intervalUs) / 1_000 : undefined;
}

export class Supervised {
  readonly #notify: Notify;
  readonly #clock: Clock;
  readonly #watchdogMs: number | undefined;
  #isOver = false;

  constructor(notify: Notify, clock: Clock, watchdogMs?: number) {
    [this.#notify, this.#clock, this.#watchdogMs] = [notify, clock, watchdogMs];
  }

  /** The start goes on: so many points of the log are read. */
  replayed(points: number): void {
    const status = `reading the log: ${points.toLocaleString("en-US")} points so far`;
    this.#notify(linesOf({ EXTEND_TIMEOUT_USEC: STEP_MS_MAX * 1_000, STATUS: status }));
  }

  /** Both ports serve. From now on it is told to be alive, but only after `server` has answered. */
  serving(server: Alive, status: string): void {
    void this.#insist({ READY: 1, STATUS: status });
    if (this.#watchdogMs !== undefined) void this.#watch(server, this.#watchdogMs / SIGNS_OF_LIFE);
  }

  /** Resolves when `run` has ended, and that is told. */
  async reloading(run: () => Promise<void>): Promise<void> {
    await this.#insist({ RELOADING: 1 });
    try {
      await run();
    } finally {
      if (!this.#isOver) await this.#insist({ READY: 1 });
    }
  }

  /** `graceMs`: how long streams may take to end. */
  stopping(graceMs: number): void {
    this.#isOver = true;
    const status = "stopping: ending streams, sealing";
    void this.#insist({ STOPPING: 1, EXTEND_TIMEOUT_USEC: (graceMs + SEALING_MS_MAX) * 1_000, STATUS: status });
  }

  async #watch(server: Alive, everyMs: number): Promise<void> {
    try {
      while (!this.#isOver) {
        await server.probe();
        if (!this.#isOver) this.#notify(linesOf({ WATCHDOG: 1 }));
        await this.#pause(everyMs);
      }
    } catch {
      // A thread is gone: the server ends by itself.
    }
  }

  async #insist(state: Readonly<Record<string, string | number>>): Promise<void> {
    const text = linesOf(state);
    for (let tries = 1; !this.#notify(text) && tries < AGAIN_MAX; tries++) await this.#pause(AGAIN_AFTER_MS);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(ms, resolve));
  }
}

function linesOf(state: Readonly<Record<string, string | number>>): string {
  return Object.entries(state)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}
