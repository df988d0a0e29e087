/** What the upstream has not got, over restarts and a disk that fails. */
import { expect, test } from "bun:test";
import { DeliveryLedger } from "../../../src/edge/upstream/delivery-ledger.ts";
import { storedUndelivered, UpstreamState } from "../../../src/edge/upstream/upstream-state.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

async function createState(journal = new MemoryJournal()) {
  const clock = new ManualClock();
  const troubles: string[] = [];
  const ledger = await DeliveryLedger.read(journal);
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  return { journal, clock, troubles, ledger, state: await UpstreamState.read({ journal, ledger, clock, onTrouble }) };
}

test("everything there is, and will be, is undelivered at first", async () => {
  const { state, journal } = await createState();
  expect(state.undelivered).toEqual([[0, Infinity]]);
  expect(await storedUndelivered(journal)).toEqual([[0, Infinity]]);
});

test("sessions ascend, over a crash, too", async () => {
  const { state, journal } = await createState();
  expect([await state.beginSession(), await state.beginSession()]).toEqual([1, 2]);
  expect(await (await createState(journal)).state.beginSession()).toBe(3);
});

test("many deliveries are written once, and what is not written is undelivered", async () => {
  const { state, journal, clock } = await createState();
  for (let seq = 0; seq < 100; seq++) state.delivered([seq, seq + 1], false);
  expect(state.undelivered).toEqual([[100, Infinity]]);
  expect(await storedUndelivered(journal)).toEqual([[0, Infinity]]);
  clock.advance(10_000);
  await turns();
  expect(journal.appends).toBe(1);
  expect(await storedUndelivered(journal)).toEqual([[100, Infinity]]);
});

test("what is asked for again is kept apart from what was never sent, and what the receiver has does not end it", async () => {
  const { state, journal } = await createState();
  state.heard("centre", [[0, 50]]);
  await state.resend([[40, 60]]);
  expect([state.fresh, state.again]).toEqual([[[50, Infinity]], [[40, 50]]]);
  const { state: later } = await createState(journal);
  later.heard("centre", [[0, 70]]);
  expect([later.fresh, later.again, later.receiverId]).toEqual([[[70, Infinity]], [[40, 50]], "centre"]);
  later.delivered([40, 50], true);
  expect(later.undelivered).toEqual([[70, Infinity]]);
});

test("what was given up is written at once, and again where the disk failed", async () => {
  const { state, ledger, journal, clock, troubles } = await createState();
  ledger.dropped("gw", 7);
  journal.failure = new Error("disk full");
  expect(state.giveUp([[0, 5]])).rejects.toThrow("disk full");
  state.delivered([9, 10], false);
  clock.advance(10_000);
  await turns();
  expect(troubles).toHaveLength(1);
  journal.failure = null;
  clock.advance(10_000);
  await turns();
  const { state: later, ledger: kept } = await createState(journal);
  expect(later.fresh).toEqual([
    [5, 9],
    [10, Infinity],
  ]);
  expect(kept.sources().get("gw")?.dropped).toBe(7);
});
