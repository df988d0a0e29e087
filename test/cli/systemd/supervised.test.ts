/** What a service manager is told, and what it is not told when something hangs. */
import { expect, test } from "bun:test";
import { Supervised, supervisedBy, watchdogMsOf } from "../../../src/cli/systemd/supervised.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const WATCHDOG_MS = 90_000;

function rig(watchdogMs?: number) {
  const clock = new ManualClock();
  const told: string[] = [];
  const manager = { isBusy: false };
  const supervised = new Supervised(
    (text) => {
      if (!manager.isBusy) told.push(text);
      return !manager.isBusy;
    },
    clock,
    watchdogMs,
  );
  /** Lets what waits for a promise go on. */
  const settled = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { clock, told, manager, supervised, settled };
}

test("a server is told to be alive three times in the interval, each time after it has answered", async () => {
  const { clock, told, supervised, settled } = rig(WATCHDOG_MS);
  const probes: PromiseWithResolvers<void>[] = [];
  const probe = () => (probes.push(Promise.withResolvers<void>()), probes.at(-1)!.promise);
  supervised.serving({ probe }, "serving");
  expect(told).toEqual(["READY=1\nSTATUS=serving\n"]);
  await settled();
  expect(told).toHaveLength(1);
  for (let round = 0; round < 3; round++) {
    probes[round].resolve();
    await settled();
    expect(told.slice(1 + round)).toEqual(["WATCHDOG=1\n"]);
    clock.advance(WATCHDOG_MS / 3 - 1);
    await settled();
    expect(probes).toHaveLength(round + 1);
    clock.advance(1);
    await settled();
    expect(probes).toHaveLength(round + 2);
  }
  // A thread hangs: nothing is said any more, however long it takes.
  clock.advance(10 * WATCHDOG_MS);
  await settled();
  expect(told).toHaveLength(4);
  supervised.stopping(10_000);
  probes[3].resolve();
  await settled();
  expect(told.slice(4)).toEqual([
    "STOPPING=1\nEXTEND_TIMEOUT_USEC=70000000\nSTATUS=stopping: ending streams, sealing\n",
  ]);
});

test("without a watchdog nobody is asked; a thread that is gone ends the signs of life", async () => {
  const quiet = rig();
  quiet.supervised.serving({ probe: () => expect.unreachable("nobody wants to know") }, "serving");
  const { clock, told, supervised, settled } = rig(WATCHDOG_MS);
  supervised.serving({ probe: () => Promise.reject(new Error("gone")) }, "serving");
  await settled();
  clock.advance(WATCHDOG_MS);
  await settled();
  expect([told.length, clock.timers, quiet.clock.timers]).toEqual([1, 0, 0]);
});

test("a busy manager is told again; a reload is told around what it does, also where that fails", async () => {
  const { clock, told, manager, supervised, settled } = rig();
  manager.isBusy = true;
  supervised.serving({ probe: async () => {} }, "serving");
  clock.advance(500);
  await settled();
  manager.isBusy = false;
  clock.advance(100);
  await settled();
  expect(told).toEqual(["READY=1\nSTATUS=serving\n"]);
  const failing = supervised.reloading(async () => {
    expect(told.at(-1)).toBe("RELOADING=1\n");
    throw new Error("no such file");
  });
  await expect(failing).rejects.toThrow("no such file");
  expect(told.at(-1)).toBe("READY=1\n");
  await supervised.reloading(async () => supervised.stopping(0));
  expect(told.at(-1)).toStartWith("STOPPING=1\n");
});

test("a long start asks for more time with each step", () => {
  const { told, supervised } = rig();
  supervised.replayed(1_234_567);
  expect(told).toEqual(["EXTEND_TIMEOUT_USEC=60000000\nSTATUS=reading the log: 1,234,567 points so far\n"]);
});

test("the watchdog of another process is none of ours, nor is what is no number", () => {
  expect(watchdogMsOf({ WATCHDOG_USEC: "30000000" }, 7)).toBe(30_000);
  expect(watchdogMsOf({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 7)).toBe(30_000);
  expect(watchdogMsOf({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, 7)).toBeUndefined();
  for (const WATCHDOG_USEC of [undefined, "", "0", "-1", "soon"])
    expect(watchdogMsOf({ WATCHDOG_USEC }, 7)).toBeUndefined();
});

test("without NOTIFY_SOCKET nobody is told; one that cannot be used is said, and the server runs", async () => {
  const said: string[] = [];
  const tell = (sentence: string) => void said.push(sentence);
  expect(await supervisedBy({}, tell)).toBeUndefined();
  expect(await supervisedBy({ NOTIFY_SOCKET: "" }, tell)).toBeUndefined();
  expect(said).toEqual([]);
  for (const address of ["vsock:2:1234", "/", `/${"x".repeat(107)}`]) {
    expect(await supervisedBy({ NOTIFY_SOCKET: address }, tell)).toBeUndefined();
    expect(said.splice(0)).toEqual([
      expect.stringContaining(
        `the service manager is told nothing: NOTIFY_SOCKET is ${JSON.stringify(address)}: wanted`,
      ),
    ]);
  }
});
