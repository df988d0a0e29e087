/** What Redis has of a node that is down is answered as the node would. */
import { describe, expect, test } from "bun:test";
import type { HistoryDeps } from "../../../src/cluster/history/asked-nodes.ts";
import { clusterArrivals, clusterStanding } from "../../../src/cluster/history/cluster-points.ts";
import { clusterRange } from "../../../src/cluster/history/cluster-range.ts";
import { NOVEMBER_US, randomOf } from "../../store/harness.ts";
import { hasRedis } from "../redis-server.ts";
import { openNodes, ownStoreOf, type NodesRig, type SeriesPoint } from "../history/nodes-rig.ts";
import { fill, nearly, pick, queryOf, SECOND_US, shown, shuffled } from "../history/random-history.ts";
import { down, openRecent, type RecentRig } from "./recent-rig.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 2);
const FIRST_SEED = Number(process.env["SEED"] ?? 1);

function historyAt(recent: RecentRig, rig: NodesRig, node: number): HistoryDeps {
  return { ...rig.nodes[node].history, recent: recent.reader(rig, node) };
}

describe.skipIf(!hasRedis)("the recent window", () => {
  test("any query is answered as by one node that has everything, whichever nodes are down", async () => {
    await using recent = await openRecent();
    let fromWindow = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const random = randomOf(200 + seed);
      const count = 2 + (seed % 3);
      await recent.redis.call("FLUSHALL");
      using rig = openNodes(
        Array.from({ length: count }, () => shuffled(random)),
        { rowPointsMin: 2 },
      );
      const writers = rig.nodes.map((_, node) => recent.writer(rig, node));
      for (const { writer } of writers) await writer.write();
      const records = await fill(rig, random, async () => {
        // Pieces that a slice takes up, and such as stay, since their points are sealed.
        if (random() < 0.1) recent.clock.advance(400_000);
        // What is sealed meanwhile is there all the same.
        for (const { writer } of writers) if (random() < 0.5) await writer.write();
      });
      for (const { writer } of writers) await writer.close();
      expect(writers.flatMap(({ troubles, counts }) => [...troubles, counts.gaps])).toEqual(writers.map(() => 0));
      const asking = Math.floor(random() * count);
      const others = rig.nodes.map((_, node) => node).filter((node) => node !== asking);
      down(rig, seed % 2 === 0 ? others : [pick(random, others)]);
      const history = historyAt(recent, rig, asking);
      const { ids } = rig.nodes[asking];
      const wholeIds = Uint32Array.from(rig.keys, (_, series) => series + 1);
      const whole = ownStoreOf(rig.whole);
      for (let i = 0; i < 25; i++) {
        const query = queryOf(random, records);
        const order = shuffled(random);
        const of = (all: Uint32Array) => Uint32Array.from(order, (series) => all[series]);
        const where = `seed ${seed}, query ${i}: ${JSON.stringify(query)} of ${order.join()} at ${asking} of ${count}`;
        const wanted = rig.whole.range({ ...query, seriesIds: of(wholeIds) });
        const given = await clusterRange(history, { ...query, seriesIds: of(ids) });
        expect({ where, ...shown(given, [...given.values]) }).toEqual({
          where,
          ...shown(wanted, nearly(wanted, given)),
        });
        expect(given.missing).toBeUndefined();

        // What stood, and what came, by the ids in ascending order.
        const own = ids.toSorted();
        const slots = Array.from(own, (id) => ids.indexOf(id));
        const arrivedBeforeS = NOVEMBER_US / 1e6 + Math.floor(random() * records);
        const standing = { arrivedBeforeS, beforeUs: NOVEMBER_US + random() * 3_600 * SECOND_US };
        const stood = await clusterStanding(history, { ...standing, seriesIds: own });
        const allStood = await whole.standing({ ...standing, seriesIds: wholeIds });
        expect([...stood.values]).toEqual(slots.map((series) => allStood.values[series]));
        const range = { fromS: arrivedBeforeS - 30, toS: arrivedBeforeS, fromUs: 0, toUs: 2 ** 52, partRows: 65_536 };
        const came = await clusterArrivals(history, { ...range, seriesIds: own });
        const allCame = await whole.arrivals({ ...range, seriesIds: wholeIds });
        const rows = (result: typeof came, seriesOf: (slot: number) => number) =>
          Array.from(result.slots, (slot, row) => [
            ...[result.arrivalsS[row], seriesOf(slot), result.timesUs[row], result.values[row]],
          ]).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
        expect({ where, rows: rows(came, (slot) => slots[slot]) }).toEqual({
          where,
          rows: rows(allCame, (slot) => slot),
        });
        expect(came.missing).toBeUndefined();
        if (rig.calls.splice(0).length > 0) fromWindow++;
      }
    }
    expect(fromWindow).toBeGreaterThan(SEEDS * 15);
  });

  test("a long answer goes on in parts", async () => {
    await using recent = await openRecent();
    using rig = openNodes([0, 1].map(() => Array.from({ length: 60 }, (_, i) => i)));
    const { writer } = recent.writer(rig, 1);
    const written: SeriesPoint[] = [];
    for (let minute = 0; minute < 10; minute++) {
      const points = rig.keys.map((_, series): SeriesPoint => [series, NOVEMBER_US + minute * 60 * SECOND_US, minute]);
      rig.write(1, points);
      written.push(...points);
      if (minute % 3 === 0) recent.clock.advance(400_000);
      await writer.write();
    }
    await writer.close();
    down(rig, [1]);
    const history = historyAt(recent, rig, 0);
    const { ids } = rig.nodes[0];
    const rows: number[][] = [];
    let parts = 0;
    for (let [at, fromUs] = [0, 0]; at < ids.length; parts++) {
      const end = fromUs > 0 ? at + 1 : ids.length;
      const query = { fromUs, toUs: 2 ** 53 - 1, stepUs: 0, pointsMax: Infinity, partRows: 64 };
      const part = await clusterRange(history, { ...query, seriesIds: ids.slice(at, end) });
      expect(part.missing).toBeUndefined();
      expect(part.timesUs.length).toBeLessThan(200);
      for (const [i, slot] of part.slots.entries()) {
        for (let row = part.offsets[i]; row < part.offsets[i + 1]; row++) rows.push([at + slot, part.timesUs[row]]);
      }
      at = part.next === null ? end : at + part.next.slot;
      fromUs = part.next?.fromUs ?? 0;
    }
    const bySeries = (a: number[], b: number[]) => a[0] - b[0] || a[1] - b[1];
    expect(rows).toEqual(written.map(([series, timeUs]) => [series, timeUs]).sort(bySeries));
    expect(parts).toBeGreaterThan(4);
  });
});
