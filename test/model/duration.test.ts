import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatDurationMs, formatRoughDurationMs, parseDurationMs } from "../../src/model/duration.ts";

test("durations are told as they are read", () => {
  expect([0, 250, 1_500, 90_000, 5_400_000, 90_061_001].map(formatDurationMs)).toEqual([
    ...["0s", "250ms", "1s500ms", "1m30s", "1h30m", "1d1h1m1s1ms"],
  ]);
  fc.assert(fc.property(fc.nat(), (ms) => parseDurationMs(formatDurationMs(ms)) === ms));
});

test("what was measured is told in a few characters, and is read as about the same", () => {
  const given = [0, 12.4, 999, 1_000, 1_500, 1_504, 9_949, 9_960, 61_234, 3_599_900, 7_503_000, 200_000_000];
  expect(given.map(formatRoughDurationMs)).toEqual([
    ...["0s", "12ms", "999ms", "1s", "1.5s", "1.5s", "9.9s", "10s", "1m1s", "1h", "2h5m", "2d8h"],
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (ms) => {
      const off = Math.abs(parseDurationMs(formatRoughDurationMs(ms)) - ms);
      return off <= 1 || off / ms <= 0.05;
    }),
  );
});
