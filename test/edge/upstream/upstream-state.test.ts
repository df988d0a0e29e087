/** What the upstream has not got, over restarts and a disk that fails. */
import { expect, test } from "bun:test";
import { DeliveryLedger } from "../../../src/edge/upstream/delivery-ledger.ts";
import { storedUndelivered, UpstreamState } from "../../../src/edge/upstream/upstream-state.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const run = (id: string) => ({ id, firstSequence: 7n });

async function createState(journal = new MemoryJournal(), runId = "run-1") {
  const clock = new ManualClock();
  const troubles: string[] = [];
  const ledger = await DeliveryLedger.read(journal);
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const state = await UpstreamState.read({ journal, ledger, clock, runId, nextSeq: 7, onTrouble });
  return { journal, clock, troubles, ledger, state };
}

test("everything there is, and will be, is undelivered at first", async () => {
  const { state, journal } = await createState();
  expect(state.undelivered).toEqual([[0, Infinity]]);
  expect(await storedUndelivered(journal)).toEqual([[0, Infinity]]);
});

test("sessions ascend, over a crash, too, and processes are remembered", async () => {
  const { state, journal } = await createState();
  const begin = (state: UpstreamState) => state.beginSession("edge", 10);
  expect([await begin(state), await begin(state)]).toEqual([
    { originId: "edge", session: 1n, runs: [run("run-1")] },
    { originId: "edge", session: 2n, runs: [run("run-1")] },
  ]);
  const { state: later } = await createState(journal, "run-2");
  expect(await begin(later)).toEqual({ originId: "edge", session: 3n, runs: [run("run-1"), run("run-2")] });
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
  state.heard("centre", [[0, 50]], 60);
  await state.resend([[40, 60]]);
  expect([state.fresh, state.again]).toEqual([[[50, Infinity]], [[40, 50]]]);
  const { state: later } = await createState(journal);
  later.heard("centre", [[0, 70]], 70);
  expect([later.fresh, later.again, later.receiverId]).toEqual([[[70, Infinity]], [[40, 50]], "centre"]);
  later.delivered([40, 50], true);
  expect(later.undelivered).toEqual([[70, Infinity]]);
});

test("what was given up is written at once, and again where the disk failed", async () => {
  const { state, ledger, journal, clock, troubles } = await createState();
  ledger.dropped("gw", { points: 7, times: { fromUs: 10, toUs: 20 } });
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

test("as another origin what was delivered is told, not sent", async () => {
  const { state, journal } = await createState();
  await state.beginSession("edge", 0);
  state.delivered([0, 5], false);
  state.delivered([7, 9], false);
  await state.beginSession("edge-restored", 10);
  const { state: later } = await createState(journal);
  const delivered = [
    [0, 5],
    [7, 9],
  ] as const;
  expect(later.settled).toEqual(delivered);
  expect(later.heard("centre", [], 10)).toEqual([]);
  later.delivered([0, 5], false);
  expect([later.settled, later.fresh]).toEqual([
    [[7, 9]],
    [
      [5, 7],
      [9, Infinity],
    ],
  ]);
});

test("what the receiver has lost is undelivered again; what was given up is not", async () => {
  const { state } = await createState();
  state.heard("centre", [[0, 6]], 6);
  await state.resend([[1, 3]]);
  await state.giveUp([[6, 8]]);
  state.delivered([8, 10], false);
  expect(state.heard("centre", [[0, 2]], 12)).toEqual([
    [2, 6],
    [8, 10],
  ]);
  expect([state.fresh, state.again, state.settled]).toEqual([
    [
      [2, 6],
      [8, Infinity],
    ],
    [[1, 2]],
    [[6, 8]],
  ]);
});
