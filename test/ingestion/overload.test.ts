/** When uploads count as getting through. */
import { expect, test } from "bun:test";
import { MemoryBudget } from "../../src/ingestion/memory-budget.ts";
import { watchOverload } from "../../src/ingestion/overload.ts";
import { ManualClock } from "../support/manual-clock.ts";

function watched() {
  const clock = new ManualClock();
  const budget = new MemoryBudget({ limitBytes: 1_000, waitMsMax: 5_000, retryAfterMs: 1_000 }, clock);
  const changes: string[] = [];
  const log = { isFailing: false };
  const signs = {
    refused: () => budget.refused,
    waitedMs: () => budget.waitedMs,
    isFailing: () => log.isFailing,
  };
  const stop = watchOverload(signs, clock, (isOverloaded) => {
    changes.push(`${clock.monotonicMs() / 1_000}s ${isOverloaded ? "overloaded" : "calm"}`);
  });
  const used = { bytes: 0 };
  budget.addPart(() => used.bytes);
  const reserve = () => budget.reserve(100, { signal: new AbortController().signal });
  return { clock, budget, changes, log, stop, used, reserve };
}

test("a long wait begins it, and it ends when none is refused or waits for ten seconds", async () => {
  const { clock, changes, used, reserve } = watched();
  used.bytes = 1_000;
  const refused = reserve().catch((error: Error) => error.message);
  clock.advance(5_000);
  expect(await refused).toContain("no memory for 100B more");
  expect(changes).toEqual(["2s overloaded"]);
  clock.advance(7_000);
  const again = reserve().catch(() => {});
  clock.advance(5_000);
  await again;
  clock.advance(60_000);
  expect(changes).toEqual(["2s overloaded", "27s calm"]);
});

test("a short wait, which holds a sender back, does not", async () => {
  const { clock, budget, changes, used, reserve } = watched();
  for (let i = 0; i < 20; i++) {
    used.bytes = 1_000;
    const admitted = reserve();
    clock.advance(900);
    used.bytes = 0;
    budget.partShrank();
    await admitted;
    budget.release(100);
    clock.advance(100);
  }
  expect(changes).toEqual([]);
});

test("a log that cannot be written does, for as long as it cannot and a while more", () => {
  const { clock, changes, log } = watched();
  log.isFailing = true;
  clock.advance(3_600_000);
  log.isFailing = false;
  clock.advance(60_000);
  expect(changes).toEqual(["1s overloaded", "3610s calm"]);
});

test("nothing is looked at once it is over", () => {
  const { clock, changes, log, stop } = watched();
  log.isFailing = true;
  stop();
  clock.advance(60_000);
  expect([changes, clock.timers]).toEqual([[], 0]);
});
