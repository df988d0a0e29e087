/**
 * Active alerts of devices that may be in other scopes now, since they got another site or more series: told within a second to
 * those whose answers go with where alerts are.
 */
import type { Clock } from "../model/clock.ts";
import { deviceOfKey } from "../model/series-key.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";

export interface Moved {
  /** They may be in other scopes now, or in the same. */
  readonly alerts: readonly AlertRecord[];
  /** From now on. */
  readonly version: string;
}

export interface MovedAlertsDeps {
  readonly scopes: Pick<SeriesScopes, "onMoved">;
  readonly registry: Pick<SeriesRegistry, "onAdded" | "keyOf">;
  readonly book: Pick<AlertBook, "active" | "get">;
  readonly clock: Pick<Clock, "after">;
  /** Another one in each run of the server. */
  readonly run: string;
  /** Somebody has to know beside those who follow. */
  isAwaited(): boolean;
  /** Hears of it then, before those who follow. */
  onMoved(alerts: readonly AlertRecord[]): void;
  /** Lets others run. */
  pause(): Promise<void>;
}

/** Devices that move meanwhile are looked for together. */
const HOLD_MS = 200;
/** Between two pauses: a few milliseconds. */
const ALERTS_AT_ONCE = 1_000;

export class MovedAlerts {
  readonly #deps: MovedAlertsDeps;
  readonly #listeners = new Set<(moved: Moved) => void>();
  readonly #unfollow: readonly (() => void)[];
  #devices = new Set<string>();
  #isLooking = false;
  #isClosed = false;
  #cancel = () => {};
  #changes = 0;

  constructor(deps: MovedAlertsDeps) {
    this.#deps = deps;
    const { scopes, registry } = deps;
    this.#unfollow = [
      scopes.onMoved((device) => this.#note(device)),
      registry.onAdded((id) => {
        // They come by the hundred thousand.
        if (this.#listeners.size === 0) this.#changes++;
        else this.#note(deviceOfKey(registry.keyOf(id)));
      }),
    ];
  }

  /** While it is the same, and {@link isSettled}, no active alert has moved; another one in each run of the server. */
  get version(): string {
    return `${this.#deps.run} ${this.#changes}`;
  }

  /** No device has moved whose alerts were not looked for. */
  get isSettled(): boolean {
    return !this.#isLooking;
  }

  /** Returns what ends it. */
  follow(listener: (moved: Moved) => void): () => void {
    const own = (moved: Moved) => listener(moved);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#unfollow) end();
    this.#cancel();
    this.#listeners.clear();
  }

  #note(device: string): void {
    this.#devices.add(device);
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#isLooking || this.#isClosed) return;
    this.#isLooking = true;
    this.#cancel = this.#deps.clock.after(HOLD_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const devices = this.#devices;
    this.#devices = new Set();
    const isWanted = this.#listeners.size > 0 || this.#deps.isAwaited();
    const alerts = isWanted ? await this.#alertsOf(devices) : [];
    if (this.#isClosed) return;
    this.#isLooking = false;
    if (!isWanted || alerts.length > 0) this.#changes++;
    if (alerts.length > 0) {
      const { version } = this;
      this.#deps.onMoved(alerts);
      for (const tell of this.#listeners) tell({ alerts, version });
    }
    if (this.#devices.size > 0) this.#lookLater();
  }

  async #alertsOf(devices: ReadonlySet<string>): Promise<AlertRecord[]> {
    const { book, pause } = this.#deps;
    const found: AlertRecord[] = [];
    let looked = 0;
    for (const alert of book.active()) {
      if (++looked % ALERTS_AT_ONCE === 0) await pause();
      const { device, source, origin = "" } = alert.labels;
      if (devices.has(device ?? source ?? origin)) found.push(alert);
    }
    // One that has ended meanwhile is told of as that.
    return found.filter(({ id }) => book.get(id)?.clearedAtMs === null);
  }
}
