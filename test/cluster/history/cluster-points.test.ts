/** What replays and lists ask is answered as one node that has all points does. */
import { expect, test } from "bun:test";
import {
  clusterArrivals,
  clusterExtents,
  clusterNewest,
  clusterStanding,
} from "../../../src/cluster/history/cluster-points.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { ArrivalResult } from "../../../src/store/store-client.ts";
import { ENDLESS_SLICE, runToEnd } from "../../../src/store/slice.ts";
import { NOVEMBER_US, randomOf } from "../../store/harness.ts";
import { openNodes, ownStoreOf, type SeriesPoint } from "./nodes-rig.ts";

const SERIES = 6;
const NOVEMBER_S = NOVEMBER_US / 1e6;
const RECORDS = 80;

function setUp(seed: number) {
  const random = randomOf(seed);
  const order = () => Array.from({ length: SERIES }, (_, i) => i).sort(() => random() - 0.5);
  const rig = openNodes(Array.from({ length: 1 + (seed % 4) }, order));
  let value = 0;
  for (let i = 0; i < RECORDS; i++) {
    const points: SeriesPoint[] = [];
    for (let series = 0; series < SERIES - 1; series++) {
      // Few times, so that what one node has comes again at another.
      for (let n = 0; n < random() * 3; n++) {
        points.push([series, NOVEMBER_US + Math.floor(random() * 40) * 1e6, ++value]);
      }
    }
    rig.write(Math.floor(random() * rig.nodes.length), points);
    for (const open of [rig.whole, ...rig.nodes.map((node) => node.open)]) if (random() < 0.05) open.seal();
  }
  const wholeIds = Uint32Array.from({ length: SERIES }, (_, series) => series + 1);
  return { rig, random, whole: ownStoreOf(rig.whole), wholeIds };
}

for (const seed of [1, 2, 3, 7]) {
  test(`first times, what stood and arrivals on ${1 + (seed % 4)} nodes`, async () => {
    const { rig, random, whole, wholeIds } = setUp(seed);
    using _ = rig;
    for (const { history, ids } of rig.nodes) {
      // Ids ascend in each node as its own do.
      const order = Array.from({ length: SERIES }, (_, i) => i).sort((a, b) => ids[a] - ids[b]);
      const own = Uint32Array.from(order, (series) => ids[series]);
      const inOrder = (cells: Float64Array) => order.map((series) => cells[series]);
      expect([...(await clusterExtents(history, own))]).toEqual(inOrder(await whole.extents(wholeIds)));
      const newest = await clusterNewest(history, own);
      const others = Array.from(own.keys()).filter((slot) => history.places.othersWith(own[slot]).length > 0);
      const all = await whole.standing({ seriesIds: wholeIds, arrivedBeforeS: Infinity, beforeUs: Infinity });
      expect([...newest.seriesIds]).toEqual(others.map((slot) => own[slot]));
      expect([...newest.values]).toEqual(others.map((slot) => all.values[order[slot]]));
      for (let i = 0; i < 8; i++) {
        const arrivedBeforeS = random() < 0.3 ? Infinity : NOVEMBER_S + Math.floor(random() * RECORDS);
        const beforeUs = random() < 0.3 ? Infinity : NOVEMBER_US + random() * 40e6;
        const wanted = await whole.standing({ seriesIds: wholeIds, arrivedBeforeS, beforeUs });
        const given = await clusterStanding(history, { seriesIds: own, arrivedBeforeS, beforeUs });
        expect([...given.timesUs]).toEqual(inOrder(wanted.timesUs));
        expect([...given.values]).toEqual(inOrder(wanted.values));

        const fromS = NOVEMBER_S + Math.floor(random() * RECORDS);
        const range = { fromS, toS: fromS + Math.floor(random() * 60), fromUs: 0, toUs: NOVEMBER_US + random() * 60e6 };
        const rows: unknown[] = [];
        for (let next = { fromS, fromSlot: 0 }; ;) {
          const query = { ...range, ...next, seriesIds: own, partRows: 20 };
          const part = await clusterArrivals(history, query);
          for (const [row, slot] of part.slots.entries()) {
            rows.push([part.arrivalsS[row], order[slot], part.timesUs[row], part.values[row]]);
          }
          if (part.next === null) break;
          next = part.next;
        }
        const all = await whole.arrivals({ ...range, seriesIds: wholeIds, partRows: 65_536 });
        const asWanted = Array.from(all.slots, (slot, row) => [
          ...[all.arrivalsS[row], slot, all.timesUs[row], all.values[row]],
        ]);
        const bySecond = (a: number[], b: number[]) => a[0] - b[0] || a[1] - b[1];
        expect((rows as number[][]).sort(bySecond)).toEqual(asWanted.sort(bySecond));
      }
    }
    if (rig.nodes.length > 1) expect(rig.calls.length).toBeGreaterThan(0);
  });
}

test("arrivals of more series of a node than it is asked for at once", async () => {
  const order = [0, 1, 2];
  // Keys are so long that two of them fill a request.
  using rig = openNodes([order, order], { site: "x".repeat(400_000) });
  for (let i = 0; i < 3; i++)
    rig.write(
      1,
      order.map((series) => [series, NOVEMBER_US + i, i]),
    );
  const [{ history, ids }] = rig.nodes;
  const query = { seriesIds: ids, fromS: 0, toS: 2 ** 40, fromUs: 0, toUs: 2 ** 53, partRows: 2 };
  const counts = order.map(() => 0);
  let parts = 0;
  for (let next: ArrivalResult["next"] = { fromS: 0, fromSlot: 0 }; next !== null; parts++) {
    const part = await clusterArrivals(history, { ...query, ...next });
    for (const slot of part.slots) counts[slot]++;
    next = part.next;
  }
  expect(rig.calls.length).toBeGreaterThan(parts);
  expect(counts).toEqual([3, 3, 3]);
});

test("nodes that do not answer are told", async () => {
  const { rig } = setUp(2);
  using _ = rig;
  rig.answer = () => {
    throw new WatchpostError("UNAVAILABLE", "gone");
  };
  const [{ history, ids, open }] = rig.nodes;
  const seriesIds = ids.slice().sort();
  const missing = [
    { name: "name of node-1", why: "gone" },
    { name: "name of node-2", why: "gone" },
  ];
  const standing = await clusterStanding(history, { seriesIds, arrivedBeforeS: Infinity, beforeUs: Infinity });
  const own = runToEnd(
    open.store.reading.standing({ seriesIds, arrivedBeforeS: Infinity, beforeUs: Infinity }, ENDLESS_SLICE),
  );
  expect(standing.missing).toEqual(missing);
  expect([...standing.values]).toEqual([...own.values]);
  const arrivals = { seriesIds, fromS: 0, toS: 2 ** 40, fromUs: 0, toUs: 2 ** 53, partRows: 100 };
  expect(await clusterArrivals(history, arrivals)).toMatchObject({ missing });
});

test("lists hear which nodes did not tell of their points, and of very many series that none did", async () => {
  const { rig } = setUp(1);
  using _ = rig;
  const [{ history, ids }] = rig.nodes;
  const own = ids.slice().sort();
  const missing: string[] = [];
  const onMissing = (node: string) => void missing.push(node);
  await clusterExtents(history, own, { onMissing });
  await clusterNewest(history, own, { onMissing });
  expect(missing).toEqual([]);
  rig.answer = () => {
    throw new WatchpostError("UNAVAILABLE", "it is down");
  };
  await clusterExtents(history, own, { onMissing });
  await clusterNewest(history, own, { onMissing });
  expect(missing).toEqual(["name of node-1", "name of node-1"]);
  const many = { ...history, places: { isOwn: () => true, othersWith: () => ["x", "y"] } };
  const manyIds = Uint32Array.from({ length: 200_001 }, (_, i) => i + 1);
  const store = { ...history.store, extents: async (seriesIds: Uint32Array) => new Float64Array(seriesIds.length) };
  missing.length = 0;
  expect((await clusterExtents({ ...many, store }, manyIds, { onMissing })).length).toBe(manyIds.length);
  expect((await clusterNewest({ ...many, store }, manyIds, { onMissing })).seriesIds.length).toBe(0);
  expect(missing).toEqual(["name of x", "name of y", "name of x", "name of y"]);
});
