import { expect, test } from "bun:test";
import { UNITS_US, unitOf } from "../../src/codec/time-unit.ts";
import { randomOf } from "../support/random.ts";

test("the unit of a time is the largest that divides it, as far as whole microseconds go", () => {
  const random = randomOf(7);
  const most = 2 ** 53 - 1;
  const times = [0, 1, 999, 1_000, 1_001, 999_999, 1_000_000, most, most - (most % 1_000), most - (most % 1_000_000)];
  for (let i = 0; i < 10_000; i++) {
    const time = Math.floor(random() * most);
    times.push(time, time - (time % 1_000), time - (time % 1_000_000), time - (time % 1_000_000) + 1);
  }
  for (const time of times) {
    const wanted = time % 1_000_000 === 0 ? 2 : time % 1_000 === 0 ? 1 : 0;
    expect([time, unitOf(time)]).toEqual([time, wanted]);
    expect(unitOf(-time)).toBe(wanted);
    expect(unitOf(time, 1)).toBe(Math.min(wanted, 1));
  }
  expect(UNITS_US).toEqual([1, 1_000, 1_000_000]);
});
