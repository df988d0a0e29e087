/** Points spread over nodes are answered as one node that has them all does. */
import { expect, test } from "bun:test";
import { clusterRange } from "../../../src/cluster/history/cluster-range.ts";
import type { RangeResult } from "../../../src/store/store-client.ts";
import { randomOf, rounded } from "../../store/harness.ts";
import { openNodes } from "./nodes-rig.ts";
import { fill, nearly, pick, queryOf, SECOND_US, SERIES, shown, shuffled } from "./random-history.ts";

const SEEDS = Number(process.env["SEEDS"] ?? 4);
const FIRST_SEED = Number(process.env["SEED"] ?? 1);

test("any query is answered as by one node that has everything", async () => {
  let merged = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const random = randomOf(seed);
    const count = 1 + (seed % 4);
    using rig = openNodes(
      Array.from({ length: count }, () => shuffled(random)),
      { rowPointsMin: 2 },
    );
    const records = await fill(rig, random);
    for (let i = 0; i < 40; i++) {
      const query = queryOf(random, records);
      const order = shuffled(random);
      const asked = (ids: ArrayLike<number>) => ({ ...query, seriesIds: Uint32Array.from(order, (s) => ids[s]) });
      const node = pick(random, rig.nodes);
      const where = `seed ${seed}, query ${i}: ${JSON.stringify(query)} of ${order.join()} at ${node.nodeId}`;
      const wanted = rig.whole.range(asked(Uint32Array.from(rig.keys, (_, series) => series + 1)));
      const given = await clusterRange(node.history, asked(node.ids));
      expect({ where, ...shown(given, [...given.values]) }).toEqual({ where, ...shown(wanted, nearly(wanted, given)) });
      expect(given.missing).toBeUndefined();
      if (rig.calls.splice(0).length > 0) merged++;
    }
  }
  if (SEEDS >= 4) expect(merged).toBeGreaterThan(SEEDS * 8);
});

test("parts of a long answer hold all of it once, in order", async () => {
  for (let seed = 1; seed <= 2; seed++) {
    const random = randomOf(100 + seed);
    using rig = openNodes(
      Array.from({ length: 3 }, () => shuffled(random)),
      {},
    );
    await fill(rig, random);
    const [node] = rig.nodes;
    for (const [stepUs, partRows] of [
      ...([
        [0, 7],
        [0, 100],
        [60 * SECOND_US, 10],
      ] as const),
    ]) {
      const query = { fromUs: 0, toUs: 2 ** 53 - 1, stepUs, func: "avg" as const, pointsMax: Infinity };
      const wanted = rig.whole.range({ ...query, seriesIds: Uint32Array.from(rig.keys, (_, series) => series + 1) });
      const rows: unknown[] = [];
      let parts = 0;
      for (let [at, fromUs] = [0, 0]; at < SERIES; parts++) {
        const end = fromUs > 0 ? at + 1 : SERIES;
        const part = await clusterRange(node.history, {
          ...{ ...query, fromUs, partRows, seriesIds: node.ids.slice(at, end) },
        });
        rows.push(...rowsOf(part, at));
        at = part.next === null ? end : at + part.next.slot;
        fromUs = part.next?.fromUs ?? 0;
      }
      expect(rows).toEqual(rowsOf(wanted, 0));
      if (stepUs === 0) expect(parts).toBeGreaterThan(3);
    }
  }
});

function rowsOf({ slots, offsets, timesUs, values }: RangeResult, firstSlot: number): unknown[] {
  return Array.from(slots, (slot, i) =>
    Array.from(timesUs.subarray(offsets[i], offsets[i + 1]), (timeUs, row) => [
      ...[firstSlot + slot, timeUs, rounded(values[offsets[i] + row])],
    ]),
  ).flat();
}
