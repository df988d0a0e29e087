import { describe, expect, test } from "bun:test";
import { BurstGarbage } from "../../src/model/burst-garbage.ts";
import { ManualClock } from "../support/manual-clock.ts";

function garbageOf() {
  const clock = new ManualClock();
  const collected = { young: 0, all: 0 };
  let shrunk = 0;
  const collector = {
    collectYoung: () => void collected.young++,
    collectAll: () => void collected.all++,
    shrink: () => void shrunk++,
  };
  return { clock, collected, shrunk: () => shrunk, garbage: new BurstGarbage(collector, clock) };
}

describe("BurstGarbage", () => {
  test("collects what is young every 2,000 changes", () => {
    const { clock, collected, garbage } = garbageOf();
    for (let i = 0; i < 5_999; i++) garbage.note(1);
    expect(collected).toEqual({ young: 2, all: 0 });
    garbage.note(200);
    clock.advance(60_000);
    expect(collected).toEqual({ young: 3, all: 0 });
  });

  test("collects everything once after a burst, when nothing has been done for a second", () => {
    const { clock, collected, garbage } = garbageOf();
    for (let i = 0; i < 100; i++) {
      garbage.note(1_000);
      clock.advance(10);
    }
    for (let i = 0; i < 100; i++) {
      garbage.disturb();
      clock.advance(900);
    }
    expect(collected.all).toBe(0);
    clock.advance(100);
    expect(collected.all).toBe(1);
    clock.advance(60_000);
    expect(collected.all).toBe(1);
  });

  test("takes what comes now and then for no burst", () => {
    const { clock, collected, garbage } = garbageOf();
    for (let i = 0; i < 100; i++) {
      garbage.note(1_000);
      clock.advance(61_000);
    }
    expect(collected).toEqual({ young: 50, all: 0 });
  });

  test("does nothing after its end", () => {
    const { clock, collected, garbage } = garbageOf();
    garbage.note(50_000);
    garbage.close();
    clock.advance(60_000);
    expect(collected.all).toBe(0);
  });

  test("shrinks once after the start, when nothing has been done for a second", () => {
    const { clock, collected, shrunk, garbage } = garbageOf();
    garbage.note(30_000);
    garbage.started();
    clock.advance(900);
    garbage.disturb();
    clock.advance(900);
    expect(shrunk()).toBe(0);
    clock.advance(100);
    expect([shrunk(), collected.all]).toEqual([1, 0]);
    garbage.note(30_000);
    clock.advance(60_000);
    expect([shrunk(), collected.all]).toEqual([1, 1]);
  });
});
