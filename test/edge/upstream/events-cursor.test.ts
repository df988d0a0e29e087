/** Where whoever tells the upstream of events next goes on. */
import { expect, test } from "bun:test";
import { EventsCursor } from "../../../src/edge/upstream/events-cursor.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

function createRig() {
  const [journal, clock] = [new MemoryJournal(), new ManualClock()];
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const read = (name: string, address = "centre:50051") =>
    EventsCursor.read({ journal, clock, address, name, onTrouble });
  return { journal, clock, troubles, read };
}

test("the next node goes on where the last one was, under its name; another upstream has heard of nothing", async () => {
  const { journal, clock, read } = createRig();
  await journal.append([{ atMs: 1, kind: "alert", subject: "a", actor: "", payload: "{}" }]);
  const first = await read("hall-a");
  await first.claimed;
  expect([first.name, first.eventsAfter, first.isStandingTold]).toEqual(["hall-a", 1, false]);
  // Who is killed right then has told nothing that the next one does not tell under the same name.
  await journal.append([{ atMs: 1, kind: "alert", subject: "a", actor: "", payload: "{}" }]);
  const other = await read("hall-b");
  expect([other.name, other.eventsAfter, other.isStandingTold]).toEqual(["hall-a", 1, false]);
  await other.close();
  expect(first.receivedBy("centre-1")).toBeFalse();
  for (let position = 1; position <= 7; position++) first.eventsDelivered(position, position > 3);
  expect(journal.appends).toBe(3);
  clock.advance(5_000);
  await turns();
  first.eventsDelivered(7, true);
  expect(first.receivedBy("centre-1")).toBeFalse();
  clock.advance(5_000);
  await first.close();
  expect(journal.appends).toBe(4);
  const next = await read("hall-b");
  expect([next.name, next.eventsAfter, next.isStandingTold]).toEqual(["hall-a", 7, true]);
  expect([next.receivedBy("centre-2"), next.receivedBy("centre-2")]).toEqual([true, false]);
  await next.close();
  expect((await read("hall-c")).receivedBy("centre-1")).toBeTrue();
  expect((await read("hall-c", "other:50051")).name).toBe("hall-c");
});

test("what cannot be written is tried again; at the end it is left to whoever has taken over", async () => {
  const { journal, clock, troubles, read } = createRig();
  journal.failure = new WatchpostError("UNAVAILABLE", "Redis is away");
  const cursor = await read("hall-a");
  let isClaimed = false;
  void cursor.claimed.then(() => (isClaimed = true));
  await turns();
  clock.advance(500);
  await turns();
  expect(isClaimed).toBeFalse();
  journal.failure = null;
  clock.advance(500);
  await turns();
  expect(isClaimed).toBeTrue();
  journal.failure = new WatchpostError("UNAVAILABLE", "Redis is away");
  cursor.eventsDelivered(3, true);
  clock.advance(5_000);
  await turns();
  expect(troubles).toEqual([expect.stringContaining("Redis is away")]);
  journal.failure = null;
  clock.advance(5_000);
  await turns();
  expect((await read("hall-a")).eventsAfter).toBe(3);
  journal.failure = new WatchpostError("FAILED_PRECONDITION", "the desk has moved");
  cursor.eventsDelivered(4, true);
  await cursor.close();
  expect(troubles.length).toBe(1);
});
