/** So many at once, so many a second after. */
import { expect, test } from "bun:test";
import { memberLimit, RateLimits } from "../../src/collaboration/rate-limit.ts";
import { RateLimit } from "../../src/model/rate-limit.ts";

test("gives a burst at once, then as many as a second has, and says how long to wait", () => {
  const limit = new RateLimit(4, 10, 0);
  const taken = (nowMs: number) => {
    let count = 0;
    while (limit.take(nowMs) === 0) count++;
    return count;
  };
  expect(taken(0)).toBe(10);
  expect(limit.take(0)).toBe(250);
  expect(limit.take(249)).toBeGreaterThan(0);
  expect(limit.take(250)).toBe(0);
  expect(taken(1_250)).toBe(4);
  // However long nobody asked.
  expect(taken(3_600_000)).toBe(10);
});

test("whoever waits as long as it was told gets one", () => {
  for (const perSecond of [1, 3, 7, 50, 999]) {
    const limit = memberLimit(perSecond, 0);
    let nowMs = 0;
    for (let i = 0; i < 20 * perSecond; i++) {
      const waitMs = limit.take(nowMs);
      if (waitMs > 0) expect(limit.take((nowMs += waitMs))).toBe(0);
    }
  }
});

test("each name has its own; past ten thousand the first ones are forgotten", () => {
  const limits = new RateLimits(() => new RateLimit(1, 1, 0));
  expect(limits.of("a").take(0)).toBe(0);
  expect(limits.of("a").take(0)).toBe(1_000);
  expect(limits.of("b").take(0)).toBe(0);
  for (let i = 0; i < 9_998; i++) limits.of(`name-${i}`);
  expect(limits.of("a").take(0)).toBe(1_000);
  limits.of("one more");
  expect(limits.of("b").take(0)).toBe(1_000);
  expect(limits.of("a").take(0)).toBe(0);
});
