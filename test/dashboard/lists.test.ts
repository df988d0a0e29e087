/** ListMetrics, ListSeries and ListTagValues: what they count, their orders and pages, what they refuse. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { firstInOrder } from "../../src/dashboard/in-order.ts";
import { LatestValues } from "../../src/dashboard/latest-values.ts";
import { listMetrics } from "../../src/dashboard/list-metrics.ts";
import { listSeries } from "../../src/dashboard/list-series.ts";
import { listTagValues } from "../../src/dashboard/list-tag-values.ts";
import type { ListingOptions } from "../../src/dashboard/listing.ts";
import { SlicedWork } from "../../src/dashboard/sliced-work.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { SeriesRegistry } from "../../src/model/series-registry.ts";
import { SEES_ALL } from "../../src/model/series-scopes.ts";
import {
  ListMetricsRequestSchema,
  ListSeriesRequestSchema,
  ListTagValuesRequestSchema,
  MatchOperator,
  SeriesOrder,
} from "../../src/wire/gen/history_pb.ts";
import { ManualClock } from "../support/manual-clock.ts";

const SECOND_US = 1_000_000;

/** Series i + 1: metric, source, device, seconds of its first and its latest point, milliseconds between two. */
const SERIES: readonly (readonly [string, string, string, number, number, number])[] = [
  ["temp", "gw1", "pump-2", 10, 90, 500],
  ["temp", "gw1", "pump-1", 20, 70, 0],
  ["humidity", "gw2", "", 5, 95, 1_000],
  ["temp", "gw2", "pump-1", 30, 80, 100],
  ["temp2", "gw2", "fan", 40, 60, 2_000],
];

function rig() {
  const clock = new ManualClock();
  const registry = new SeriesRegistry({ seriesMax: 1e6, seriesPerSourceMax: 1e6 });
  const latest = new LatestValues();
  const times = Float64Array.from(SERIES, ([, , , , last]) => last * SECOND_US);
  for (const [metric, source, device] of SERIES) {
    registry.add(seriesKey(metric, source, device === "" ? [] : [["device", device]]), source);
  }
  const ids = Uint32Array.from(SERIES, (_, i) => i + 1);
  latest.restore(ids, times, Float64Array.from(ids), 95_000, clock.monotonicMs());
  SERIES.forEach(([, , , , , gapMs], i) => {
    latest.gapsMs[i + 1] = gapMs;
    latest.seenAtMs[i + 1] = clock.monotonicMs();
  });
  const asked: number[][] = [];
  const extents = async (seriesIds: Uint32Array) => {
    asked.push([...seriesIds]);
    return Float64Array.from(seriesIds, (id) => (SERIES[id - 1]?.[3] ?? NaN) * SECOND_US);
  };
  const sliced = new SlicedWork(() => clock.monotonicMs());
  /** What other nodes have, by id. */
  const elsewhere = new Map<number, readonly [seconds: number, value: number]>();
  const silent: string[] = [];
  const learn = async (seriesIds: Uint32Array, { onMissing }: ListingOptions) => {
    silent.forEach(onMissing);
    const ids = seriesIds.filter((id) => elsewhere.has(id));
    const timesUs = Float64Array.from(ids, (id) => elsewhere.get(id)![0] * SECOND_US);
    const values = Float64Array.from(ids, (id) => elsewhere.get(id)![1]);
    latest.learn({ seriesIds: ids, timesUs, values }, clock.nowMs(), clock.monotonicMs());
  };
  const deps = { registry, latest, clock, store: { extents }, sliced, sees: SEES_ALL, unitOf: () => "", learn };
  const { signal } = new AbortController();
  return {
    registry,
    latest,
    clock,
    asked,
    elsewhere,
    silent,
    metrics: (request: MessageInitShape<typeof ListMetricsRequestSchema> = {}) =>
      listMetrics(create(ListMetricsRequestSchema, request), deps, signal),
    series: (request: MessageInitShape<typeof ListSeriesRequestSchema> = {}) =>
      listSeries(create(ListSeriesRequestSchema, request), deps, signal),
    values: (request: MessageInitShape<typeof ListTagValuesRequestSchema> = {}) =>
      listTagValues(create(ListTagValuesRequestSchema, request), deps, signal),
  };
}

const seconds = (time: { seconds?: bigint } | undefined) => (time === undefined ? undefined : Number(time.seconds));

describe("ListMetrics", () => {
  test("tells names in order, how many series each has, and when the first and the last point was", async () => {
    const { metrics, total, more } = await rig().metrics();
    expect(metrics!.map((m) => [m.name, Number(m.series), seconds(m.firstSeen), seconds(m.lastSeen)])).toEqual([
      ["humidity", 1, 5, 95],
      ["temp", 3, 10, 90],
      ["temp2", 1, 40, 60],
    ]);
    expect([total, more]).toEqual([3n, false]);
  });

  test("pages by prefix and the last name of the page before", async () => {
    const { metrics: list, asked } = rig();
    const first = await list({ prefix: "temp", limit: 1 });
    expect([first.metrics!.map(({ name }) => name), first.total, first.more]).toEqual([["temp"], 2n, true]);
    const second = await list({ prefix: "temp", after: "temp", limit: 1 });
    expect([second.metrics!.map(({ name }) => name), second.total, second.more]).toEqual([["temp2"], 2n, false]);
    expect(asked).toEqual([[1, 2, 4], [5]]);
    expect(await list({ prefix: "x" })).toEqual({ metrics: [], total: 0n, more: false, missingNodes: [] });
  });
});

test("what other nodes know newer is told, and what is older changes nothing", async () => {
  const lists = rig();
  // pump-2 and pump-1 of gw1, and fan.
  lists.elsewhere.set(1, [89, 7]).set(2, [75, 8]).set(5, [99, 9]);
  const { metrics } = await lists.metrics();
  expect(metrics!.map((m) => [m.name, seconds(m.lastSeen)])).toEqual([
    ["humidity", 95],
    ["temp", 90],
    ["temp2", 99],
  ]);
  const { series } = await lists.series();
  expect(series!.map((s) => [seconds(s.lastSeen), s.lastValue])).toEqual([
    ...[
      [95, 3],
      [75, 8],
      [90, 1],
      [80, 4],
      [99, 9],
    ],
  ]);
  lists.elsewhere.set(4, [101, 10]);
  const { values } = await lists.values({ key: "source" });
  expect(values!.map((v) => [v.value, seconds(v.lastSeen)])).toEqual([
    ["gw1", 90],
    ["gw2", 101],
  ]);
});

describe("ListSeries", () => {
  const shown = ({ series }: Awaited<ReturnType<ReturnType<typeof rig>["series"]>>) =>
    series!.map(({ metric, source, device }) => `${metric} ${source} ${device}`);

  test("tells what names a series, its first and latest point, and its rate; by metric, source and tags", async () => {
    const { series, total } = await rig().series({ metric: "temp" });
    expect(total).toBe(3n);
    expect(
      series!.map((s) => [s.source, s.tags, s.device, seconds(s.firstSeen), seconds(s.lastSeen), s.lastValue, s.rate]),
    ).toEqual([
      ["gw1", { device: "pump-1" }, "pump-1", 20, 70, 2, 0],
      ["gw1", { device: "pump-2" }, "pump-2", 10, 90, 1, 2],
      ["gw2", { device: "pump-1" }, "pump-1", 30, 80, 4, 10],
    ]);
  });

  test("in the order asked for", async () => {
    const { series } = rig();
    const ofOrder = async (order: SeriesOrder) => (await series({ order })).series!.map(({ lastValue }) => lastValue);
    expect(await ofOrder(SeriesOrder.UNSPECIFIED)).toEqual([3, 2, 1, 4, 5]);
    expect(await ofOrder(SeriesOrder.LATEST)).toEqual([3, 1, 4, 2, 5]);
    expect(await ofOrder(SeriesOrder.NEWEST)).toEqual([5, 4, 3, 2, 1]);
    expect(await ofOrder(SeriesOrder.BUSIEST)).toEqual([4, 1, 3, 5, 2]);
  });

  test("one that has gone silent is not busy", async () => {
    const { series, clock, latest } = rig();
    clock.advance(60_000);
    latest.seenAtMs[5] = clock.monotonicMs();
    const busiest = (await series({ order: SeriesOrder.BUSIEST, limit: 1 })).series!;
    expect(busiest.map(({ metric, rate }) => [metric, rate])).toEqual([["temp2", 0.5]]);
  });

  test("pages by offset, over metrics; filters and matchers narrow", async () => {
    const { series } = rig();
    const pages = await Promise.all([0n, 2n, 4n, 6n].map((offset) => series({ offset, limit: 2 })));
    expect(pages.flatMap(shown)).toEqual(shown(await series()));
    expect(pages.map(({ total }) => total)).toEqual([5n, 5n, 5n, 5n]);
    expect(shown(await series({ filters: { source: "gw2" }, metric: "t*" }))).toEqual([
      "temp gw2 pump-1",
      "temp2 gw2 fan",
    ]);
    const pumps = { key: "device", operator: MatchOperator.REGEX, value: "pump-[2-9]|gw." };
    expect(shown(await series({ matchers: [pumps] }))).toEqual(["humidity gw2 gw2", "temp gw1 pump-2"]);
    expect(await series({ metric: "none" })).toEqual({ series: [], total: 0n, missingNodes: [] });
  });

  test("leaves out what is deleted while it is made", async () => {
    const { series, registry } = rig();
    const answering = series({ metric: "temp" });
    registry.forget([2]);
    expect(shown(await answering)).toEqual(["temp gw1 pump-2", "temp gw2 pump-1"]);
    expect((await series({ metric: "temp" })).total).toBe(2n);
  });
});

describe("ListTagValues", () => {
  const shown = ({ values }: Awaited<ReturnType<ReturnType<typeof rig>["values"]>>) =>
    values!.map(({ value, series, firstSeen, lastSeen }) => [
      value,
      Number(series),
      seconds(firstSeen),
      seconds(lastSeen),
    ]);

  test("counts the series of each value, and the keys of tags", async () => {
    const { values } = rig();
    expect(shown(await values({ key: "source" }))).toEqual([
      ["gw1", 2, 10, 90],
      ["gw2", 3, 5, 95],
    ]);
    expect(shown(await values({ key: "device" }))).toEqual([
      ["fan", 1, 40, 60],
      ["gw2", 1, 5, 95],
      ["pump-1", 2, 20, 80],
      ["pump-2", 1, 10, 90],
    ]);
    expect(shown(await values({ key: "metric", filters: { source: "gw2" } }))).toEqual([
      ["humidity", 1, 5, 95],
      ["temp", 1, 30, 80],
      ["temp2", 1, 40, 60],
    ]);
    expect(shown(await values({ metric: "temp*" }))).toEqual([["device", 4, 10, 90]]);
    expect(await values({ key: "nothing" })).toEqual({ values: [], total: 0n, more: false, missingNodes: [] });
  });

  test("pages by prefix and the last value of the page before", async () => {
    const { values } = rig();
    const first = await values({ key: "device", prefix: "pump", limit: 1 });
    expect([shown(first), first.total, first.more]).toEqual([[["pump-1", 2, 20, 80]], 2n, true]);
    const second = await values({ key: "device", prefix: "pump", after: "pump-1", limit: 1 });
    expect([shown(second), second.total, second.more]).toEqual([[["pump-2", 1, 10, 90]], 2n, false]);
  });
});

test("what cannot be meant is refused by field", async () => {
  const { metrics, series, values } = rig();
  for (const [asking, field] of [
    [() => metrics({ limit: -1 }), "limit"],
    [() => series({ limit: 10_001 }), "limit"],
    [() => values({ limit: 10_001 }), "limit"],
    [() => series({ offset: -1n }), "offset"],
    [() => series({ order: 9 as SeriesOrder }), "order"],
    [() => series({ matchers: [{ key: "a", operator: MatchOperator.REGEX, value: "(" }] }), "matchers[0].value"],
    [() => values({ filters: { a: "" } }), 'filters["a"]'],
  ] as const) {
    await expect(asking()).rejects.toMatchObject({ status: "INVALID_ARGUMENT", violations: [{ field }] });
  }
});

describe("work in slices", () => {
  test("takes turns, ends with what it returns or throws, stops when nobody wants it, and is bounded", async () => {
    let nowMs = 0;
    const sliced = new SlicedWork(() => nowMs++);
    const steps: string[] = [];
    function* work(name: string, count: number): Generator<void, string> {
      for (let i = 0; i < count; i++) {
        steps.push(name);
        yield;
      }
      if (name === "c") throw new Error("c failed");
      return name;
    }
    const leaving = new AbortController();
    const { signal } = new AbortController();
    const running = [sliced.run(work("a", 20), signal), sliced.run(work("b", 20), signal)];
    const failing = sliced.run(work("c", 1), signal).catch((error: Error) => error.message);
    const left = sliced.run(work("d", 1e9), leaving.signal).catch((error: { status: string }) => error.status);
    expect(await Promise.all([...running, failing])).toEqual(["a", "b", "c failed"]);
    expect(steps.indexOf("b")).toBeLessThan(steps.lastIndexOf("a"));
    leaving.abort();
    expect(await left).toBe("CANCELLED");
    const all = Array.from({ length: 65 }, () => sliced.run(work("e", 1), signal));
    await expect(all.pop()!).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
    await Promise.all(all);
  });

  test("orders as a sort does", () => {
    const numbers = fc.uniqueArray(fc.integer(), { maxLength: 3_000 });
    const property = fc.property(numbers, fc.nat(3_000), (items, count) => {
      const work = firstInOrder(items, count, (a, b) => a - b);
      let step = work.next();
      while (!step.done) step = work.next();
      expect(step.value).toEqual([...items].sort((a, b) => a - b).slice(0, count));
    });
    fc.assert(property, {
      numRuns: 100,
      examples: [[Array.from({ length: 5_000 }, (_, i) => (i * 7_919) % 5_003), 700]],
    });
  });
});

test("lists say which nodes did not tell of their points", async () => {
  const { metrics, series, values, silent } = rig();
  silent.push("hall-2", "hall-1", "hall-2");
  for (const answer of await Promise.all([metrics(), series(), values({ key: "source" })]))
    expect(answer.missingNodes).toEqual(["hall-1", "hall-2"]);
});
