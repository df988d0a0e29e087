/** What time it is where the browser's clock is off. */
import { afterEach, expect, test } from "bun:test";
import { clockOffsetMs, hearClock, nowMs, serverNowMs } from "../../src/console/now.ts";

afterEach(() => hearClock(0));

test("is what the server has, at once; small differences are none, and do not make times jump", () => {
  hearClock(1_500);
  expect(clockOffsetMs.value).toBe(0);
  const beforeMs = nowMs.value;
  hearClock(-3_600_000);
  expect(clockOffsetMs.value).toBe(-3_600_000);
  expect(nowMs.value).toBeLessThan(beforeMs - 3_000_000);
  expect(serverNowMs() - nowMs.value).toBeLessThan(60_000);
  hearClock(-3_601_000);
  expect(clockOffsetMs.value).toBe(-3_600_000);
  hearClock(400);
  expect(clockOffsetMs.value).toBe(0);
});
