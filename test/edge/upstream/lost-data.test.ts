/** Either end loses what it had, or is refused. */
import { expect, test } from "bun:test";
import { createPair, type Row } from "./rig.ts";

const T = Date.UTC(2025, 11, 31) * 1_000;

function rowsFrom(first: number, count = 1): Row[] {
  return Array.from({ length: count }, (_, i): Row => [1 + ((first + i) % 6), T + first + i, first + i]);
}

type Pair = Awaited<ReturnType<typeof createPair>>;

/** What had arrived before, and what stands at the gateway now. */
function allOf(before: readonly string[], pair: Pair): string[] {
  return [...new Set([...before, ...pair.sent()])].sort();
}

/** Ten points have arrived, and are in the snapshot; returns what goes back to it. */
async function snapshotAfterTen(pair: Pair): Promise<() => Promise<void>> {
  commitEach(pair, 0, 10);
  await pair.settle();
  return pair.snapshotEdge();
}

function commitEach(pair: Pair, first: number, count: number): void {
  for (let i = first; i < first + count; i++) pair.commit(rowsFrom(i));
}

test("a gateway that is rolled back to a snapshot: what is new under sequences that were given before arrives", async () => {
  const pair = await createPair();
  const rollBack = await snapshotAfterTen(pair);
  commitEach(pair, 10, 10);
  await pair.settle();
  const before = pair.received();
  await rollBack();
  commitEach(pair, 100, 4);
  await pair.settle();
  await pair.pass(1_000);
  expect(pair.received()).toEqual(allOf(before, pair));
  expect(pair.told).toContainEqual(expect.stringContaining("rolled back to a snapshot"));
  await pair.upstream.close();
});

test("the same where it has committed more meanwhile than it lost, or its sessions were overtaken", async () => {
  const pair = await createPair();
  const rollBack = await snapshotAfterTen(pair);
  commitEach(pair, 10, 5);
  for (let i = 0; i < 4; i++) {
    pair.cut();
    await pair.settle();
    await pair.pass(10_000);
  }
  const before = pair.received();
  pair.setReachable(false);
  await rollBack();
  commitEach(pair, 100, 20);
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(allOf(before, pair));
  await pair.upstream.close();
});

test("of two gateways made from one image the second is another one, however long it tried before it reached the receiver", async () => {
  const pair = await createPair();
  const rollBack = await snapshotAfterTen(pair);
  await pair.restartEdge();
  commitEach(pair, 10, 5);
  await pair.settle();
  const before = pair.received();
  pair.setReachable(false);
  await rollBack();
  commitEach(pair, 100, 20);
  for (let i = 0; i < 20; i++) await pair.pass(60_000);
  await pair.restartEdge();
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(allOf(before, pair));
  expect(await pair.origins.all()).toHaveLength(2);
  await pair.upstream.close();
});

test("a gateway that was started often, and a receiver that was restored, know each other", async () => {
  const pair = await createPair();
  commitEach(pair, 0, 10);
  await pair.settle();
  const restore = pair.snapshotReceiver();
  for (let i = 0; i < 12; i++) {
    await pair.restartEdge();
    commitEach(pair, 10 + i, 1);
    await pair.settle();
  }
  await restore();
  await pair.restartEdge();
  await pair.pass(10_000);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(await pair.origins.all()).toHaveLength(1);
  await pair.upstream.close();
});

test("a machine that is put back while its process runs: the process has not sent what is there of it", async () => {
  const pair = await createPair();
  commitEach(pair, 0, 10);
  await pair.settle();
  const [origin] = await pair.origins.all();
  // As it sent them before it was put back.
  await pair.origins.commit(origin, [[10, 20]], new Map());
  pair.setReachable(false);
  commitEach(pair, 10, 3);
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  await pair.upstream.close();
});

test("a gateway that was restored from a backup sends what it had not delivered, and nothing twice", async () => {
  const pair = await createPair();
  commitEach(pair, 0, 10);
  await pair.settle();
  await pair.pass(6_000);
  pair.setReachable(false);
  commitEach(pair, 10, 3);
  await pair.restoreEdge();
  const records = pair.receiver.log.synced.length;
  pair.setReachable(true);
  await pair.settle();
  await pair.pass(1_000);
  expect(pair.received()).toEqual(pair.sent());
  const counts = (await pair.origins.all()).map(({ committed, delivered }) => {
    return [committed, [...delivered.values()].reduce((sum, { points }) => sum + points, 0)];
  });
  expect(counts).toEqual([
    [[[0, 10]], 10],
    [[[0, 13]], 3],
  ]);
  expect(pair.receiver.log.synced.length).toBeGreaterThan(records);
  await pair.upstream.close();
});

test("a receiver that was restored from a backup gets again what it has lost", async () => {
  const pair = await createPair();
  commitEach(pair, 0, 10);
  await pair.settle();
  const restore = pair.snapshotReceiver();
  commitEach(pair, 10, 10);
  await pair.settle();
  await restore();
  expect(pair.received()).toHaveLength(10);
  await pair.pass(10_000);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(pair.told).toContainEqual(expect.stringContaining("10 sequences of the log go there again"));
  const { sender, receiver } = await pair.ledgers();
  expect(sender).toEqual(receiver);
  expect((receiver as [string, number][]).reduce((sum, [, points]) => sum + points, 0)).toBe(20);
  await pair.upstream.close();
});

test("what was given up leaves no gaps at the receiver, over restarts, too", async () => {
  const pair = await createPair({ queueBytesMax: 20 });
  for (let outage = 0; outage < 5; outage++) {
    pair.setReachable(false);
    commitEach(pair, outage * 10, 10);
    await pair.pass(11_000);
    await pair.restartEdge();
    pair.setReachable(true);
    await pair.settle();
    await pair.pass(1_000);
  }
  const [{ committed, delivered }] = await pair.origins.all();
  expect(committed).toEqual([[0, 50]]);
  expect([...delivered.values()].reduce((sum, { dropped }) => sum + dropped, 0)).toBe(40);
  await pair.upstream.close();
});

test("a part that is refused is set aside, counted, and everything else arrives", async () => {
  const pair = await createPair();
  await pair.settle();
  pair.setReachable(false);
  commitEach(pair, 0, 8);
  pair.store.damagedSeqs = [8, 12];
  commitEach(pair, 8, 4);
  commitEach(pair, 12, 8);
  pair.setReachable(true);
  await pair.settle();
  const wanted = pair.sent().filter((point) => {
    const value = Number(point.split("=")[1]);
    return value < 8 || value >= 12;
  });
  expect(pair.received()).toEqual(wanted);
  expect(pair.told).toContainEqual(expect.stringMatching(/^4 points were given up, since the upstream refuses them: /));
  const { sources } = await pair.upstream.status();
  expect([...sources.values()].reduce((sum, { dropped }) => sum + dropped, 0)).toBe(4);
  // Live points go as they did before.
  commitEach(pair, 20, 200);
  await pair.settle();
  expect(pair.received()).toHaveLength(216);
  await pair.upstream.close();
});

test("a clock that is set ahead does not make the queue old; time does", async () => {
  const pair = await createPair({ queueAgeMaxMs: 3_600_000 });
  pair.setReachable(false);
  await pair.pass(700_000);
  commitEach(pair, 0, 10);
  await pair.pass(20_000);
  pair.clock.setWallClock(pair.clock.nowMs() + 86_400_000);
  await pair.pass(20_000);
  commitEach(pair, 10, 10);
  await pair.pass(1_800_000);
  expect((await pair.upstream.status()).queuedPoints).toBe(20);
  for (let i = 0; i < 4; i++) await pair.pass(600_000);
  expect((await pair.upstream.status()).queuedPoints).toBe(0);
  expect(pair.told).toContainEqual(expect.stringContaining("the oldest 20 points"));
  await pair.upstream.close();
});

for (const isAwayMs of [0, 600_000]) {
  test(`the same where it commits more than it lost, away for ${isAwayMs} ms, and starts once more before it is back`, async () => {
    const pair = await createPair();
    const rollBack = await snapshotAfterTen(pair);
    commitEach(pair, 10, 10);
    await pair.settle();
    const before = pair.received();
    pair.setReachable(false);
    await rollBack();
    await pair.pass(1_000);
    commitEach(pair, 100, 15);
    for (let ms = 0; ms < isAwayMs; ms += 10_000) await pair.pass(10_000);
    await pair.restartEdge();
    await pair.pass(5_000);
    pair.setReachable(true);
    await pair.settle();
    expect(pair.received()).toEqual(allOf(before, pair));
    await pair.upstream.close();
  });
}

test("of many ranges that are asked for again those close to each other go together", async () => {
  const pair = await createPair();
  for (let i = 0; i < 6_000; i++) pair.commit([[1, T + (i % 2) * 1_000_000 + i, i]]);
  pair.store.unitSeqs = 1_000;
  pair.store.partRows = 1_000;
  await pair.settle();
  const { ranges } = await pair.upstream.resend(T, T + 1_000_000);
  expect(ranges).toHaveLength(3_000);
  expect((await pair.upstream.status()).undelivered.length).toBeLessThan(1_010);
  await pair.upstream.close();
}, 120_000);

/** Twice the same points of two sources, of which the first counts are documents of their own. */
async function countedPair(): Promise<Pair> {
  const pair = await createPair();
  commitEach(pair, 0, 20);
  await pair.settle();
  await pair.pass(61_000);
  commitEach(pair, 20, 20);
  await pair.settle();
  await pair.pass(61_000);
  return pair;
}

test("a receiver whose document of a gateway is damaged gets everything again, and counts it once, also after a restart", async () => {
  const pair = await countedPair();
  const counted = await pair.ledgers();
  pair.receiver.journal.damage("forwarding.origin", "edge-1");
  await pair.restartReceiver();
  commitEach(pair, 40, 6);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  const { sender, receiver } = await pair.ledgers();
  expect(receiver).toEqual([
    ["gw0", 23],
    ["gw1", 23],
  ]);
  expect(sender).toEqual(receiver);
  expect(counted.receiver).toEqual([
    ["gw0", 20],
    ["gw1", 20],
  ]);
  await pair.restartReceiver();
  await pair.settle();
  expect(await pair.ledgers()).toEqual({ sender, receiver });
  expect(pair.told.join("\n")).toContain("no longer has what it acknowledged");
  await pair.upstream.close();
});

test("what is no more sent of a gateway whose document is damaged counts no more", async () => {
  const pair = await countedPair();
  pair.receiver.journal.damage("forwarding.origin", "edge-1");
  pair.store.rows.length = 0;
  for (let i = 0; i < 2; i++) {
    await pair.restartReceiver();
    await pair.pass(10_000);
    await pair.settle();
  }
  const { sender, receiver } = await pair.ledgers();
  expect(receiver).toEqual([]);
  expect(sender).toEqual([
    ["gw0", 0],
    ["gw1", 0],
  ]);
  await pair.upstream.close();
});

test("damaged counts of a source, and nodes behind a gateway, hold up nothing", async () => {
  const pair = await countedPair();
  pair.receiver.journal.damage("forwarding.source", "edge-1\ngw0");
  pair.behind.push("line-7");
  await pair.restartReceiver();
  await pair.pass(10_000);
  await pair.settle();
  pair.receiver.journal.damage("forwarding.behind", "edge-1");
  await pair.restartReceiver();
  commitEach(pair, 40, 6);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(await pair.origins.behind()).toEqual(["edge-1", "line-7"]);
  await pair.upstream.close();
});

test("a gateway whose own state is damaged sends everything again as another node: nothing is lost, and no point changes", async () => {
  const pair = await countedPair();
  pair.setReachable(false);
  commitEach(pair, 40, 6);
  await pair.pass(10_000);
  pair.journal.damage("upstream", "state");
  await pair.restartEdge();
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect((await pair.origins.all()).length).toBe(2);
  await pair.restartEdge();
  await pair.settle();
  expect((await pair.origins.all()).length).toBe(2);
  await pair.upstream.close();
});

test("a gateway whose counts of a source are damaged takes those of the receiver", async () => {
  const pair = await countedPair();
  const counted = await pair.ledgers();
  pair.journal.damage("upstream.source", "gw0");
  await pair.restartEdge();
  await pair.settle();
  expect(await pair.ledgers()).toEqual(counted);
  await pair.upstream.close();
});
