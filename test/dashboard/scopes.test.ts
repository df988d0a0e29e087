/** Live values, lists and queries of those who see a part of what there is: as if the rest were not there. */
import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { scopeOf, type Scope } from "../../src/model/access.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { deviceOf, tagOf } from "../../src/model/series-key.ts";
import type { RangeQuery, RangeResult } from "../../src/store/store-client.ts";
import type { AnswerWriter } from "../../src/wire/service.ts";
import { UpdateMode, type DashboardData } from "../../src/wire/gen/dashboard_pb.ts";
import {
  Aggregation,
  QueryRangeResponseSchema,
  type ListMetricsResponse,
  type ListSeriesResponse,
  type ListTagValuesResponse,
} from "../../src/wire/gen/history_pb.ts";
import { randomOf } from "../support/random.ts";
import { createRig, NOTHING_STORED, shown, type Reading } from "./rig.ts";

const scope = (patterns: Partial<Record<"sources" | "devices" | "sites", string[]>>) => {
  return scopeOf({ sources: [], devices: [], sites: [], ...patterns });
};
const BERLIN = scope({ sites: ["berlin"] });
const NOBODY = scope({ sources: ["nobody"] });

/** Of each series, or group, a row with its slot. */
const store = {
  ...NOTHING_STORED,
  range: async ({ seriesIds, grouping }: RangeQuery): Promise<RangeResult> => {
    const count = grouping?.groups ?? seriesIds.length;
    const slots = Uint32Array.from({ length: count }, (_, i) => i);
    const nothing = { resolutionUs: 0, isCoarse: false, isDamaged: false, pointsRead: 0, next: null };
    const offsets = Uint32Array.from({ length: count + 1 }, (_, i) => i);
    return { slots, offsets, timesUs: new Float64Array(count), values: Float64Array.from(slots), ...nothing };
  },
};

/** What is done in slices is over, and its readers have heard of it. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => void setImmediate(resolve));
}

type Rig = ReturnType<typeof createRig>;

/** What a reader has been told, read as it comes. */
class Reader {
  readonly updates: DashboardData[] = [];
  readonly values = new Map<string, number>();

  constructor({ next }: ReturnType<Rig["subscribe"]>) {
    void (async () => {
      for (let update; (update = await next()) !== undefined;) {
        this.updates.push(update);
        for (const metric of update.metrics) this.values.set(nameOf(metric), metric.value);
      }
    })();
  }

  /** Of the windows that came since the last call. */
  takeCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const metric of this.updates.splice(0).flatMap(({ metrics }) => metrics)) {
      const name = nameOf(metric);
      counts.set(name, (counts.get(name) ?? 0) + Number(metric.window?.count ?? 0));
    }
    return counts;
  }

  /** Names of what came since the last call. */
  take(): string[] {
    return [...new Set(this.updates.splice(0).flatMap(({ metrics }) => metrics.map(nameOf)))].sort();
  }
}

function nameOf({ metric, tags, aggregate }: DashboardData["metrics"][number]): string {
  return JSON.stringify(aggregate === undefined ? tags["of"] : [metric, aggregate.group]);
}

describe("live", () => {
  test("a reader gets what is in its scope, and new series as they come", async () => {
    const rig = createRig();
    rig.publish(["a", 1, undefined, { site: "berlin" }], ["a", 2, undefined, { site: "hamburg" }]);
    const { next } = rig.subscribe({ metricNames: ["*"] }, BERLIN);
    expect(shown(await next())).toEqual(["a:s=1"]);
    const update = next();
    rig.publish(["a", 3, undefined, { site: "hamburg" }], ["b", 4, undefined, { site: "berlin" }], ["c", 5]);
    rig.clock.advance(1_000);
    expect(shown(await update)).toEqual(["b:s=4"]);
  });

  test("readers of equal scopes share what is watched for them, those of others do not", async () => {
    const rig = createRig({ seriesMax: 2 });
    rig.publish(["a", 1, undefined, { site: "berlin" }]);
    const subscribed = (given?: Scope) => rig.subscribe({ metricNames: ["*"] }, given).next();
    for (const sites of [["berlin"], ["berlin"], ["ber*"], ["ber*"]]) {
      expect(shown(await subscribed(scope({ sites })))).toEqual(["a:s=1"]);
    }
    await expect(subscribed()).rejects.toThrow("1 series match and the other subscriptions watch 2");
  });

  test("a reader of some of very many series gets all of them, and leaves while they are looked for", async () => {
    const rig = createRig();
    const of = (i: number): Reading => ["a", i, undefined, { of: String(i), site: i % 3 === 0 ? "berlin" : "hamburg" }];
    rig.publish(...Array.from({ length: 6_000 }, (_, i) => of(i)));
    const left = rig.subscribe({ metricNames: ["*"] }, BERLIN);
    const first = left.next().catch((error: WatchpostError) => error.status);
    const reader = new Reader(rig.subscribe({ metricNames: ["*"] }, BERLIN));
    void left.leave();
    await settle();
    expect([await first, reader.values.size]).toEqual(["CANCELLED", 2_000]);
    expect([...reader.values.values()].every((value) => value % 3 === 0)).toBe(true);
  });

  for (const mode of [UpdateMode.INTERVAL, UpdateMode.ON_CHANGE]) {
    test(`a device that moves leaves open streams and enters others within a second (mode ${mode})`, async () => {
      const rig = createRig();
      const pump: Reading = ["a", 1, undefined, { device: "pump", of: "pump" }];
      rig.publish(pump, ["a", 2, undefined, { device: "fan", of: "fan" }]);
      const request = { metricNames: ["*"], mode, updateIntervalMs: 60_000 };
      const [berlin, all] = [BERLIN, undefined].map((each) => new Reader(rig.subscribe(request, each)));
      await settle();
      expect([berlin.take(), all.take()]).toEqual([[], ['"fan"', '"pump"']]);
      rig.move("pump", "berlin");
      rig.clock.advance(1_000);
      await settle();
      expect([berlin.take(), berlin.values, all.take()]).toEqual([['"pump"'], new Map([['"pump"', 1]]), []]);
      rig.move("pump", "hamburg");
      rig.clock.advance(1_000);
      await settle();
      rig.publish(["a", 3, undefined, { device: "pump", of: "pump" }]);
      rig.clock.advance(60_000);
      await settle();
      expect([berlin.take(), all.take().includes('"pump"')]).toEqual([[], true]);
      rig.move("pump", "berlin");
      rig.clock.advance(1_000);
      await settle();
      expect([berlin.take(), berlin.values.get('"pump"')]).toEqual([['"pump"'], 3]);
    });
  }

  test("windows begin anew with a series that comes back, and tell nothing of when it was away", async () => {
    const rig = createRig();
    const pump = (value: number): Reading => ["a", value, rig.clock.nowMs() * 1_000 + value, { device: "pump" }];
    rig.sites.set("pump", "berlin");
    rig.publish(pump(1));
    const { next } = rig.subscribe({ metricNames: ["*"], windowStats: true }, BERLIN);
    await next();
    rig.publish(pump(2));
    rig.move("pump", "hamburg");
    rig.clock.advance(200);
    await settle();
    for (let value = 3; value < 10; value++) rig.publish(pump(value));
    rig.move("pump", "berlin");
    const back = next();
    rig.clock.advance(200);
    await settle();
    expect((await back)!.metrics).toMatchObject([{ value: 9 }]);
    const update = next();
    rig.clock.advance(500);
    rig.publish(pump(11), pump(12));
    rig.clock.advance(500);
    // From 9, which came 700 ms before 12.
    const window = { count: 2n, min: 11, max: 12, rate: expect.closeTo(3 / 0.7, 2) };
    expect((await update)!.metrics).toMatchObject([{ value: 12, window }]);
  });

  test("a reader who was late is told nothing of what has left meanwhile", async () => {
    const rig = createRig();
    rig.sites.set("pump", "berlin").set("fan", "berlin");
    const both = (value: number) => {
      rig.publish(...["pump", "fan"].map((device): Reading => ["a", value, undefined, { device }]));
    };
    both(1);
    const { next } = rig.subscribe({ metricNames: ["*"], windowStats: true }, BERLIN);
    await next();
    for (const value of [2, 3]) {
      both(value);
      rig.clock.advance(1_000);
    }
    rig.move("pump", "hamburg");
    rig.clock.advance(1_000);
    await settle();
    const { metrics, conflated } = (await next())!;
    expect([metrics.map(({ device, value }) => [device, value]), conflated]).toEqual([[["fan", 3]], 1n]);
  });

  test("devices that move while others are looked for are looked for next, and none once it is closed", async () => {
    const rig = createRig();
    rig.publish(...["a", "b"].map((device): Reading => ["m", 1, undefined, { device, of: device }]));
    const reader = new Reader(rig.subscribe({ metricNames: ["*"] }, BERLIN));
    await settle();
    rig.move("a", "berlin");
    rig.clock.advance(200);
    rig.move("b", "berlin");
    await settle();
    rig.clock.advance(200);
    await settle();
    expect(reader.take()).toEqual(['"a"', '"b"']);
    const { timers } = rig.clock;
    rig.move("a", "");
    expect(rig.clock.timers).toBe(timers + 1);
    rig.dashboard.close();
    rig.clock.advance(1_000);
    rig.move("a", "berlin");
    expect(rig.clock.timers).toBe(0);
  });

  test("over the limit of series what moves into a scope is left out, and counted", async () => {
    const rig = createRig({ seriesMax: 2 });
    rig.sites.set("a", "berlin");
    rig.publish(...["a", "b", "c"].map((device): Reading => ["m", 1, undefined, { device, of: device }]));
    const reader = new Reader(rig.subscribe({ metricNames: ["*"] }, BERLIN));
    await settle();
    expect(reader.take()).toEqual(['"a"']);
    rig.move("b", "berlin");
    rig.move("c", "berlin");
    rig.clock.advance(1_000);
    await settle();
    expect([reader.take(), (await rig.metrics.liveLeftOut.get()).values]).toMatchObject([['"b"'], [{ value: 1 }]]);
  });
});

describe("what there is", () => {
  const rig = createRig({ store });
  rig.publish(
    ["a", 1, undefined, { site: "berlin", line: "x" }],
    ["a", 2, undefined, { site: "hamburg", line: "y", secret: "yes" }],
    ["b", 3, undefined, { site: "hamburg", line: "y" }],
    ["c", 4, undefined, { site: "berlin", line: "x" }, "other"],
  );

  test("is what is in scope: names, series, values of tags, and their numbers", async () => {
    const metrics = await rig.call<ListMetricsResponse>("listMetrics", { limit: 1 }, BERLIN);
    expect(metrics).toMatchObject({ metrics: [{ name: "a", series: 1n }], total: 2n, more: true });
    const rest = await rig.call<ListMetricsResponse>("listMetrics", { after: "a", limit: 1 }, BERLIN);
    expect(rest).toMatchObject({ metrics: [{ name: "c", series: 1n }], total: 2n, more: false });
    const series = await rig.call<ListSeriesResponse>("listSeries", { limit: 1 }, BERLIN);
    expect(series).toMatchObject({ series: [{ metric: "a", lastValue: 1 }], total: 2n });
    const values = await rig.call<ListTagValuesResponse>("listTagValues", { key: "line" }, BERLIN);
    expect(values).toMatchObject({ values: [{ value: "x", series: 2n }], total: 1n, more: false });
    const tags = await rig.call<ListTagValuesResponse>("listTagValues", {}, BERLIN);
    expect(tags.values.map(({ value }) => value)).toEqual(["line", "site"]);
  });

  const asked = async (request: object, given?: Scope) => {
    try {
      const answer = await rig.call<AnswerWriter>("queryRange", request, given);
      return fromBinary(QueryRangeResponseSchema, answer.toBinary());
    } catch (error) {
      const { status, message } = error as WatchpostError;
      return { status, message };
    }
  };

  test("bounds of a query are held by what is in scope", async () => {
    expect(await asked({ metric: "*", seriesMax: 2 }, BERLIN)).toMatchObject({
      series: [{ metric: "a" }, { metric: "c" }],
    });
    expect(await asked({ metric: "*", seriesMax: 1 }, BERLIN)).toEqual({
      status: "RESOURCE_EXHAUSTED",
      message: "2 series match, the limit is 1; narrow metric or filters",
    });
    const grouped = { metric: "*", stepMs: 1_000n, groupBy: ["secret"], aggregation: Aggregation.SUM };
    expect(await asked(grouped, BERLIN)).toMatchObject({
      series: [
        { metric: "a", tags: { secret: "" } },
        { metric: "c", tags: { secret: "" } },
      ],
      notes: [expect.stringContaining('none of these series has the tag "secret"')],
    });
  });

  for (const [what, request] of Object.entries({
    "a query": { metric: "b" },
    "a query by steps": { metric: "b", stepMs: 1_000n, aggregation: Aggregation.SUM },
    "a query in a unit": { metric: "b", unit: "K" },
    "a query with a bound": { metric: "b", seriesMax: 1 },
    "a query that is wrong": { metric: "b", stepMs: -1n },
  })) {
    test(`${what} of what is out of scope is answered as one of what is not there`, async () => {
      const [out, none] = [await asked(request, BERLIN), await asked({ ...request, metric: "none" }, BERLIN)];
      expect(JSON.stringify(out, text)).toBe(JSON.stringify(none, text));
      expect(await asked(request, NOBODY)).toEqual(out);
    });
  }

  test("lists of what is out of scope are as those of what is not there", async () => {
    for (const name of ["listSeries", "listTagValues"]) {
      const [out, none] = [{ metric: "b" }, { metric: "none" }].map((request) => rig.call(name, request, BERLIN));
      expect(await out).toEqual(await none);
    }
    expect(await rig.call("listMetrics", { prefix: "b" }, BERLIN)).toEqual(
      await rig.call("listMetrics", { prefix: "none" }, BERLIN),
    );
  });

  test("a stream of stored points narrows while it runs", async () => {
    const own = createRig({
      store: {
        ...store,
        range: async (query: RangeQuery) => {
          const result = await store.range(query);
          // The first series of the first part goes on in the next one.
          return query.fromUs === 0 ? { ...result, next: { slot: 0, fromUs: 5 } } : result;
        },
      },
    });
    own.sites.set("pump", "berlin");
    own.publish(["a", 1, undefined, { device: "pump" }]);
    const parts = own.call("streamRange", { metric: "*" }, BERLIN) as unknown as AsyncIterator<Uint8Array>;
    expect((await parts.next()).done).toBe(false);
    own.move("pump", "hamburg");
    expect((await parts.next()).done).toBe(true);
  });
});

const text = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

/** All that may happen, at random; what is told is what would be left of everything. */
for (let seed = 1; seed <= 6; seed++) {
  test(`live values, lists and queries are what is left of everything (seed ${seed})`, async () => {
    const random = randomOf(seed);
    const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
    const [names, sites] = [
      ["a", "b", "ab"],
      ["", "x", "y"],
    ];
    const some = (of: readonly string[]) => of.filter((text) => text !== "" && random() < 0.4);
    const rig = createRig({ store });
    const scopes = Array.from({ length: 4 }, () =>
      scope({ sources: some(names), devices: some(names), sites: some(sites) }),
    );
    const ids = () => Array.from({ length: rig.registry.idEnd }, (_, id) => id).filter((id) => rig.registry.has(id));
    const isSeen = (given: Scope, id: number) => {
      const identity = rig.registry.identityOf(id);
      const device = deviceOf(identity);
      const site = rig.sites.get(device) || (tagOf(identity, "site") ?? "");
      return given.takes({ source: identity.source, device, site });
    };
    const values = new Map<number, number>();
    const pointsOf = new Map<number, number>();
    const readings: Reading[] = [];
    const publish = (reading: Reading) => {
      rig.publish(reading);
      const id = rig.idOf(reading);
      // The same once more at the same time changes nothing.
      if (values.get(id) !== reading[1] || !pointsOf.has(id)) pointsOf.set(id, (pointsOf.get(id) ?? 0) + 1);
      values.set(id, reading[1]);
    };
    // None is silent: it would be left out of its group.
    const staleAfterMs = 86_400_000n;
    const groups = { metricNames: ["m*"], groupBy: ["line"], aggregations: [Aggregation.SUM], staleAfterMs };
    const readers = scopes.map((given) => ({
      given,
      each: new Reader(rig.subscribe({ metricNames: ["m1", "m2"], staleAfterMs }, given)),
      grouped: new Reader(rig.subscribe(groups, given)),
      windowed: new Reader(rig.subscribe({ metricNames: ["m*"], windowStats: true, staleAfterMs }, given)),
      before: new Set<number>(),
    }));
    const all = new Reader(rig.subscribe({ metricNames: ["m1", "m2"], staleAfterMs }));
    const watched = (id: number) => rig.registry.identityOf(id).metric !== "m3";
    const nameOfSeries = (id: number) => JSON.stringify(tagOf(rig.registry.identityOf(id), "of"));
    await settle();
    all.take();
    for (let step = 0; step < 60; step++) {
      for (const reader of readers) {
        reader.each.take();
        reader.before = new Set(ids().filter((id) => isSeen(reader.given, id)));
      }
      for (let moves = Math.floor(3 * random()); moves > 0; moves--) rig.move(any(names), any(sites));
      rig.clock.advance(900);
      await settle();
      // Which have come in is told at once, of the others nothing.
      for (const { given, each, windowed, before } of readers) {
        expect([...windowed.takeCounts().values()].every((count) => count === 0)).toBe(true);
        const came = ids().filter((id) => watched(id) && isSeen(given, id) && !before.has(id));
        const told = each.take();
        expect(told.filter((name) => came.some((id) => nameOfSeries(id) === name))).toEqual(
          came.map(nameOfSeries).sort(),
        );
        expect(told.filter((name) => !ids().some((id) => isSeen(given, id) && nameOfSeries(id) === name))).toEqual([]);
      }
      all.take();
      pointsOf.clear();
      for (let points = Math.floor(5 * random()); points > 0; points--) {
        const isNew = readings.length === 0 || random() < 0.4;
        const tags = {
          of: `${step}-${points}`,
          line: any(["l", "r"]),
          ...(random() < 0.6 && { device: any(names) }),
          ...(random() < 0.5 && { site: any(sites) }),
        };
        const made: Reading = [any(["m1", "m2", "m3"]), Math.floor(100 * random()), undefined, tags, any(names)];
        if (isNew) readings.push(made);
        const [metric, , , known, source] = isNew ? made : any(readings);
        publish([metric, Math.floor(1_000 * random()), undefined, known!, source!]);
      }
      rig.clock.advance(1_000);
      await settle();
      const told = all.take();
      for (const { given, each, grouped, windowed } of readers) {
        const seen = ids().filter((id) => isSeen(given, id));
        const counted = seen
          .filter((id) => pointsOf.has(id))
          .map((id) => [nameOfSeries(id), pointsOf.get(id)!] as const);
        expect([...windowed.takeCounts()].sort()).toEqual(counted.toSorted() as never);
        const left = told.filter((name) => seen.some((id) => nameOfSeries(id) === name));
        expect(each.take()).toEqual(left);
        for (const id of seen.filter(watched)) expect(each.values.get(nameOfSeries(id))).toBe(values.get(id)!);
        const sums = new Map<string, number>();
        for (const id of seen) {
          const identity = rig.registry.identityOf(id);
          const name = JSON.stringify([identity.metric, { line: tagOf(identity, "line") }]);
          sums.set(name, (sums.get(name) ?? 0) + values.get(id)!);
        }
        for (const [name, sum] of sums) expect([name, grouped.values.get(name)]).toEqual([name, sum]);
        const listed = await rig.call<ListSeriesResponse>("listSeries", {}, given);
        expect(listed.series.map(({ tags }) => JSON.stringify(tags["of"])).sort()).toEqual(
          seen.map(nameOfSeries).sort(),
        );
        const metrics = await rig.call<ListMetricsResponse>("listMetrics", {}, given);
        const counts = Object.groupBy(seen, (id) => rig.registry.identityOf(id).metric);
        expect(Object.fromEntries(metrics.metrics.map(({ name, series }) => [name, Number(series)]))).toEqual(
          Object.fromEntries(Object.entries(counts).map(([name, of]) => [name, of!.length])),
        );
        const answer = await rig.call<AnswerWriter>("queryRange", { metric: "*" }, given);
        const { series } = fromBinary(QueryRangeResponseSchema, answer.toBinary());
        expect(series.map(({ tags }) => JSON.stringify(tags["of"])).sort()).toEqual(seen.map(nameOfSeries).sort());
      }
    }
  });
}
