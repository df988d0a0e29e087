import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatByteSize, parseByteSize } from "../../src/model/byte-size.ts";
import { formatDurationMs, parseDurationMs } from "../../src/model/duration.ts";

test("durations", () => {
  expect(["250ms", "90s", "1h30m", "1.5h", "2w", " 1d "].map(parseDurationMs)).toEqual([
    250, 90_000, 5_400_000, 5_400_000, 1_209_600_000, 86_400_000,
  ]);
  for (const wrong of ["", "5", "s", "-1s", "1 s", "1y", "1e3s", "1h 30m", "Infinity", "1s;"]) {
    expect(() => parseDurationMs(wrong)).toThrow(`${JSON.stringify(wrong)} is no duration`);
  }
  const property = fc.property(fc.integer({ min: 0, max: 1e12 }), (ms) => {
    expect(parseDurationMs(formatDurationMs(ms))).toBe(ms);
  });
  fc.assert(property);
});

test("sizes", () => {
  expect(["4096", "64MiB", "64m", "1.5GB", "2 kib", "1kB", "0"].map(parseByteSize)).toEqual([
    4_096, 67_108_864, 67_108_864, 1_500_000_000, 2_048, 1_000, 0,
  ]);
  for (const wrong of ["", "MiB", "-1", "1PB", "1,5GB", "0x10", "1 2"]) {
    expect(() => parseByteSize(wrong)).toThrow(`${JSON.stringify(wrong)} is no size`);
  }
  expect([812, 1_024, 1.5 * 1024 ** 3, 5_000 * 1024 ** 4].map(formatByteSize)).toEqual([
    "812B",
    "1KiB",
    "1.5GiB",
    "5000TiB",
  ]);
  const property = fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => {
    expect(Math.abs(parseByteSize(formatByteSize(bytes)) - bytes)).toBeLessThanOrEqual(bytes * 0.05 + 1);
  });
  fc.assert(property);
});
