/** Long requests are read in slices, one of them between two turns of the event loop. */
import { expect, test } from "bun:test";
import { Slices } from "../../../src/ingestion/doors/slices.ts";

class Loop {
  nowMs = 0;
  readonly deferred: (() => void)[] = [];
  readonly slices = new Slices(
    () => this.nowMs,
    (run) => void this.deferred.push(run),
  );

  /** What waits has its turn, and what comes of that. */
  async turn(): Promise<void> {
    for (const run of this.deferred.splice(0)) run();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

const NEVER = new AbortController().signal;
const REST = async () => {};

test("what is short is done at once; what is long takes a slice a turn, however many wait", async () => {
  const loop = new Loop();
  const log: string[] = [];
  const work = (name: string, steps: number) => {
    let left = steps;
    return loop.slices.run(
      () => {
        log.push(name);
        loop.nowMs += 4;
        return --left === 0;
      },
      REST,
      NEVER,
    );
  };
  const short = work("s", 2);
  expect(log.join("")).toBe("ss");
  await short;
  const long = Promise.all([work("a", 7), work("b", 4)]);
  expect(log.join("")).toBe("ssaaabbb");
  const turns: string[] = [];
  while (log.length < 13) {
    const before = log.length;
    await loop.turn();
    turns.push(log.slice(before).join(""));
  }
  expect(turns.filter((each) => each !== "")).toEqual(["aaa", "b", "a"]);
  await long;
});

test("between slices the request rests; it ends with what fails, and when its sender has gone", async () => {
  const loop = new Loop();
  const gate = Promise.withResolvers<void>();
  let [steps, rests] = [0, 0];
  const controller = new AbortController();
  const endless = () => {
    loop.nowMs += 10;
    steps++;
    return false;
  };
  const waits = async () => {
    rests++;
    await gate.promise;
  };
  const running = loop.slices.run(endless, waits, controller.signal);
  await loop.turn();
  await loop.turn();
  expect([steps, rests]).toEqual([1, 1]);
  gate.resolve();
  await loop.turn();
  await loop.turn();
  expect(steps).toBeGreaterThan(1);
  controller.abort();
  await loop.turn();
  await expect(running).rejects.toMatchObject({ status: "CANCELLED" });
  const fails = async () => Promise.reject(new Error("the log is gone"));
  await expect(loop.slices.run(endless, fails, NEVER)).rejects.toThrow("the log is gone");
  const throws = () => {
    throw new Error("a defect");
  };
  await expect(loop.slices.run(throws, REST, NEVER)).rejects.toThrow("a defect");
});
