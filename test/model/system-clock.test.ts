import { expect, test } from "bun:test";
import { systemClock } from "../../src/model/system-clock.ts";
import { randomOf } from "../support/random.ts";

test("nothing runs before its delay has passed, fractions of milliseconds included", async () => {
  const random = randomOf(1);
  const early = await Promise.all(
    Array.from({ length: 200 }, () => {
      const delayMs = 1 + 30 * random();
      const dueMs = systemClock.monotonicMs() + delayMs;
      return new Promise<boolean>((resolve) => {
        systemClock.after(delayMs, () => resolve(systemClock.monotonicMs() < dueMs));
      });
    }),
  );
  expect(early.filter(Boolean)).toEqual([]);
});
