/** The recent window over restarts, outages and deletions, and within its budget. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { clusterRange } from "../../../src/cluster/history/cluster-range.ts";
import { deleteOnNodes } from "../../../src/cluster/history/delete-on-nodes.ts";
import type { RecentWriterDeps } from "../../../src/cluster/recent/recent-writer.ts";
import { NOVEMBER_US } from "../../store/harness.ts";
import { hasRedis } from "../redis-server.ts";
import { until } from "../until.ts";
import { openNodes, type NodesRig } from "../history/nodes-rig.ts";
import { down, openRecent, type RecentRig, type TestedWriter } from "./recent-rig.ts";

const SECOND_US = 1_000_000;
const ALL = { fromUs: 0, toUs: 2 ** 53 - 1, stepUs: 0, pointsMax: 1e6 };
const SLICE_MS = 400_000;

let recent: RecentRig;
beforeAll(async () => {
  if (hasRedis) recent = await openRecent();
});
afterAll(() => recent?.[Symbol.asyncDispose]());

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  if (hasRedis) await recent.redis.call("FLUSHALL");
});

/** Series 0 and 1, of which node 1 has all points; a value is the number of its record. */
function setUp() {
  const rig = openNodes([0, 1].map(() => [0, 1]));
  opened.push(() => rig[Symbol.dispose]());
  down(rig, [1]);
  let records = 0;
  const write = (count: number) => {
    for (let i = 0; i < count; i++, records++) {
      const at = NOVEMBER_US + records * SECOND_US;
      rig.write(1, [
        [0, at, records],
        [1, at, records],
      ]);
    }
  };
  return { rig, write };
}

function begin(rig: NodesRig, more: Partial<RecentWriterDeps> = {}): TestedWriter {
  const tested = recent.writer(rig, 1, more);
  opened.push(() => tested.writer.close());
  return tested;
}

/** What node 0 shows of series 0, and what it says of node 1. */
async function shown(rig: NodesRig, query: Partial<typeof ALL> = {}, earliestUs = () => 0) {
  const [{ history, ids }] = rig.nodes;
  const deps = { ...history, recent: recent.reader(rig, 0, earliestUs) };
  const { values, missing } = await clusterRange(deps, { ...ALL, ...query, seriesIds: ids.slice(0, 1) });
  return { values: [...values], missing: (missing ?? []).map(({ why }) => why) };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function of(kept: string): string {
  return expect.stringContaining(kept) as unknown as string;
}

describe.skipIf(!hasRedis)("the recent window", () => {
  test("a node that is restarted goes on where it was, and nothing is there twice", async () => {
    const { rig, write } = setUp();
    recent.clock.setWallClock(NOVEMBER_US / 1_000);
    const first = recent.writer(rig, 1);
    write(3);
    await first.writer.write();
    recent.clock.advance(SLICE_MS);
    write(2);
    await first.writer.write();
    write(1);
    await first.writer.write();
    write(1);
    // What it had not written is in its log.
    first.kill();
    const second = begin(rig, { nextSeq: 8 });
    await second.writer.write();
    expect([first.counts.points, second.counts.points]).toEqual([2 * (3 + 2 + 1), 2]);
    write(1);
    recent.clock.advance(SLICE_MS);
    await second.writer.write();
    await second.writer.close();
    expect(await shown(rig)).toEqual({ values: numbers(0, 8), missing: [] });
    // Stopped; what is sealed then is there already.
    rig.nodes[1].open.seal();
    const third = begin(rig, { nextSeq: 9 });
    await third.writer.write();
    expect([third.counts.points, third.counts.gaps, third.troubles]).toEqual([0, 0, []]);
    // What comes now nobody knows of a node that lives.
    expect(await shown(rig)).toMatchObject({ values: numbers(0, 8), missing: [of("it is down; its points to ")] });
    const toUs = recent.clock.nowMs() * 1_000;
    expect(await shown(rig, { toUs })).toEqual({ values: numbers(0, 8), missing: [] });
    expect(await shown(rig, { toUs: toUs + 1 })).toMatchObject({ missing: [of("it is down")] });
  });

  test("where Redis is emptied the window begins anew with what the head holds", async () => {
    const { rig, write } = setUp();
    const { writer, counts, troubles } = begin(rig);
    write(3);
    await writer.write();
    rig.nodes[1].open.seal();
    write(2);
    await writer.write();
    await recent.redis.call("FLUSHALL");
    expect(await shown(rig)).toEqual({ values: [], missing: ["it is down"] });
    write(1);
    await writer.write();
    await writer.write();
    await writer.close();
    expect([counts.gaps, troubles]).toEqual([1, []]);
    expect(await shown(rig)).toMatchObject({ values: numbers(3, 6), missing: [of(" from 2026-11-01T00:00:02Z on")] });
    expect(await shown(rig, { fromUs: NOVEMBER_US + 2 * SECOND_US })).toMatchObject({ missing: [of("it is down")] });
    const fromUs = NOVEMBER_US + 3 * SECOND_US;
    expect(await shown(rig, { fromUs })).toEqual({ values: numbers(3, 6), missing: [] });
  });

  test("what is sealed before it is written is written all the same, and a gap where the writer was not there", async () => {
    const { rig, write } = setUp();
    const first = recent.writer(rig, 1);
    await first.writer.write();
    write(2);
    await first.writer.write();
    for (let i = 0; i < 3; i++) {
      write(i);
      rig.nodes[1].open.seal();
    }
    write(1);
    await first.writer.write();
    write(1);
    recent.clock.advance(SLICE_MS);
    await first.writer.write();
    rig.nodes[1].open.seal();
    await first.writer.close();
    expect(first.counts.gaps).toBe(0);
    expect(await shown(rig)).toEqual({ values: numbers(0, 7), missing: [] });

    // As in a process that is killed, and replays a log whose beginning is sealed.
    const more = rig.nodes[1].open.store;
    more.recent.unread.read(Infinity);
    write(1);
    rig.nodes[1].open.seal();
    write(2);
    const { writer, counts } = begin(rig, { nextSeq: 100 });
    await writer.write();
    await writer.close();
    expect(counts.gaps).toBe(1);
    expect(await shown(rig)).toMatchObject({
      values: [...numbers(0, 7), 8, 9],
      missing: [of(" from 2026-11-01T00:00:07Z on")],
    });
    expect(await shown(rig, { fromUs: NOVEMBER_US + 8 * SECOND_US })).toEqual({ values: [8, 9], missing: [] });
  });

  test("another past of a directory, and chunks that are gone, are not taken for what is there", async () => {
    const { rig, write } = setUp();
    const { writer } = recent.writer(rig, 1);
    await writer.write();
    write(2);
    recent.clock.advance(SLICE_MS);
    await writer.write();
    write(1);
    await writer.close();
    expect(await shown(rig)).toEqual({ values: [0, 1, 2], missing: [] });
    const chunks = (await recent.redis.call("KEYS", "{t:*")) as Buffer[];
    expect(chunks.length).toBe(1);
    await recent.redis.call("DEL", ...chunks);
    expect(await shown(rig)).toMatchObject({ values: [2], missing: [of("it is down")] });
    const put = begin(rig, { nextSeq: 2 });
    await put.writer.write();
    expect(put.counts.points).toBe(6);
    await put.writer.close();
    expect(await shown(rig)).toEqual({ values: [0, 1, 2], missing: [] });
  });

  test("of more than the budget the oldest go, of all nodes together, and what is left is told", async () => {
    const { rig, write } = setUp();
    const other = recent.writer(rig, 0);
    opened.push(() => other.kill());
    rig.write(0, [[1, NOVEMBER_US, 1]]);
    await other.writer.write();
    recent.clock.advance(SLICE_MS);
    await other.writer.write();
    const { writer, rooms } = begin(rig, { budgetBytes: 1_100 });
    for (let i = 0; i < 6; i++) {
      write(3);
      recent.clock.advance(SLICE_MS);
      await writer.write();
    }
    await writer.close();
    const room = rooms.at(-1)!;
    expect(room.bytes).toBeLessThanOrEqual(1_100);
    expect(room.bytes).toBeGreaterThan(300);
    expect(rooms.reduce((sum, { dropped }) => sum + dropped, 0)).toBeGreaterThan(2);
    const { values, missing } = await shown(rig);
    expect(values).toEqual(numbers(18 - values.length, 18));
    expect(values.length).toBeGreaterThan(2);
    expect(missing).toEqual([of(" on are shown as Redis has them")]);
    const fromUs = NOVEMBER_US + (18 - values.length) * SECOND_US;
    expect(await shown(rig, { fromUs })).toEqual({ values, missing: [] });
    expect(await recent.reader(rig, 1).of("node-0")).toBeUndefined();
    const left = (await recent.redis.call("KEYS", "{t:*")) as Buffer[];
    expect(left.length).toBeLessThanOrEqual(values.length / 3 + 1);
  });

  test("deleted series are not read, wherever they were deleted, and nothing that is older than raw retention", async () => {
    const { rig, write } = setUp();
    const { writer } = begin(rig);
    write(3);
    await writer.write();
    const earliestUs = () => NOVEMBER_US + SECOND_US;
    expect((await shown(rig, {}, earliestUs)).values).toEqual([1, 2]);
    const [here, there] = rig.nodes;
    // The owner is down: what it has is told as left, and its points in Redis are not shown.
    const keys = [here.registry.keyOf(here.ids[0]), there.registry.keyOf(there.ids[1])];
    const deps = { ...here.history, recent: recent.reader(rig, 0) };
    expect(await deleteOnNodes(deps, here.ids.slice(0, 1))).toMatchObject({ series: 0 });
    here.ids[0] = here.registry.add(keys[0], "s0") as number;
    expect((await shown(rig)).values).toEqual([]);
    // The owner deletes the other one itself.
    there.registry.forget([there.ids[1]]);
    await writer.write();
    expect(await recent.redis.call("SCARD", "{t}:recent:deleted:node-1")).toBe(2);
    // It is started, and still has the first one.
    const again = begin(rig, { nextSeq: 5 });
    await again.writer.write();
    expect((await shown(rig)).values).toEqual([0, 1, 2]);
  });
});

test.skipIf(!hasRedis)("a Redis that is nearly full has room for all else", async () => {
  await using full = await openRecent(["--maxmemory", "3mb"]);
  using rig = openNodes([0, 1].map(() => [0, 1]));
  const { writer, rooms } = full.writer(rig, 1);
  let at = 0;
  for (let i = 0; i < 5; i++) {
    rig.write(
      1,
      Array.from({ length: 40_000 }, () => [0, NOVEMBER_US + ++at * 1_000, Math.random()]),
    );
    full.clock.advance(SLICE_MS);
    await writer.write();
  }
  await full.redis.call("SET", "something else", "x".repeat(100_000));
  const memory = ((await full.redis.call("INFO", "memory")) as Buffer).toString();
  expect(Number(/used_memory:(\d+)/.exec(memory)![1])).toBeLessThan(3 * 1024 * 1024);
  expect(rooms.some(({ dropped }) => dropped > 0)).toBe(true);
  down(rig, [1]);
  const [{ history, ids }] = rig.nodes;
  const deps = { ...history, recent: full.reader(rig, 0) };
  const { timesUs, missing } = await clusterRange(deps, { ...ALL, seriesIds: ids.slice(0, 1) });
  expect(timesUs.at(-1)).toBe(NOVEMBER_US + at * 1_000);
  expect(missing?.length).toBe(1);

  // What nodes write finds no room: the window gives way, though nothing is written meanwhile.
  const used = Number(/used_memory:(\d+)/.exec(memory)![1]);
  await full.redis.call("CONFIG", "SET", "maxmemory", `${used - 300_000}`);
  await until("it is full", () => full.redis.isFull);
  await until("it has room again", async () => {
    await writer.write();
    return full.redis.isUp;
  });
  expect(rooms.at(-1)!.bytes).toBeLessThan(used);
});
