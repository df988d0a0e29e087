import { expect, test } from "bun:test";
import { HealthState } from "../../src/transport/health.ts";

test("a service that fails is not served, nor is the whole, while the others are; it may come back", () => {
  const health = new HealthState();
  let told = 0;
  health.watch(() => told++);
  expect([health.serves(""), health.serves("a")]).toEqual([false, false]);
  health.serve();
  health.fail("the disk is full", "a");
  expect([health.serves(""), health.serves("a"), health.serves("b")]).toEqual([false, false, true]);
  expect(health.reason).toBe("the disk is full");
  health.fail(undefined, "a");
  expect([health.serves(""), health.serves("a"), health.reason]).toEqual([true, true, undefined]);
  health.degrade("it is elsewhere", ["a", "b"]);
  health.degrade("it is elsewhere", ["a", "b"]);
  expect([health.serves(""), health.serves("a"), health.serves("c"), health.reason]).toEqual([
    ...[true, false, true],
    undefined,
  ]);
  health.degrade(undefined, ["a", "b"]);
  expect([health.serves("a"), health.serves("b")]).toEqual([true, true]);
  health.drain();
  expect([health.serves(""), health.serves("b")]).toEqual([false, false]);
  expect(told).toBe(6);
});
