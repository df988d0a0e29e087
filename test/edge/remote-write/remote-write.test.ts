/** The loop over a store in memory: order, outages, limits, what is told. */
import { expect, test } from "bun:test";
import { MemoryBus } from "../../../src/bus/memory-bus.ts";
import { RemoteWrite, type RemoteWriteOptions } from "../../../src/edge/remote-write/remote-write.ts";
import { compileMatcher } from "../../../src/model/matcher.ts";
import type { SequenceRanges } from "../../../src/model/sequence-ranges.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { SeriesRegistry } from "../../../src/model/series-registry.ts";
import type { OutgoingPlace, OutgoingQuery } from "../../../src/store/outgoing-protocol.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryReceiver } from "./receiver-rig.ts";

const METRICS = ["temp", "power", "flow"];
const T0_US = 1_800_000_000_000_000;

/** A record of three series at each sequence. */
class Rig {
  readonly clock = new ManualClock();
  readonly receiver = new MemoryReceiver();
  readonly registry = new SeriesRegistry({ seriesMax: 10, seriesPerSourceMax: 10 });
  readonly bus = new MemoryBus((error) => {
    throw error;
  });
  readonly written: OutgoingPlace[] = [];
  readonly queries: OutgoingQuery[] = [];
  readonly troubles: string[] = [];
  readonly lost: string[] = [];
  readonly counts: Record<string, number> = {};
  connected = 0;
  isAllAnswered: boolean | undefined;
  underway = 0;
  underwayMax = 0;
  seq = 0;
  readonly remote: RemoteWrite;

  constructor(options: Partial<RemoteWriteOptions> = {}, mayBeThere = false, nextSeq = 0) {
    for (const metric of METRICS) this.registry.add(seriesKey(metric, "gw", []), "gw");
    this.remote = new RemoteWrite(
      {
        ...{ matcher: undefined, labels: [], batchPoints: 10, batchWaitMs: 100, connections: 2 },
        ...{ queueBytesMax: Infinity, queueAgeMaxMs: Infinity, backoff: { firstMs: 100, maxMs: 1_000 } },
        ...options,
      },
      {
        ...{ bus: this.bus, clock: this.clock, registry: this.registry, nextSeq },
        store: {
          outgoing: async (query) => this.#outgoing(query),
          countUndelivered: async (ranges) => this.#held(ranges),
        },
        cursor: {
          write: (place) => void this.written.push(place),
          close: async (isAllAnswered) => void (this.isAllAnswered = isAllAnswered),
        },
        receiver: async (bytes, signal) => {
          this.underwayMax = Math.max(this.underwayMax, ++this.underway);
          await Promise.resolve();
          this.underway--;
          return this.receiver.receive(bytes, signal);
        },
        place: { seq: 0, block: null, chunk: null },
        mayBeThere,
        random: () => 1,
        onConnected: () => void this.connected++,
        onTrouble: (sentence) => void this.troubles.push(sentence),
        onLost: (sentence) => void this.lost.push(sentence),
        onCount: (counts) => {
          for (const [name, count] of Object.entries(counts)) this.counts[name] = (this.counts[name] ?? 0) + count;
        },
      },
    );
    this.remote.start();
  }

  commit(records: number): void {
    for (let i = 0; i < records; i++) {
      const seriesIds = Uint32Array.of(1, 2, 3);
      const timesUs = new Float64Array(3).fill(T0_US + this.seq * 1_000);
      const values = new Float64Array(3).fill(this.seq);
      this.bus.publish({ seq: this.seq++, arrivalMs: this.clock.nowMs(), count: 3, seriesIds, timesUs, values });
    }
  }

  /** Time passes, and what waits for it goes on. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.advance(50);
      for (let i = 0; i < 30; i++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #outgoing(query: OutgoingQuery) {
    this.queries.push(query);
    const { place, rowsMax, seriesIds: wanted } = query;
    const to = Math.min(this.seq, place.seq + Math.ceil(rowsMax / 3));
    const rows: [id: number, seq: number][] = [];
    for (let seq = place.seq; seq < to; seq++) {
      for (const id of [1, 2, 3]) if (wanted === null || wanted.includes(id)) rows.push([id, seq]);
    }
    return {
      seriesIds: Uint32Array.from(rows, ([id]) => id),
      timesUs: Float64Array.from(rows, ([, seq]) => T0_US + seq * 1_000),
      values: Float64Array.from(rows, ([, seq]) => seq),
      ...{ next: { seq: to, block: null, chunk: null }, isLast: to === this.seq, arrivalS: 0, unreadable: 0 },
    };
  }

  #held(ranges: SequenceRanges) {
    const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
    const columns = { points: Float64Array.of(count, count, count), fromUs: new Float64Array(3) };
    return {
      ...{ points: 3 * count, bytes: 3 * count, fromUs: 0, toUs: 0, arrivalFromS: 1 },
      bySeries: { seriesIds: Uint32Array.of(1, 2, 3), ...columns, toUs: new Float64Array(3) },
    };
  }

  /** Of each series the values in the order they came. */
  received(): Record<string, number[]> {
    const bySeries = Object.groupBy(this.receiver.taken, ({ series }) => /__name__=(\w+)/.exec(series)![1]);
    return Object.fromEntries(Object.entries(bySeries).map(([name, all]) => [name, all!.map(({ value }) => value)]));
  }
}

const upTo = (end: number, from = 0) => Array.from({ length: end - from }, (_, i) => from + i);

test("each series goes in order, no more requests at once than may, and it is written down after each part", async () => {
  const rig = new Rig();
  rig.commit(100);
  await rig.pass(500);
  rig.commit(50);
  await rig.pass(500);
  expect(rig.received()).toEqual({ temp: upTo(150), power: upTo(150), flow: upTo(150) });
  expect(rig.underwayMax).toBe(2);
  expect(rig.written.at(-1)).toEqual({ seq: 150, block: null, chunk: null });
  expect(rig.counts["sent"]).toBe(450);
  // One part is read ahead: what is not sent is not told as sent.
  for (const { place, sentSeq } of rig.queries) expect(sentSeq).toBeLessThanOrEqual(place.seq);
  await rig.remote.close();
});

test("while the receiver is away no more than two parts are read; then all of it goes, and both are said once", async () => {
  const rig = new Rig();
  rig.receiver.judge = () => ({ kind: "later", reason: "HTTP 503", retryAfterMs: 0 });
  // The one at the start, which finds nothing.
  rig.queries.splice(0);
  rig.commit(1_000);
  await rig.pass(20_000);
  expect(rig.queries.length).toBe(2);
  expect(rig.written).toEqual([]);
  expect(rig.troubles).toEqual(["it is tried again until it works: HTTP 503"]);
  const { queuedPoints, lagMs, trouble } = await rig.remote.status();
  expect(queuedPoints).toBe(3_000);
  expect(lagMs).toBeGreaterThan(10_000);
  expect(trouble).toEndWith("it does not get through, points wait here: HTTP 503");
  rig.receiver.judge = () => undefined;
  await rig.pass(5_000);
  expect(rig.received()["temp"]).toEqual(upTo(1_000));
  expect(rig.connected).toBe(1);
  expect(rig.remote.trouble).toBeUndefined();
  await rig.remote.close();
});

test("past a limit of the queue the oldest are given up, counted and said, and what is left goes", async () => {
  const rig = new Rig({ queueBytesMax: 300 });
  rig.receiver.judge = () => ({ kind: "later", reason: "HTTP 503", retryAfterMs: 0 });
  rig.commit(500);
  await rig.pass(10_500);
  expect(rig.lost).toEqual(["the oldest 1200 points that waited were given up: the queue is past its limits"]);
  expect(rig.counts["dropped"]).toBe(1_200);
  rig.receiver.judge = () => undefined;
  await rig.pass(5_000);
  expect(rig.received()["flow"]).toEqual(upTo(500, 400));
  await rig.remote.close();
});

test("only series that match go, and only they count", async () => {
  const rig = new Rig({ matcher: compileMatcher(["temp", "fl*"], {}) });
  rig.receiver.judge = () => ({ kind: "later", reason: "HTTP 503", retryAfterMs: 0 });
  rig.commit(10);
  await rig.pass(500);
  expect((await rig.remote.status()).queuedPoints).toBe(20);
  rig.remote.lost({
    points: 6,
    bySeries: {
      seriesIds: Uint32Array.of(1, 2),
      points: Float64Array.of(4, 2),
      ...{ fromUs: new Float64Array(2), toUs: new Float64Array(2) },
    },
  });
  expect(rig.lost).toEqual(["retention took 4 points before they were sent"]);
  rig.receiver.judge = () => undefined;
  await rig.pass(3_000);
  expect(rig.received()).toEqual({ temp: upTo(10), flow: upTo(10) });
  await rig.remote.close();
});

test("what had come before a kill is refused, and not lost; of later parts it is", async () => {
  const before = new Rig();
  before.commit(4);
  await before.pass(500);
  await before.remote.close();
  expect(before.isAllAnswered).toBe(true);
  const rig = new Rig({}, true);
  rig.receiver.taken.push(...before.receiver.taken);
  rig.receiver.inOrderOnly();
  rig.commit(4);
  await rig.pass(500);
  expect(rig.counts).toMatchObject({ repeated: 9 });
  expect(rig.counts["refused"]).toBeUndefined();
  rig.receiver.judge = () => ({ kind: "refused", reason: "HTTP 400: out of order sample" });
  rig.commit(1);
  await rig.pass(1_000);
  expect(rig.counts["refused"]).toBe(3);
  await rig.remote.close();
});

test("after a power cut it may be several parts, and nothing of what came since", async () => {
  const before = new Rig();
  before.commit(30);
  await before.pass(500);
  await before.remote.close();
  const rig = new Rig({}, true, 30);
  rig.receiver.taken.push(...before.receiver.taken);
  rig.receiver.inOrderOnly();
  rig.commit(30);
  await rig.pass(2_000);
  expect(rig.counts).toMatchObject({ repeated: 87 });
  expect(rig.counts["refused"]).toBeUndefined();
  await rig.remote.close();
});

test("a close does not wait for a receiver that is away, and what was on its way stays unsent", async () => {
  const rig = new Rig();
  rig.receiver.judge = () => ({ kind: "later", reason: "HTTP 503", retryAfterMs: 0 });
  rig.commit(10);
  await rig.pass(500);
  await rig.remote.close();
  expect(rig.written).toEqual([]);
  expect(rig.queries.at(-1)).toMatchObject({ sentSeq: 0 });
  expect(rig.isAllAnswered).toBe(false);
});
