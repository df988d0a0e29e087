import { expect, test } from "bun:test";
import { Rounds } from "../../src/alerts/rounds.ts";
import { ManualClock } from "../support/manual-clock.ts";

const rest = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

/** Each round lasts until it is ended with how long the next may wait. */
function rig() {
  const clock = new ManualClock();
  const open: PromiseWithResolvers<number>[] = [];
  const rounds = new Rounds(clock, () => {
    const round = Promise.withResolvers<number>();
    open.push(round);
    return round.promise;
  });
  const end = async (nextInMs: number) => {
    open.at(-1)!.resolve(nextInMs);
    await rest();
  };
  return { clock, rounds, end, begun: () => open.length };
}

test("one round at a time; what is asked for meanwhile is one more, and another comes when it is due", async () => {
  const { clock, rounds, end, begun } = rig();
  rounds.ask();
  await rest();
  rounds.ask();
  rounds.ask();
  await rest();
  expect(begun()).toBe(1);
  await end(Infinity);
  expect(begun()).toBe(2);
  await end(5_000);
  clock.advance(4_999);
  await rest();
  expect(begun()).toBe(2);
  clock.advance(1);
  await rest();
  expect(begun()).toBe(3);
});

test("a change waits for the round that is under way, and rounds for the change, also where it fails", async () => {
  const { rounds, end, begun } = rig();
  rounds.ask();
  await rest();
  const change = Promise.withResolvers<void>();
  let isChanging = false;
  const held = rounds.hold(() => {
    isChanging = true;
    return change.promise;
  });
  await rest();
  expect(isChanging).toBe(false);
  await end(Infinity);
  expect(isChanging).toBe(true);
  rounds.ask();
  await rest();
  expect(begun()).toBe(1);
  change.reject(new Error("cannot be read"));
  expect(held).rejects.toThrow("cannot be read");
  await rest();
  expect(begun()).toBe(2);
});

test("none begins after the end, whatever is due", async () => {
  const { clock, rounds, end, begun } = rig();
  rounds.ask();
  await rest();
  await end(1_000);
  rounds.close();
  rounds.ask();
  clock.advance(10_000);
  await rest();
  expect(begun()).toBe(1);
});
