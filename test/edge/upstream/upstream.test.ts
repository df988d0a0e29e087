/** Forwarding to a receiver in the same process. */
import { expect, test } from "bun:test";
import { compileMatcher } from "../../../src/model/matcher.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { ANY_TIME } from "../../../src/model/time-span.ts";
import { createPair, type Row } from "./rig.ts";

const T = Date.UTC(2025, 11, 31) * 1_000;

test("what is committed arrives live, once", async () => {
  const pair = await createPair();
  await pair.pass(100);
  pair.commit([
    [1, T, 1.5],
    [2, T, 2.5],
  ]);
  pair.commit([[1, T + 1, 3]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  expect(pair.received()).toHaveLength(3);
  const { sender, receiver } = await pair.ledgers();
  expect(sender).toEqual([
    ["gw0", 2],
    ["gw1", 1],
  ]);
  expect(receiver).toEqual(sender);
  await pair.upstream.close();
});

test("what was committed while nobody answered arrives afterwards, newest first", async () => {
  const pair = await createPair();
  pair.setReachable(false);
  for (let i = 0; i < 20; i++) pair.commit([[1 + (i % 3), T + i, i]]);
  await pair.pass(200);
  const { lastTrouble, sinceMs } = await pair.upstream.status();
  expect(lastTrouble?.error).toContain("nobody answers");
  // Attempts come and go.
  await pair.pass(10_000);
  expect((await pair.upstream.status()).sinceMs).toBe(sinceMs);
  pair.setReachable(true);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  const { sender, receiver } = await pair.ledgers();
  expect(receiver).toEqual(sender);
  await pair.upstream.close();
});

test("when it stops the store hears what was delivered until then", async () => {
  const pair = await createPair();
  await pair.pass(1_000);
  const [[from]] = pair.store.undeliveredRanges;
  pair.commit([[1, T, 1]]);
  const isAcked = async () => (await pair.upstream.status()).sources.get("gw0")?.acked === 1;
  for (let i = 0; i < 100 && !(await isAcked()); i++) await pair.pass(1);
  expect(await isAcked()).toBe(true);
  await pair.upstream.close();
  expect(pair.store.undeliveredRanges).toEqual([[from + 1, Infinity]]);
});

test("a correction that comes while its point is on its way is not overwritten", async () => {
  const pair = await createPair();
  pair.setReachable(false);
  const rows: Row[] = [
    [1, T, 1],
    [1, T + 10, 2],
  ];
  pair.commit(rows);
  await pair.pass(200);
  pair.setReachable(true);
  // The part of the backlog is sent, and arrives after everything else.
  for (let i = 0; i < 100; i++) {
    await pair.pass(100, () => true);
    const backlog = pair.wires.find(({ name, isCut }) => name === "backlog" && !isCut);
    if (backlog !== undefined) break;
  }
  pair.commit([[1, T + 5, 7]]);
  pair.commit([[1, T, 99]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  await pair.upstream.close();
});

test("series that do not pass the filter are not sent, and nothing of them waits", async () => {
  const matcher = compileMatcher(["temp"], { source: "gw1" });
  const pair = await createPair({ matcher });
  pair.setReachable(false);
  for (let i = 0; i < 12; i++) pair.commit([[1 + (i % 6), T + i, i]]);
  pair.setReachable(true);
  await pair.pass(5_000);
  for (let i = 12; i < 24; i++) pair.commit([[1 + (i % 6), T + i, i]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent().filter((point) => point.includes(" gw1 ")));
  expect(pair.received()).toHaveLength(12);
  const { sources } = await pair.upstream.status();
  expect([...sources].map(([source, { acked, dropped }]) => [source, acked, dropped])).toEqual([["gw1", 12, 0]]);
  await pair.upstream.close();
});

test("what is past the limit of the queue is given up, oldest first, counted at both ends", async () => {
  // The store of this test takes ten bytes a point.
  const pair = await createPair({ queueBytesMax: 300 });
  pair.setReachable(false);
  for (let i = 0; i < 100; i++) pair.commit([[1 + (i % 2), T + i, i]]);
  await pair.pass(11_000);
  expect(pair.told).toContainEqual(expect.stringContaining("the oldest 70 points"));
  expect((await pair.upstream.status()).queuedPoints).toBe(30);
  await pair.restartEdge();
  pair.setReachable(true);
  await pair.settle();
  await pair.pass(1_000);
  expect(pair.received()).toEqual(pair.sent().filter((point) => Number(point.split("=")[1]) >= 70));
  const dropped = [
    ["gw0", 35],
    ["gw1", 35],
  ];
  const { sources } = await pair.upstream.status();
  expect([...sources].map(([source, counts]) => [source, counts.dropped]).sort()).toEqual(dropped);
  const [origin] = await pair.origins.all();
  expect([...origin.delivered].map(([source, counts]) => [source, counts.dropped]).sort()).toEqual(dropped);
  await pair.upstream.close();
});

test("under a bandwidth cap the backlog waits and live points go on", async () => {
  const bytesPerS = 2_000;
  const pair = await createPair({ bytesPerS });
  pair.setReachable(false);
  const committed = 3_000;
  for (let i = 0; i < committed; i += 10) {
    pair.commit(Array.from({ length: 10 }, (_, k): Row => [1 + (k % 3), T + i + k, Math.sin(i + k)]));
  }
  pair.setReachable(true);
  pair.store.partRows = 50;
  pair.store.unitSeqs = 5;
  let sent = 0;
  const countUp = () => pair.wires.reduce((sum, { bytesUp }) => sum + bytesUp, 0);
  for (let second = 0; second < 10; second++) {
    await pair.pass(500);
    pair.commit([[5, T + 1_000_000 + second, second]]);
    await pair.pass(500);
    const live = pair.received().filter((point) => point.includes("d4")).length;
    if (second >= 3) expect(live).toBeGreaterThanOrEqual(second);
    sent = countUp();
  }
  // One second's worth may go at once, and a part may be half sent when the cap is reached.
  expect(sent).toBeLessThan(bytesPerS * 13);
  expect((await pair.upstream.status()).undelivered.length).toBeGreaterThan(0);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  await pair.upstream.close();
});

test("what retention took of the backlog is said and told to the receiver, without series that are not forwarded", async () => {
  // Ids from 1 on belong to gw0 and gw1 by turns.
  const matcher = compileMatcher(["temp"], { source: "gw1" });
  const pair = await createPair({ matcher });
  await pair.pass(200);
  pair.upstream.lost({ points: 40, bySeries: null });
  const lost = (...held: readonly (readonly [id: number, points: number, fromUs: number, toUs: number])[]) => {
    const [points, fromUs, toUs] = [1, 2, 3].map((i) => Float64Array.from(held, (each) => each[i]));
    const seriesIds = Uint32Array.from(held, ([id]) => id);
    pair.upstream.lost({ points: points.reduce((a, b) => a + b), bySeries: { seriesIds, points, fromUs, toUs } });
  };
  lost([1, 5, T, T + 9], [2, 2, T + 1, T + 2], [4, 6, T + 4, T + 5]);
  lost([1, 3, T - 5, T]);
  const told = pair.told.filter((sentence) => sentence.includes("retention took"));
  expect(told.map((sentence) => /\d+ points/.exec(sentence)?.[0])).toEqual(["40 points", "8 points"]);
  pair.commit([[2, T, 1]]);
  await pair.settle();
  const [origin] = await pair.origins.all();
  expect(origin.delivered.get("(others)")).toMatchObject({ dropped: 40, droppedTimes: ANY_TIME });
  expect(origin.delivered.get("gw1")).toMatchObject({ dropped: 8, droppedTimes: { fromUs: T + 1, toUs: T + 5 } });
  expect(origin.delivered.has("gw0")).toBe(false);
  await pair.upstream.close();
});

test("rows that cannot be read are counted once, however many parts come by", async () => {
  const pair = await createPair();
  pair.cut();
  for (let i = 0; i < 20; i++) pair.commit([[1, T + i, i]]);
  pair.store.unreadable = [
    { place: "points-2026-11.db, block 1, chunk 0", points: 5 },
    { place: "points-2026-11.db, block 2, chunk 4", points: 2 },
  ];
  await pair.settle();
  pair.commit([[1, T + 20, 20]]);
  await pair.settle();
  const [origin] = await pair.origins.all();
  expect(origin.delivered.get("(others)")?.dropped).toBe(7);
  await pair.upstream.close();
});

test("a range is sent again, and not counted once more", async () => {
  const pair = await createPair();
  for (let i = 0; i < 10; i++) pair.commit([[1, T + i, i]]);
  await pair.settle();
  const before = pair.receiver.log.synced.length;
  const { points } = await pair.upstream.resend(T + 3, T + 6);
  expect(points).toBe(3);
  await pair.restartEdge();
  await pair.settle();
  expect(pair.receiver.log.synced.length).toBeGreaterThan(before);
  expect(pair.received()).toEqual(pair.sent());
  expect(await pair.ledgers()).toEqual({ sender: [["gw0", 10]], receiver: [["gw0", 10]] });
  await pair.upstream.close();
});

test("a receiver that takes connections and says nothing is given up after a minute", async () => {
  const pair = await createPair();
  await pair.pass(70_000, () => false);
  expect((await pair.upstream.status()).lastTrouble?.error).toContain("no answer within 60 seconds");
  pair.commit([[1, T, 1]]);
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  await pair.upstream.close();
});

test("that another node forwards here meanwhile the upstream hears with a new connection, so that a ring cannot close unseen", async () => {
  const pair = await createPair();
  pair.commit([[1, T, 1]]);
  await pair.settle();
  const connections = () => pair.wires.length;
  for (let i = 0; i < 4; i++) await pair.pass(10_000);
  expect([connections(), (await pair.origins.behind()).sort()]).toEqual([2, ["edge-1"]]);
  pair.behind.push("line-1");
  for (let i = 0; i < 12; i++) await pair.pass(1_000);
  expect(pair.told.some((said) => said.includes("another node forwards here since"))).toBe(true);
  expect([connections(), (await pair.origins.behind()).sort()]).toEqual([4, ["edge-1", "line-1"]]);
  pair.behind.length = 0;
  for (let i = 0; i < 4; i++) await pair.pass(10_000);
  expect(connections()).toBe(4);
  // The ring is closed: the receiver is behind this node now.
  pair.behind.push("centre");
  for (let i = 0; i < 14; i++) await pair.pass(1_000);
  expect(pair.told.some((said) => said.includes("round for ever"))).toBe(true);
  await pair.upstream.close();
});

test("names that are more than a message may have go ahead of their part", async () => {
  const pair = await createPair();
  const rows = Array.from({ length: 400 }, (_, i): Row => {
    const tags = Array.from({ length: 32 }, (_, k) => [`k${k}`, `${i}-`.padEnd(500, "v")] as const);
    return [pair.registry.add(seriesKey("temp", "gw0", tags), "gw0") as number, T, i];
  });
  pair.commit(rows);
  await pair.settle();
  pair.commit(rows.map(([id]) => [id, T + 1, 0]));
  await pair.settle();
  expect(pair.received()).toEqual(pair.sent());
  const bytesUp = pair.wires.reduce((sum, wire) => sum + wire.bytesUp, 0);
  const largestUp = Math.max(...pair.wires.map((wire) => wire.largestUp));
  // 400 series of 16 kB, in either lane at most once.
  expect(bytesUp).toBeGreaterThan(6_000_000);
  expect(bytesUp).toBeLessThan(14_000_000);
  expect(largestUp).toBeLessThan(1_200_000);
  const { sender, receiver } = await pair.ledgers();
  expect(sender).toEqual(receiver);
  await pair.upstream.close();
});

test("a window goes once, when it has ended: also that in which the link came up, and over an outage", async () => {
  const stepMs = 10_000;
  const pair = await createPair({ downSampling: { stepMs, func: "avg" } });
  pair.store.unitSeqs = pair.store.partRows = 100;
  const second = (value: number) => {
    pair.commit([[1, pair.clock.nowMs() * 1_000, value]]);
    return pair.pass(1_000);
  };
  pair.clock.setWallClock(T / 1_000 + 4_000);
  for (let i = 0; i < 4; i++) await second(i);
  expect(pair.received()).toEqual([]);
  for (let i = 4; i < 16; i++) await second(i);
  pair.setReachable(false);
  for (let i = 16; i < 30; i++) await second(i);
  pair.setReachable(true);
  for (let i = 30; i < 50; i++) {
    const present = Math.floor(pair.clock.nowMs() / stepMs) * stepMs * 1_000;
    await second(i);
    expect(pair.received().filter((point) => point.includes(`@${present}=`))).toEqual([]);
  }
  await pair.settle();
  const averages = [2.5, 10.5, 20.5, 30.5, 40.5, 47.5];
  expect(pair.received()).toEqual(averages.map((value, i) => `temp gw0 device d0@${T + i * stepMs * 1_000}=${value}`));
  const { sender, receiver } = await pair.ledgers();
  expect([sender, receiver]).toEqual([[["gw0", averages.length]], [["gw0", averages.length]]]);
  await pair.upstream.close();
});

test("what is past the limits and not wanted upstream is lost for nobody", async () => {
  const pair = await createPair({ queueBytesMax: 300, matcher: compileMatcher(["temp"], { source: "gw1" }) });
  pair.setReachable(false);
  for (let i = 0; i < 100; i++) pair.commit([[1, T + i, i]]);
  for (let i = 0; i < 40; i++) pair.commit([[1 + (i % 2), T + 1_000 + i, i]]);
  await pair.pass(11_000);
  // Of 30 that are kept half are wanted, of 110 that are not five.
  expect(pair.told.filter((sentence) => sentence.includes("given up"))).toEqual([
    expect.stringContaining("the oldest 5 points"),
  ]);
  await pair.pass(11_000);
  await pair.upstream.close();
});

test("what the receiver refuses is said with the reason, seldom", async () => {
  const pair = await createPair({}, { rawAgeLimitMs: 3_600_000 });
  await pair.settle();
  for (let i = 0; i < 5; i++) {
    pair.commit([[1, i, i]]);
    await pair.settle();
  }
  const said = pair.told.filter((sentence) => sentence.includes("refuses"));
  expect(said).toEqual([expect.stringMatching(/^the upstream refuses 1 points of "gw0": timestamp is /)]);
  await pair.upstream.close();
});

test("times in the ledger are of what was stored, not of what was refused", async () => {
  const pair = await createPair({}, { rawAgeLimitMs: 3_600_000 });
  await pair.settle();
  const nowUs = pair.clock.nowMs() * 1_000;
  const [old, oldest] = [nowUs - 3_700_000_000, nowUs - 3_800_000_000];
  pair.commit([oldest, old, nowUs - 5, nowUs - 3].map((timeUs): Row => [1, timeUs, 1]));
  pair.commit([oldest, old].map((timeUs): Row => [2, timeUs, 1]));
  await pair.settle();
  const [origin] = await pair.origins.all();
  expect([...origin.delivered]).toMatchObject([
    ["gw0", { points: 2, refused: 2, firstUs: nowUs - 5, lastUs: nowUs - 3 }],
    ["gw1", { points: 0, refused: 2, firstUs: Infinity }],
  ]);
  await pair.upstream.close();
});
