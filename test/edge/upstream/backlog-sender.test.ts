/** In which order the backlog tells what it has, over a store that says what comes next. */
import { expect, test } from "bun:test";
import { blockOfFrame } from "../../../src/codec/frame-block.ts";
import { BacklogSender, type BacklogSenderDeps } from "../../../src/edge/upstream/backlog-sender.ts";
import type { PartOf } from "../../../src/edge/upstream/parts-underway.ts";
import { withSequences, type SequenceRange, type SequenceRanges } from "../../../src/model/sequence-ranges.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const CURSOR = { endSeq: 0, headSeq: 0, headRow: 0, block: null, chunk: 0, toldSeq: 0 };

function createSender(answer: (count: number) => { delivered: SequenceRanges; isOver: boolean }) {
  const state = { fresh: [[10, 20]] as SequenceRanges, again: [] as SequenceRanges, settled: [] as SequenceRanges };
  const sent: string[] = [];
  let delivering: SequenceRanges = [];
  let answers = 0;
  const over = new AbortController();
  const columns = { count: 1, seriesIds: Uint32Array.of(1), timesUs: Float64Array.of(1), values: Float64Array.of(1) };
  const block = { ...blockOfFrame(columns, 1), points: 1 };
  const store = {
    async undelivered() {
      await turns(1);
      const { delivered, isOver } = answer(answers++);
      const sequences: SequenceRange = [10, 20];
      return { block, sequences, delivered, replaced: 0, unreadable: [], next: isOver ? null : CURSOR };
    },
  };
  const underway = {
    get delivering() {
      return delivering;
    },
    send(_: unknown, content: unknown, { sequences: [from, to], isLast }: PartOf) {
      if (isLast) delivering = withSequences(delivering, from, to);
      sent.push(`${from}-${to}${content === null ? " without points" : ""}${isLast ? " last" : ""}`);
    },
  };
  const lane = { isFull: false, bytesInFlight: 0, pointsInFlight: 0, partsInFlight: [] };
  const deps = {
    ...{ clock: new ManualClock(), store, state, underway, live: lane, backlog: lane, sampler: null },
    filter: { passing: () => null },
    bandwidth: { backlogWaitMs: () => 0 },
    liveSender: { waiting: null, hold() {}, release() {} },
    nextSeq: () => 30,
    isOneByOne: () => false,
    signal: over.signal,
  };
  const sender = new BacklogSender(deps as unknown as BacklogSenderDeps);
  const running = sender.run();
  const stop = async () => {
    over.abort();
    await running;
  };
  return { sender, state, sent, stop };
}

test("what was given up is told between ranges, not between the parts of one", async () => {
  const { state, sent, stop } = createSender((count) => {
    if (count === 0) state.settled = [[1, 5]];
    const isOver = count === 2;
    return { delivered: isOver ? [[10, 20]] : [], isOver };
  });
  await turns(20);
  await stop();
  expect(sent).toEqual(["10-20", "10-20", "10-20 last", "1-5 without points last"]);
});

test("where what is left of a range is given up between its parts, that is told, and nothing of it counts as being sent", async () => {
  const { sender, state, sent, stop } = createSender(() => {
    [state.fresh, state.settled] = [[], [[10, 20]]];
    return { delivered: [], isOver: false };
  });
  await turns(20);
  expect(sent).toEqual(["10-20", "10-20 without points last"]);
  expect(sender.oldestBeingSent).toBe(Infinity);
  await stop();
});
