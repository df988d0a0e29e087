/** What another node forwards, over a log and a journal in memory. */
import { describe, expect, test } from "bun:test";
import { scopeOf } from "../../../src/model/access.ts";
import { Origins } from "../../../src/ingestion/forwarding/origins.ts";
import { ingestionMethods } from "../../../src/ingestion/service.ts";
import { originDeliveries } from "../../../src/ingestion/forwarding/origin-deliveries.ts";
import { ANY_TIME, NO_TIME } from "../../../src/model/time-span.ts";
import { batchBytes, contextOf, createRig, pointsOf, turns } from "../rig.ts";
import { hello, part, Sender, SERIES, settle, type ForwardedInit, type Rig, type Row } from "./sender.ts";

async function ledgerOf(rig: Rig): Promise<Record<string, unknown>> {
  const [origin] = await new Origins(rig.journal, rig.clock).all();
  return { committed: origin.committed, ...Object.fromEntries(origin.delivered) };
}

describe("a node that forwards", () => {
  test("is told what is committed, and its points stand under their own names", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    await settle(rig);
    expect(sender.acks[0]).toMatchObject({ batches: 1n, forwarded: { committed: [], nodeId: "centre" } });
    sender.send(
      part(
        5,
        6,
        [
          [7, 100, 1],
          [7, 200, 2],
          [9, 100, 3],
        ],
        { series: SERIES },
      ),
    );
    sender.send(part(6, 7, [[7, 300, 4]]));
    await settle(rig);
    expect(sender.committed).toEqual(["5-6", "6-7"]);
    expect(sender.acks.at(-1)).toMatchObject({ batches: 3n, pointsProcessed: 4n, pointsFailed: 0n });
    expect(pointsOf(rig.log.synced)).toEqual([
      "temp gw device d1@100=1",
      "temp gw device d1@200=2",
      "temp gw2@100=3",
      "temp gw device d1@300=4",
    ]);
    expect(await ledgerOf(rig)).toEqual({
      committed: [[5, 7]],
      gw: { points: 3, refused: 0, dropped: 0, droppedTimes: NO_TIME, firstUs: 100, lastUs: 300 },
      gw2: { points: 1, refused: 0, dropped: 0, droppedTimes: NO_TIME, firstUs: 100, lastUs: 100 },
    });
    sender.end();
    await settle(rig);
    expect([sender.isOver, sender.failure]).toEqual([true, undefined]);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("a range enters the ledger with its last part, and neither before it is durable nor without being acknowledged", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    sender.send(part(1, 4, [[7, 100, 1]], { series: SERIES, isLast: false }));
    sender.send(part(1, 4, [[7, 200, 2]]));
    await settle(rig);
    expect(sender.acks).toHaveLength(1);
    rig.log.sync(1);
    rig.log.held = false;
    rig.log.sync();
    await settle(rig);
    expect(sender.committed).toEqual(["1-4"]);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 4]], gw: { points: 2 } });
  });

  test("where records are synced late a range enters the ledger once its points must be, and what is replaced before does not", async () => {
    const rig = createRig({ syncLagMs: 5_000 });
    const sender = new Sender(rig);
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    rig.clock.advance(4_900);
    sender.send(part(2, 3, [[7, 200, 1]]));
    await settle(rig);
    expect(sender.committed).toEqual(["1-2"]);
    const next = new Sender(rig, hello({ session: 2n }));
    await settle(rig);
    rig.clock.advance(5_100);
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 2]], gw: { points: 1 } });
    // One that ends, as all do when the server stops, holds nobody up.
    next.send(part(2, 3, [[7, 200, 1]], { series: SERIES })).end();
    await settle(rig);
    expect([next.isOver, next.failure, next.committed]).toEqual([true, undefined, ["1-2"]]);
  });

  test("what broke off in the middle of a range is sent again, and counted once", async () => {
    const rig = createRig();
    const first = new Sender(rig);
    first.send(part(1, 4, [[7, 100, 1]], { series: SERIES, isLast: false }));
    await settle(rig);
    first.leave();
    await settle(rig);
    const second = new Sender(rig, hello({ session: 2n, sinceSession: 2n }));
    second.send(part(1, 4, [[7, 100, 1]], { series: SERIES, isLast: false }));
    second.send(part(1, 4, [[7, 200, 2]]));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 4]], gw: { points: 2 } });
  });

  test("a range that is committed is not stored again, but where it is asked for", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    sender.send(part(1, 2, [[7, 100, 9]]));
    await settle(rig);
    expect(sender.committed).toEqual(["1-2", "1-2"]);
    expect(pointsOf(rig.log.synced)).toEqual(["temp gw device d1@100=1"]);
    sender.send(part(1, 2, [[7, 100, 8]], { isResend: true }));
    await settle(rig);
    expect(pointsOf(rig.log.synced)).toEqual(["temp gw device d1@100=1", "temp gw device d1@100=8"]);
    expect(await ledgerOf(rig)).toMatchObject({ gw: { points: 1 } });
  });

  test("what is asked for again and was never here is counted, once", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    const again = { isResend: true };
    sender.send(part(2, 5, [[7, 200, 2]], { ...again, isLast: false }));
    sender.send(part(2, 5, [[7, 300, 3]], again));
    sender.send(part(2, 5, [[7, 300, 3]], again));
    await settle(rig);
    const gw = { points: 3, refused: 0, dropped: 0, droppedTimes: NO_TIME, firstUs: 100, lastUs: 300 };
    expect(await ledgerOf(rig)).toEqual({ committed: [[1, 5]], gw });
    sender.send(part(2, 5, [[7, 200, 2]], again));
    // Of a range that is here in part nobody can tell which of its points were.
    sender.send(part(4, 7, [[7, 400, 4]], again));
    await settle(rig);
    expect(await ledgerOf(rig)).toEqual({ committed: [[1, 7]], gw: { ...gw, points: 4, lastUs: 400 } });
    expect(sender.acks.at(-1)).toMatchObject({ batches: 7n, pointsProcessed: 6n });
  });

  test("what is told of other ranges between the parts of one does not take what came of it", async () => {
    const rig = createRig();
    const first = new Sender(rig, hello({ lane: "backlog" }));
    first.send(part(10, 20, [[7, 100, 1]], { series: SERIES, isLast: false }));
    first.send(part(1, 5, [], { dropped: [{ source: "gw", points: 4n }] }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 5]], gw: { points: 0, dropped: 4 } });
    first.leave();
    await settle(rig);
    const second = new Sender(rig, hello({ lane: "backlog", session: 2n, sinceSession: 2n }));
    second.send(part(10, 20, [[7, 100, 1]], { series: SERIES, isLast: false }));
    // Names alone, of a range that is not contiguous with it.
    second.send(part(5, 6, [], { series: SERIES, isLast: false }));
    second.send(part(5, 6, [[9, 100, 1]]));
    second.send(part(12, 20, [[7, 101, 1]]));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ gw: { points: 2, dropped: 4 }, gw2: { points: 1 } });
  });

  test("an ack is of parts that were asked for again, or of others", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    const series = [...SERIES, { id: 11, metricName: "no name", source: "gw", tags: {} }];
    const rows = (from: number): Row[] => [
      [7, from, 1],
      [11, from, 1],
    ];
    sender.send(part(1, 2, rows(1), { series }));
    for (const from of [2, 3]) sender.send(part(from, from + 1, rows(from), { isResend: true }));
    for (const from of [4, 5]) sender.send(part(from, from + 1, rows(from)));
    await settle(rig);
    rig.log.held = false;
    rig.log.sync();
    for (let i = 0; i < 3; i++) await settle(rig);
    const told = sender.acks.slice(1).map(({ batches, forwarded }) => {
      return [Number(batches), Number(forwarded!.refused[0].points)];
    });
    expect(told).toEqual([
      [2, 1],
      [4, 2],
      [6, 2],
    ]);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 6]], gw: { points: 5, refused: 5 } });
  });

  test("what was given up is counted once, too, however often it is told", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    const of = (points: bigint, fromS: bigint, toS: bigint) => {
      return [{ source: "gw", points, reason: "age", firstTime: { seconds: fromS }, lastTime: { seconds: toS } }];
    };
    for (const isResend of [false, false, true]) sender.send(part(1, 9, [], { dropped: of(12n, 20n, 30n), isResend }));
    await settle(rig);
    expect(sender.committed).toEqual(["1-9", "1-9", "1-9"]);
    const times = (fromUs: number, toUs: number) => ({ droppedTimes: { fromUs, toUs } });
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 9]], gw: { dropped: 12, ...times(20e6, 30e6) } });
    sender.send(part(9, 10, [], { dropped: of(1n, 10n, 11n) }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ gw: { dropped: 13, ...times(10e6, 30e6) } });
    const [{ sources }] = await originDeliveries(new Origins(rig.journal, rig.clock));
    expect(sources).toMatchObject([{ firstDroppedTime: { seconds: 10n }, lastDroppedTime: { seconds: 30n } }]);
    sender.send(part(10, 11, [], { dropped: [{ source: "gw", points: 1n }] }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ gw: { dropped: 14, droppedTimes: ANY_TIME } });
  });

  test("what waits until its acks are read becomes one ack, with its refusals by source", async () => {
    const rig = createRig();
    const bad = [...SERIES, { id: 11, metricName: "no name", source: "gw", tags: {} }];
    const sender = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    sender.send(part(1, 2, [[7, 100, 1]], { series: bad }));
    for (let i = 2; i < 9; i++) sender.send(part(i, i + 1, [[11, i, 1]]));
    await settle(rig);
    rig.log.sync();
    await settle(rig);
    expect(sender.acks).toHaveLength(2);
    expect(sender.acks[1]).toMatchObject({ batches: 9n, pointsProcessed: 1n, pointsFailed: 7n });
    expect(sender.acks[1].forwarded!.refused).toMatchObject([{ source: "gw", points: 7n }]);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 9]], gw: { points: 1, refused: 7 } });
  });

  test("points that may not be stored are counted by source and named, and their range is done", async () => {
    const rig = createRig({ rawAgeLimitMs: 86_400_000 });
    const sender = new Sender(rig);
    const nowUs = rig.clock.nowMs() * 1_000;
    const series = [...SERIES, { id: 11, metricName: "no name", source: "gw", tags: {} }];
    sender.send(
      part(
        1,
        2,
        [
          [7, nowUs - 2 * 86_400_000_000, 1],
          [7, nowUs, 2],
          [9, nowUs, 5],
          [11, nowUs, 3],
        ],
        { series },
      ),
    );
    await settle(rig);
    const { refused, committed } = sender.acks.at(-1)!.forwarded!;
    expect(committed).toHaveLength(1);
    expect(refused).toMatchObject([{ source: "gw", points: 2n }]);
    expect(refused[0].reason).toContain("older than retention.raw allows");
    expect(await ledgerOf(rig)).toMatchObject({ gw: { points: 1, refused: 2 }, gw2: { points: 1, refused: 0 } });
    expect(rig.troubles).toEqual([]);
  });

  test("points far ahead of the clock here are stored, for it may be that which is wrong, and that is said once", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    const nowUs = rig.clock.nowMs() * 1_000;
    const farUs = nowUs + 86_400_000_000;
    const rows: Row[] = [
      [7, nowUs, 1],
      [7, farUs, 2],
    ];
    sender.send(part(1, 2, rows, { series: SERIES })).send(part(2, 3, [[7, farUs + 1, 3]]));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({
      committed: [[1, 3]],
      gw: { points: 3, refused: 0, lastUs: farUs + 1 },
    });
    expect(rig.troubles).toEqual([
      'points of 2026-01-02T00:00:00.000Z came from node "Hall 3" (edge-1), and it is 2026-01-01T00:00:00.000Z here: ' +
        "they are stored; one of the two clocks is wrong",
    ]);
  });

  test("what the sender gave up is in the ledger of both ends", async () => {
    const rig = createRig();
    const dropped = [{ source: "gw", points: 12n, reason: "age" }];
    new Sender(rig).send(part(1, 9, [], { dropped }));
    await settle(rig);
    expect(await ledgerOf(rig)).toEqual({
      committed: [[1, 9]],
      gw: { points: 0, refused: 0, dropped: 12, droppedTimes: ANY_TIME, firstUs: Infinity, lastUs: -Infinity },
    });
  });

  test("a newer stream of a lane ends the one before, once that has nothing on its way", async () => {
    const rig = createRig();
    const old = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    old.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    const next = new Sender(rig, hello({ session: 2n }));
    await settle(rig);
    expect([old.isOver, next.acks]).toEqual([false, []]);
    rig.log.held = false;
    rig.log.sync();
    await settle(rig);
    expect(old.failure?.status).toBe("ABORTED");
    expect(next.acks).toHaveLength(1);
  });

  test("what a stream that was replaced has not entered into the ledger never enters it: the newer one was told what is there", async () => {
    const rig = createRig();
    const old = new Sender(rig);
    await settle(rig);
    old.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await turns(6);
    expect(pointsOf(rig.log.synced)).toHaveLength(1);
    const next = new Sender(rig, hello({ session: 2n }));
    await turns(6);
    expect(next.acks[0].forwarded!.committed).toEqual([]);
    await settle(rig);
    expect(await ledgerOf(rig)).toEqual({ committed: [] });
    next.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 2]], gw: { points: 1 } });
  });

  test("streams of a process before are ended whatever their lane, others stay", async () => {
    const rig = createRig();
    const backlog = new Sender(rig, hello({ lane: "backlog", session: 2n }));
    const live = new Sender(rig, hello({ session: 3n }));
    await settle(rig);
    expect([backlog.isOver, live.isOver]).toEqual([false, false]);
    new Sender(rig, hello({ session: 4n, sinceSession: 4n }));
    await settle(rig);
    expect([backlog.failure?.status, live.failure?.status]).toEqual(["ABORTED", "ABORTED"]);
    const late = new Sender(rig, hello({ lane: "backlog", session: 3n }));
    await settle(rig);
    expect(late.failure?.status).toBe("ALREADY_EXISTS");
    expect(late.failure?.message).toContain("its session is 3, and was 4; was its data directory copied");
  });

  test("after a restart the ledger stands, and an older session is still refused", async () => {
    const rig = createRig();
    new Sender(rig, hello({ session: 5n, sinceSession: 5n })).send(part(1, 2, [[7, 1, 1]], { series: SERIES }));
    await settle(rig);
    const origins = new Origins(rig.journal, rig.clock);
    const again = { ...rig, deps: { ...rig.deps, forwarding: { ...rig.deps.forwarding, origins } } };
    const older = new Sender(again, hello({ session: 4n }));
    const newer = new Sender(again, hello({ session: 6n }));
    await settle(rig);
    expect(older.failure?.status).toBe("ALREADY_EXISTS");
    expect(newer.committed).toEqual(["1-2"]);
  });

  test("where the log or the ledger fails nothing is acknowledged, and all of it can be sent again", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    rig.log.fail("disk is gone");
    rig.log.held = false;
    await settle(rig);
    expect(sender.failure?.message).toBe("disk is gone");
    rig.clock.advance(2_000);
    await settle(rig);
    const second = new Sender(rig, hello({ session: 2n }));
    await settle(rig);
    rig.journal.failure = new Error("journal is gone");
    second.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    expect(second.failure?.message).toBe("journal is gone");
    expect(second.committed).toEqual([]);
    rig.journal.failure = null;
    const third = new Sender(rig, hello({ session: 3n }));
    await settle(rig);
    expect(third.committed).toEqual([]);
    third.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    expect(third.committed).toEqual(["1-2"]);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 2]], gw: { points: 1 } });
    third.leave();
    await settle(rig);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("while the journal hangs a node is told to try again, and is let in once it does not", async () => {
    const rig = createRig();
    const append = rig.journal.append.bind(rig.journal);
    const held = Promise.withResolvers<void>();
    rig.journal.append = async (...change) => {
      await held.promise;
      return append(...change);
    };
    const sender = new Sender(rig);
    await settle(rig);
    expect(sender.isOver).toBe(false);
    rig.clock.advance(30_000);
    await settle(rig);
    expect(sender.failure).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 10_000 });
    expect(sender.failure?.message).toContain("within 30 s");
    held.resolve();
    const next = new Sender(rig, hello({ session: 2n }));
    await settle(rig);
    expect(next.acks).toHaveLength(1);
    expect((await rig.deps.forwarding.origins.all()).map(({ streams }) => streams.size)).toEqual([1]);
  });

  test("a series that was deleted meanwhile is made again", async () => {
    const rig = createRig();
    const sender = new Sender(rig);
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    rig.registry.forget(Uint32Array.of(1));
    sender.send(part(2, 3, [[7, 200, 2]]));
    await settle(rig);
    expect(sender.failure).toBeUndefined();
    expect(pointsOf(rig.log.synced).at(-1)).toBe("temp gw device d1@200=2");
  });

  test("series whose names are refused cost only themselves, and one that there was no room for is made when there is", async () => {
    const rig = createRig({ seriesMax: 2 });
    const series = [
      { id: 1, metricName: "temp", source: "x".repeat(257), tags: {} },
      { id: 2, metricName: "temp", source: "gw", tags: { place: "y".repeat(513) } },
      { id: 3, metricName: "temp", source: "gw", tags: {} },
      { id: 4, metricName: "temp", source: "gw2", tags: {} },
      { id: 5, metricName: "temp", source: "gw3", tags: {} },
    ];
    const rows: Row[] = series.map(({ id }) => [id, 100, id]);
    const sender = new Sender(rig).send(part(1, 2, rows, { series }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({
      "(others)": { points: 0, refused: 1 },
      gw: { points: 1, refused: 1 },
      gw2: { points: 1, refused: 0 },
      gw3: { points: 0, refused: 1 },
    });
    const reasons = new Map(sender.acks.at(-1)!.forwarded!.refused.map(({ source, reason }) => [source, reason]));
    expect(reasons.get("(others)")).toContain("source has 257 bytes; wanted at most 256");
    expect(reasons.get("gw")).toContain('tag "place" has 513 bytes');
    expect(reasons.get("gw3")).toContain("series_max");
    sender.send(part(2, 3, [[5, 200, 5]]));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 3]], gw3: { points: 0, refused: 2 } });
    rig.registry.forget([1]);
    // Its name is not kept.
    sender.send(part(3, 4, [[5, 300, 5]]));
    await settle(rig);
    expect(sender.failure?.status).toBe("ABORTED");
    expect(sender.failure?.message).toContain('a series of source "gw3" was refused');
    const next = new Sender(rig, hello({ session: 2n })).send(part(3, 4, [[5, 300, 5]], { series: series.slice(4) }));
    await settle(rig);
    expect(next.committed).toEqual(["1-3", "3-4"]);
    expect(pointsOf(rig.log.synced).at(-1)).toBe("temp gw3@300=5");
  });

  test("what is out of its scope costs only itself, whichever source it is of, and is named anew once it is in it", async () => {
    const rig = createRig();
    const berlin = scopeOf({ sources: ["gw*"], devices: [], sites: ["berlin"] });
    const series = [
      { id: 1, metricName: "temp", source: "gw", tags: { device: "d1", site: "berlin" } },
      { id: 2, metricName: "temp", source: "gw", tags: { device: "d2" } },
      { id: 3, metricName: "temp", source: "other", tags: { site: "berlin" } },
    ];
    const rows = (timeUs: number): Row[] => series.map(({ id }) => [id, timeUs, id]);
    const sender = new Sender(rig, hello(), { scope: berlin }).send(part(1, 2, rows(100), { series }));
    await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({
      committed: [[1, 2]],
      gw: { points: 1, refused: 1, firstUs: 100, lastUs: 100 },
      other: { points: 0, refused: 1 },
    });
    const wanted = 'which is out of the scope of "test"; wanted sources gw*; sites berlin';
    expect(sender.acks.at(-1)!.forwarded!.refused).toEqual([
      { source: "gw", points: 1n, reason: `device is "d2" and source is "gw", ${wanted}` },
      { source: "other", points: 1n, reason: `source is "other", ${wanted}` },
    ] as never);
    rig.move("d1", "hamburg");
    sender.send(part(2, 3, rows(200)));
    await settle(rig);
    expect(pointsOf(rig.log.synced)).toEqual(["temp gw device d1 site berlin@100=1"]);
    expect((await rig.metrics.refusedPoints.get()).values).toMatchObject([
      { labels: { reason: "out_of_scope" }, value: 5 },
    ]);
    expect(sender.failure).toBeUndefined();
    rig.move("d2", "berlin");
    sender.send(part(3, 4, rows(300)));
    await settle(rig);
    expect(sender.failure).toMatchObject({
      status: "ABORTED",
      message: expect.stringContaining("its device has moved"),
    });
    const next = new Sender(rig, hello({ session: 2n }), { scope: berlin }).send(part(3, 4, rows(300), { series }));
    await settle(rig);
    expect(next.committed).toEqual(["1-3", "3-4"]);
    expect(pointsOf(rig.log.synced).at(-1)).toBe("temp gw device d2@300=2");
  });

  test("counts of what comes behind a part that is not durable are reserved, and parts wait where there is no room", async () => {
    const rig = createRig({ budgetBytes: 32 << 20 });
    const sender = new Sender(rig);
    await settle(rig);
    rig.log.held = true;
    sender.send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    const dropped = (i: number) => Array.from({ length: 5_000 }, (_, k) => ({ source: `${i}-${k}`, points: 1n }));
    for (let i = 2; i < 52; i++) sender.send(part(i, i + 1, [], { dropped: dropped(i) }));
    for (let i = 0; i < 4; i++) await settle(rig);
    expect(rig.budget.waiting).toBe(1);
    expect(rig.budget.reservedBytes).toBeGreaterThan(24 << 20);
    rig.log.held = false;
    rig.log.sync();
    for (let i = 0; i < 50 && sender.committed.length < 51; i++) await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({
      committed: [[1, 52]],
      "2-0": { dropped: 1 },
      "(others)": { dropped: 245_001 },
    });
    rig.log.held = true;
    sender.send(part(52, 53, [[7, 200, 1]])).send(part(53, 54, [], { dropped: dropped(1) }));
    await settle(rig);
    sender.leave();
    rig.log.sync();
    await settle(rig);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("what a stream has named is reserved for as long as it lives", async () => {
    const rig = createRig();
    const sender = new Sender(rig).send(part(1, 2, [[7, 100, 1]], { series: SERIES }));
    await settle(rig);
    const { reservedBytes } = rig.budget;
    expect(reservedBytes).toBeGreaterThan(0);
    sender.send(part(2, 3, [[7, 200, 1]], { series: SERIES }));
    await settle(rig);
    expect(rig.budget.reservedBytes).toBe(reservedBytes);
    sender.leave();
    await settle(rig);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("streams that name series and send nothing any more leave memory for others, and end once names need it", async () => {
    const rig = createRig({ budgetBytes: 64 << 20, seriesMax: 2_000_000, seriesPerSourceMax: 10 });
    const name = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ id: from + i, metricName: `bad name ${from + i}`, source: "s" }));
    const idle = ["edge-1", "edge-2"].map((originId) => new Sender(rig, hello({ originId })));
    for (const [i, sender] of idle.entries()) {
      for (let m = 0; m <= i; m++) sender.send(part(1 + m, 2 + m, [], { series: name(1 + m * 60_000, 60_000) }));
      for (let wait = 0; wait < 500 && sender.acks.length < i + 2; wait++) await settle(rig);
    }
    expect(idle.map(({ acks, isOver }) => [acks.length, isOver])).toEqual([
      [2, false],
      [3, false],
    ]);
    expect(rig.budget.reservedBytes).toBeLessThan((64 << 20) / 4);
    rig.clock.advance(10_000);
    const busy = new Sender(rig, hello({ originId: "edge-3" }));
    busy.send(part(1, 2, [], { series: name(1, 60_000) })).send(part(2, 3, [[7, 1, 1]], { series: SERIES }));
    for (let wait = 0; wait < 500 && busy.committed.length < 2; wait++) await settle(rig);
    expect(idle.map(({ isOver }) => isOver)).toEqual([false, false]);
    busy.send(part(3, 4, [], { series: name(60_001, 60_000) }));
    for (let wait = 0; wait < 500 && busy.committed.length < 3; wait++) await settle(rig);
    expect(idle.map(({ isOver }) => isOver)).toEqual([false, true]);
    expect(idle[1].failure?.status).toBe("RESOURCE_EXHAUSTED");
    expect(idle[1].failure?.message).toContain("may take 16MiB (a quarter of memory.budget)");
    expect(busy.committed).toEqual(["1-2", "2-3", "3-4"]);
    expect(rig.budget.reservedBytes).toBeLessThan((64 << 20) / 4);
    for (const sender of [idle[0], busy]) sender.leave();
    await settle(rig);
    expect([rig.budget.reservedBytes, rig.deps.forwarding.names.bytes]).toEqual([0, 0]);
  });

  test("of many series that are refused the first reasons are told, then one for each source, then one of all", async () => {
    const rig = createRig();
    const sources = Array.from({ length: 6_002 }, (_, i) => `gw-${i}`);
    const series = sources.map((source, i) => ({ id: i + 1, metricName: "no name", source }));
    series.push({ id: 6_003, metricName: "other name", source: "gw-2" });
    const sender = new Sender(rig);
    sender.send(part(1, 2, [], { series }));
    const ids = [1, 1_001, 6_002, 6_003];
    sender.send(
      part(
        2,
        3,
        ids.map((id): Row => [id, 1, 1]),
      ),
    );
    for (let i = 0; i < 3; i++) await settle(rig);
    const refused = sender.acks.slice(1).flatMap(({ forwarded }) => forwarded!.refused);
    const reasons = new Map(
      refused.map(({ source, reason, points }) => [source, [reason.slice(0, 22), Number(points)]]),
    );
    expect([...reasons].sort()).toEqual([
      ["(others)", ["is one of too many ser", 2]],
      ["gw-0", ['metric_name is "no nam', 1]],
      ["gw-1000", ["is one of too many ser", 1]],
    ]);
  });

  test("ranges of many sources enter the ledger together less often", async () => {
    const rig = createRig({ seriesMax: 4_000 });
    const sender = new Sender(rig);
    await settle(rig);
    const series = Array.from({ length: 4_000 }, (_, i) => ({
      id: i + 1,
      metricName: "m",
      source: `gw-${i}`,
      tags: {},
    }));
    const rows = series.map(({ id }): Row => [id, 1, 0]);
    sender.send(part(1, 2, rows, { series }));
    await turns(12);
    for (const [waitedMs, acks] of [
      [199, 1],
      [1, 2],
    ]) {
      for (let i = 0; i < waitedMs; i++) {
        rig.clock.advance(1);
        await turns(1);
      }
      await turns(6);
      expect(sender.acks).toHaveLength(acks);
    }
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 2]], "gw-3999": { points: 1 } });
  });

  test("others run while a large part is taken", async () => {
    const rig = createRig({ seriesMax: 10_000, seriesPerSourceMax: 10_000 });
    const turnsOf = { names: 0, rows: 0 };
    let at: keyof typeof turnsOf = "names";
    const forwarding = {
      ...rig.deps.forwarding,
      nextTurn: async () => {
        turnsOf[at]++;
        await Bun.sleep(0);
      },
    };
    const sender = new Sender({ ...rig, deps: { ...rig.deps, forwarding } });
    const series = Array.from({ length: 5_000 }, (_, i) => ({
      id: i + 1,
      metricName: "m",
      source: "gw",
      tags: { i: `${i}` },
    }));
    sender.send(part(1, 2, [], { series }));
    await settle(rig);
    at = "rows";
    const rows = series.flatMap(({ id }): Row[] => [1, 2, 3].map((t) => [id, t, 0]));
    sender.send(part(2, 3, rows));
    for (let i = 0; i < 3; i++) await settle(rig);
    expect(await ledgerOf(rig)).toMatchObject({ committed: [[1, 3]], gw: { points: 15_000 } });
    // Names 500 at once, chunks 1,000, rows 10,000.
    expect(turnsOf).toEqual({ names: 9, rows: 4 + 1 });
  });

  test("a stream that is replaced within a part takes no more of it, and is at its end when the newer one is let in", async () => {
    const rig = createRig();
    const held = Promise.withResolvers<void>();
    const forwarding = { ...rig.deps.forwarding, nextTurn: () => held.promise };
    const old = new Sender({ ...rig, deps: { ...rig.deps, forwarding } });
    const rows = Array.from({ length: 20_001 }, (_, i): Row => [7, 1 + i, 1]);
    old.send(part(1, 2, rows, { series: SERIES }));
    await settle(rig);
    expect(pointsOf(rig.log.synced)).toHaveLength(10_000);
    const next = new Sender(rig, hello({ session: 2n }));
    await settle(rig);
    expect(next.acks).toEqual([]);
    held.resolve();
    await settle(rig);
    expect([old.failure?.status, next.committed]).toEqual(["ABORTED", []]);
    expect(next.acks).toHaveLength(1);
    expect(pointsOf(rig.log.synced)).toHaveLength(10_000);
    next.leave();
    await settle(rig);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test.each<[string, ForwardedInit, string]>([
    ["an id with odd letters", hello({ originId: "a/b" }), "origin_id"],
    ["no lane", hello({ lane: "fast" }), "lane"],
    ["a session below 0", hello({ session: -1n }), "session"],
    ["sequences at once", hello({ sequences: { from: 1n, to: 2n } }), "first message has sequences"],
    ["itself", hello({ originId: "centre" }), "round for ever"],
    ["a node that this one forwards to", hello({ behind: ["x", "centre"] }), "round for ever"],
    ["a run with odd letters", hello({ runs: [{ id: "a b" }] }), 'runs is "a b"'],
    ["an id behind it with odd letters", hello({ behind: ["x", "a b"] }), 'behind is "a b"'],
    ["too many nodes behind it", hello({ behind: Array(100_001).fill("x") }), "behind comes more than 100000 times"],
  ])("is refused with %s", async (_, first, wanted) => {
    const rig = createRig();
    const sender = new Sender(rig, first);
    await settle(rig);
    expect(sender.failure?.message).toContain(wanted);
  });

  test.each<[string, ForwardedInit, string]>([
    ["sequences that are none", part(3, 3, []), "sequences are [3, 3)"],
    ["a series nobody named", part(1, 2, [[7, 1, 1]]), "series 7"],
    ["a count below 0", part(1, 2, [], { dropped: [{ source: "gw", points: -1n }] }), "dropped says -1 points"],
    [
      "a count that is too large",
      part(1, 2, [], { dropped: [{ source: "gw", points: 1n << 60n }] }),
      "wanted 0 to 2^53 - 1",
    ],
    [
      "times that are out of order",
      part(1, 2, [], { dropped: [{ source: "gw", firstTime: { seconds: 2n }, lastTime: { seconds: 1n } }] }),
      'dropped says times from 2 s 0 ns to 1 s 0 ns of source "gw"',
    ],
    [
      "a time before 1970",
      part(1, 2, [], { dropped: [{ source: "gw", firstTime: { seconds: -2n }, lastTime: { seconds: 1n } }] }),
      "wanted two from 1970 on",
    ],
    ["a source that is too long", part(1, 2, [], { dropped: [{ source: "x".repeat(257) }] }), "source has 257 bytes"],
    ["a damaged block", { ...part(1, 2, [[7, 1, 1]], { series: SERIES }), blockBody: new Uint8Array(3) }, "damaged"],
  ])("is ended by %s, and nothing of it is kept", async (_, message, wanted) => {
    const rig = createRig();
    const sender = new Sender(rig).send(message);
    await settle(rig);
    expect(sender.failure?.status).toBe("INVALID_ARGUMENT");
    expect(sender.failure?.message).toContain(wanted);
    expect(pointsOf(rig.log.synced)).toEqual([]);
    expect(rig.budget.reservedBytes).toBe(0);
  });

  test("which nodes points come from, over others, too, is known after a restart", async () => {
    const rig = createRig();
    new Sender(rig, hello({ behind: ["line-1", "line-2"] }));
    new Sender(rig, hello({ originId: "edge-2", behind: ["line-2"] }));
    await settle(rig);
    const behind = ["edge-1", "edge-2", "line-1", "line-2"];
    expect((await rig.deps.forwarding.origins.behind()).sort()).toEqual(behind);
    expect((await new Origins(rig.journal, rig.clock).behind()).sort()).toEqual(behind);
  });

  test("a batch with points in such a stream, and one that is forwarded anywhere else, are refused", async () => {
    const rig = createRig();
    const [upload, , unary] = ingestionMethods(rig.deps);
    const forwarded = batchBytes({ forwarded: hello() });
    expect(unary.run(forwarded as never, contextOf())).rejects.toThrow("first message of StreamData");
    const answer = await (upload.run(streamOf(forwarded) as never, contextOf()) as Promise<{ errors: string[] }>);
    expect(answer.errors[0]).toContain("first message of StreamData");
  });
});

async function* streamOf(...messages: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* messages;
}
