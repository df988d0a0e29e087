import { expect, test } from "bun:test";
import { PointRate } from "../../src/model/point-rate.ts";

test("points a second are those of the last ten whole seconds", () => {
  const rate = new PointRate();
  expect(rate.perS(0)).toBe(0);
  for (let second = 0; second < 30; second++) {
    rate.add(60, second * 1_000);
    rate.add(40, second * 1_000 + 999);
  }
  expect(rate.perS(29_999)).toBe(100);
  expect(rate.perS(30_000)).toBe(100);
  expect(rate.perS(35_000)).toBe(50);
  expect(rate.perS(40_000)).toBe(0);
  rate.add(7, 1_000_000);
  expect(rate.perS(1_000_000)).toBe(0);
  expect(rate.perS(1_001_000)).toBe(0.7);
});
