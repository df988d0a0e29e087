/** SubscribeMetrics: what is sent when, to whom, and what a slow reader costs. */
import { describe, expect, test } from "bun:test";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { UpdateMode } from "../../src/wire/gen/dashboard_pb.ts";
import { Aggregation } from "../../src/wire/gen/history_pb.ts";
import { createRig, shown } from "./rig.ts";

describe("a subscription", () => {
  test("begins with a snapshot at once, then tells what changed, and nothing where nothing did", async () => {
    const rig = createRig();
    rig.publish(["a", 1], ["b", 2]);
    const { next, leave } = rig.subscribe({ metricNames: ["*"], updateIntervalMs: 2_000 });
    const first = await next();
    expect(first).toMatchObject({ snapshot: true, updateIntervalMs: 2_000, dashboardId: "stream-1" });
    expect(shown(first)).toEqual(["a:s=1", "b:s=2"]);
    const second = next();
    rig.publish(["b", 3]);
    rig.clock.advance(2_000);
    expect(shown(await second)).toEqual(["b:s=3"]);
    const third = next();
    rig.clock.advance(10_000);
    expect(Bun.peek.status(third)).toBe("pending");
    rig.publish(["a", 5], ["a", 6]);
    rig.clock.advance(2_000);
    expect(await third).toMatchObject({ snapshot: false, dashboardId: "stream-1", metrics: [{ value: 6 }] });
    await leave();
  });

  test("that matches nothing yet gets an empty snapshot; series join when they appear", async () => {
    const rig = createRig();
    const { next } = rig.subscribe({ metricNames: ["new.*"] });
    expect(await next()).toMatchObject({ snapshot: true, metrics: [] });
    const update = next();
    rig.publish(["old", 1], ["new.x", 2]);
    rig.clock.advance(1_000);
    expect(shown(await update)).toEqual(["new.x:s=2"]);
  });

  test("takes names, globs, and filters on source, device and tags with alternatives", async () => {
    const rig = createRig();
    rig.publish(
      ["temp", 1, undefined, { device: "pump-1", site: "north" }],
      ["temp", 2, undefined, { device: "pump-2", site: "south" }],
      ["temp", 3, undefined, { device: "fan-1", site: "north" }],
      ["temp", 4, undefined, {}, "pump-9"],
      ["rpm", 5, undefined, { device: "pump-1" }],
    );
    const values = async (metricNames: string[], filters: Record<string, string>) =>
      (await rig.subscribe({ metricNames, filters }).next())!.metrics.map(({ value }) => value);
    expect(await values(["temp"], {})).toEqual([1, 2, 3, 4]);
    expect(await values(["t?mp", "rpm"], { device: "pump-1" })).toEqual([1, 5]);
    expect(await values(["temp"], { device: "pump-*" })).toEqual([1, 2, 4]);
    expect(await values(["*"], { site: "north|east", device: "*-1" })).toEqual([1, 3]);
    expect(await values(["*"], { source: "pump-?" })).toEqual([4]);
    expect(await values(["*"], { metric: "rpm" })).toEqual([5]);
  });

  test("over the limit of series watched by all is refused; one that others share is not", async () => {
    const rig = createRig({ seriesMax: 3 });
    rig.publish(["a", 1], ["b", 1], ["c", 1]);
    const all = rig.subscribe({ metricNames: ["*"] });
    await all.next();
    const same = rig.subscribe({ metricNames: ["*"] });
    expect(shown(await same.next()).length).toBe(3);
    const error = await rig
      .subscribe({ metricNames: ["a", "b"] })
      .next()
      .catch((error) => error);
    expect(error).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: 5_000 });
    expect(error.message).toContain("2 series match and the other subscriptions watch 3; the limit is 3");
    await Promise.all([all.leave(), same.leave()]);
    expect(shown(await rig.subscribe({ metricNames: ["a", "b"] }).next()).length).toBe(2);
  });

  test("series that appear over that limit do not join, which is counted", async () => {
    const rig = createRig({ seriesMax: 2 });
    rig.publish(["a", 1]);
    const all = rig.subscribe({ metricNames: ["*"] });
    await all.next();
    const update = all.next();
    rig.publish(["b", 1], ["c", 1], ["d", 1]);
    rig.clock.advance(1_000);
    expect(shown(await update).length).toBe(1);
    expect((await rig.metrics.liveLeftOut.get()).values[0].value).toBe(2);
  });

  test("is refused where it makes no sense, naming the field", async () => {
    const rig = createRig();
    const refusal = (request: Parameters<typeof rig.subscribe>[0]) => rig.subscribe(request).next();
    await expect(refusal({ metricNames: [] })).rejects.toThrow('at least one metric name or glob; use "*" for all');
    await expect(refusal({ metricNames: [""] })).rejects.toThrow("metric_names");
    await expect(refusal({ metricNames: ["*"], updateIntervalMs: -1 })).rejects.toThrow("update_interval_ms is -1");
    await expect(refusal({ metricNames: ["*"], mode: 7 as never })).rejects.toThrow("mode is 7");
    for (const grouped of [{ groupBy: ["site"] }, { aggregations: [Aggregation.MAX] }]) {
      const both = { metricNames: ["*"], windowStats: true, ...grouped };
      await expect(refusal(both)).rejects.toThrow(
        "window_stats is true; wanted it false with group_by or aggregations",
      );
    }
    await expect(refusal({ metricNames: ["*"], staleAfterMs: -1n })).rejects.toThrow("stale_after_ms");
  });

  test("has its interval clamped, and is told", async () => {
    const rig = createRig();
    const granted = async (updateIntervalMs: number) =>
      (await rig.subscribe({ metricNames: ["*"], updateIntervalMs }).next())!.updateIntervalMs;
    expect([await granted(0), await granted(5), await granted(30_000), await granted(1e6)]).toEqual([
      1_000, 1_000, 30_000, 60_000,
    ]);
  });

  test("over the limit is told to come again", async () => {
    const rig = createRig({ subscriptionsMax: 1 });
    const one = rig.subscribe({ metricNames: ["*"] });
    await one.next();
    await expect(rig.subscribe({ metricNames: ["*"] }).next()).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
    await one.leave();
    expect(await rig.subscribe({ metricNames: ["*"] }).next()).toMatchObject({ snapshot: true });
  });

  test("leaves nothing behind when its reader goes", async () => {
    const rig = createRig();
    rig.publish(["a", 1]);
    const timers = rig.clock.timers;
    for (const mode of [UpdateMode.INTERVAL, UpdateMode.ON_CHANGE]) {
      const { next, leave } = rig.subscribe({ metricNames: ["*"], mode });
      await next();
      const waiting = next();
      await leave();
      expect(await waiting).toBeUndefined();
    }
    expect(rig.clock.timers).toBe(timers);
    expect(await rig.metrics.subscriptions.get()).toMatchObject({ values: [{ value: 0 }] });
  });

  test("gets a sign of life when nothing happens", async () => {
    const rig = createRig();
    const { next } = rig.subscribe({ metricNames: ["*"] });
    await next();
    const update = next();
    rig.clock.advance(15_000);
    expect(await update).toMatchObject({ metrics: [], snapshot: false, dashboardId: "stream-1" });
  });

  test("of very many series gets its snapshot in several messages", async () => {
    const rig = createRig();
    rig.publish(...Array.from({ length: 4_500 }, (_, i) => [`m${i}`, i] as const));
    const { next } = rig.subscribe({ metricNames: ["*"] });
    expect([await next(), await next(), await next()].map((update) => update!.metrics.length)).toEqual([
      2000, 2000, 500,
    ]);
  });
});

describe("values", () => {
  test("the latest is by event time; at the same time the later write stands", async () => {
    const rig = createRig();
    rig.publish(["a", 1, 5_000_000]);
    rig.publish(["a", 2, 4_000_000]);
    rig.publish(["a", 3, 5_000_000]);
    const update = await rig.subscribe({ metricNames: ["a"] }).next();
    expect(update!.metrics[0]).toMatchObject({ value: 3, timestamp: { seconds: 5n } });
  });

  test("a silent series is told once as stale, and comes back as fresh", async () => {
    const rig = createRig();
    rig.publish(["a", 1], ["b", 1]);
    const { next } = rig.subscribe({ metricNames: ["*"], staleAfterMs: 3_000n });
    await next();
    const update = next();
    rig.clock.advance(2_000);
    rig.publish(["b", 2]);
    rig.clock.advance(1_000);
    expect(shown(await update)).toEqual(["b:s=2"]);
    const stale = next();
    rig.clock.advance(1_000);
    expect(shown(await stale)).toEqual(["a:s=1 stale"]);
    const both = next();
    rig.clock.advance(1_000);
    rig.publish(["a", 9]);
    rig.clock.advance(1_000);
    expect(shown(await both)).toEqual(["a:s=9", "b:s=2 stale"]);
  });

  test("without a limit given a series is stale after three of its usual gaps", async () => {
    const rig = createRig();
    for (let i = 0; i < 5; i++) {
      rig.publish(["slow", i]);
      rig.clock.advance(60_000);
    }
    const { next } = rig.subscribe({ metricNames: ["*"] });
    expect(shown(await next())).toEqual(["slow:s=4"]);
    const quiet = next();
    rig.clock.advance(119_000);
    expect((await quiet)!.metrics).toEqual([]);
    rig.clock.advance(2_000);
    const seen = await next();
    expect(shown(seen)).toEqual(["slow:s=4 stale"]);
  });
});

describe("on change", () => {
  test("the first change is pushed at once, what follows is gathered", async () => {
    const rig = createRig();
    const { next } = rig.subscribe({ metricNames: ["*"], mode: UpdateMode.ON_CHANGE });
    expect(await next()).toMatchObject({ snapshot: true, updateIntervalMs: 50 });
    const first = next();
    rig.publish(["a", 1]);
    expect(shown(await first)).toEqual(["a:s=1"]);
    const second = next();
    rig.publish(["a", 2]);
    rig.clock.advance(20);
    rig.publish(["a", 3], ["b", 1]);
    rig.clock.advance(29);
    expect(Bun.peek.status(second)).toBe("pending");
    rig.clock.advance(1);
    expect(shown(await second).sort()).toEqual(["a:s=3", "b:s=1"]);
    const third = next();
    rig.clock.advance(500);
    rig.publish(["a", 4]);
    expect(shown(await third)).toEqual(["a:s=4"]);
  });

  test("the same value of the same time again is no change, but it is heard of", async () => {
    const rig = createRig();
    const { next } = rig.subscribe({ metricNames: ["*"], mode: UpdateMode.ON_CHANGE, staleAfterMs: 10_000n });
    const every = rig.subscribe({ metricNames: ["*"], windowStats: true });
    await next();
    await every.next();
    const first = next();
    rig.publish(["a", 1, 5_000_000]);
    expect(shown(await first)).toEqual(["a:s=1"]);
    const repeated = next();
    rig.clock.advance(9_000);
    rig.publish(["a", 1, 5_000_000]);
    rig.clock.advance(9_000);
    expect(Bun.peek.status(repeated)).toBe("pending");
    rig.publish(["a", 2, 5_000_000]);
    expect(shown(await repeated)).toEqual(["a:s=2"]);
    rig.clock.advance(1_000);
    expect((await every.next())!.metrics[0].window).toMatchObject({ count: 2n, sum: 3 });
  });
});

describe("a slow reader", () => {
  test("misses updates and no values: they are folded into one, and counted", async () => {
    const rig = createRig();
    rig.publish(["a", 0], ["b", 0], ["c", 0]);
    const slow = rig.subscribe({ metricNames: ["*"] });
    const quick = rig.subscribe({ metricNames: ["*"] });
    await slow.next();
    await quick.next();
    const seen: string[] = [];
    for (let i = 1; i <= 100; i++) {
      const update = quick.next();
      rig.publish(["a", i]);
      if (i === 50) rig.publish(["b", i]);
      rig.clock.advance(1_000);
      seen.push(...shown(await update));
    }
    expect(seen.length).toBe(101);
    const update = await slow.next();
    expect(shown(update).sort()).toEqual(["a:s=100", "b:s=50"]);
    expect(update!.conflated).toBe(99n);
    expect((await rig.metrics.conflated.get()).values[0].value).toBe(99);
  });
});

describe("window statistics", () => {
  test("are of what came since the update before", async () => {
    const rig = createRig();
    rig.publish(["a", 10, 1_000_000]);
    const { next } = rig.subscribe({ metricNames: ["a"], windowStats: true });
    expect((await next())!.metrics[0].window).toBeUndefined();
    const first = next();
    rig.publish(["a", 14, 2_000_000], ["a", 12, 3_000_000]);
    rig.publish(["a", 20, 5_000_000]);
    rig.clock.advance(1_000);
    expect((await first)!.metrics[0].window).toMatchObject({
      last: 20,
      min: 12,
      max: 20,
      sum: 46,
      avg: 46 / 3,
      count: 3n,
      rate: 2.5,
    });
    const second = next();
    rig.publish(["a", 19, 6_000_000]);
    rig.clock.advance(1_000);
    expect((await second)!.metrics[0].window).toMatchObject({ min: 19, max: 19, count: 1n, rate: -1 });
  });

  test("count late points in all but last and rate, also where nothing else came", async () => {
    const rig = createRig();
    rig.publish(["a", 10, 10_000_000], ["b", 1, 10_000_000]);
    const { next } = rig.subscribe({ metricNames: ["*"], windowStats: true });
    const slow = rig.subscribe({ metricNames: ["*"], windowStats: true });
    await next();
    await slow.next();
    const first = next();
    rig.publish(["a", 100, 9_000_000], ["a", 12, 12_000_000]);
    rig.clock.advance(1_000);
    const [both] = (await first)!.metrics;
    expect(both).toMatchObject({ value: 12, window: { last: 12, min: 12, max: 100, sum: 112, count: 2n, rate: 1 } });
    const second = next();
    rig.publish(["a", -5, 8_000_000], ["b", 2, 11_000_000]);
    rig.clock.advance(1_000);
    const [late] = (await second)!.metrics;
    expect(late).toMatchObject({ name: "a:s", value: 12, timestamp: { seconds: 12n } });
    expect(late.window).toMatchObject({ last: 12, min: -5, max: -5, count: 1n, rate: 0 });
    const { metrics } = (await slow.next())!;
    expect(metrics[0].window).toMatchObject({ last: 12, min: -5, max: 100, sum: 107, count: 3n, rate: 1 });
  });

  for (const [room, seriesMax] of [
    ["reach back over all updates a slow reader missed", 1e6],
    ["are left out where there is no room to keep them for a slow reader", 1],
  ] as const) {
    test(room, async () => {
      const rig = createRig({ seriesMax });
      rig.publish(["a", 3, 0]);
      const quick = rig.subscribe({ metricNames: ["*"], windowStats: true });
      const slow = rig.subscribe({ metricNames: ["*"], windowStats: true });
      await quick.next();
      await slow.next();
      const seen: (number | undefined)[] = [];
      for (const [second, value] of [5, 9, 1, 7].entries()) {
        const update = quick.next();
        rig.publish(["a", value, (second + 1) * 1_000_000]);
        rig.clock.advance(1_000);
        seen.push((await update)!.metrics[0].window?.max);
      }
      expect(seen).toEqual([5, 9, 1, 7]);
      const { metrics, conflated } = (await slow.next())!;
      expect(conflated).toBe(3n);
      if (seriesMax > 1) {
        expect(metrics[0].window).toMatchObject({ last: 7, min: 1, max: 9, sum: 22, count: 4n, rate: 1 });
      } else {
        expect([metrics[0].value, metrics[0].window]).toEqual([7, undefined]);
      }
      const next = slow.next();
      rig.publish(["a", 8, 5_000_000]);
      rig.clock.advance(1_000);
      expect((await next)!.metrics[0].window).toMatchObject({ min: 8, max: 8, count: 1n, rate: 1 });
      await Promise.all([quick.leave(), slow.leave()]);
    });
  }
});

describe("groups", () => {
  test("aggregate the present values of many devices by tags; stale ones are left out", async () => {
    const rig = createRig();
    const value = (i: number): [string, number, undefined, Record<string, string>] => [
      "t",
      i,
      undefined,
      { device: `d${i}`, site: i <= 4 ? "north" : "south" },
    ];
    rig.publish(...[1, 2, 3, 4, 10, 20].map(value));
    const { next } = rig.subscribe({
      metricNames: ["t"],
      groupBy: ["site"],
      aggregations: [Aggregation.P50],
      staleAfterMs: 10_000n,
    });
    const first = await next();
    expect(first!.metrics.map(({ name, value }) => [name, value])).toEqual([
      ["t:site=north", 2.5],
      ["t:site=south", 15],
    ]);
    expect(first!.metrics[0].aggregate).toMatchObject({
      group: { site: "north" },
      count: 4n,
      avg: 2.5,
      min: 1,
      max: 4,
      sum: 10,
      p50: 2.5,
      p95: expect.closeTo(3.85),
      p99: expect.closeTo(3.97),
    });
    const update = next();
    rig.clock.advance(9_500);
    rig.publish(value(1), value(2), value(3));
    rig.clock.advance(500);
    expect((await update)!.metrics.map(({ aggregate }) => aggregate!.count)).toEqual([4n]);
    const stale = next();
    const lastMs = rig.clock.nowMs() - 500;
    rig.clock.advance(1_000);
    const { metrics } = (await stale)!;
    expect(metrics.map(({ name, aggregate, stale }) => [name, aggregate!.count, stale])).toEqual([
      ["t:site=north", 3n, false],
      ["t:site=south", 2n, true],
    ]);
    expect(metrics.map(({ value }) => value)).toEqual([2, 15]);
    const [north, south] = metrics.map(({ timestamp }) => timestampDate(timestamp!).getTime());
    expect([north, south]).toEqual([lastMs, lastMs - 9_500]);
    const late = rig.subscribe({
      metricNames: ["t"],
      groupBy: ["site"],
      staleAfterMs: 3_000n,
      filters: { site: "south" },
    });
    expect((await late.next())!.metrics).toMatchObject([{ value: 15, stale: true, aggregate: { count: 2n } }]);
  });

  test("without group_by there is one for each metric", async () => {
    const rig = createRig();
    rig.publish(["t", 1, undefined, { device: "a" }], ["t", 3, undefined, { device: "b" }], ["u", 5]);
    const update = await rig.subscribe({ metricNames: ["*"], aggregations: [Aggregation.MAX] }).next();
    expect(update!.metrics.map(({ metric, value }) => [metric, value])).toEqual([
      ["t", 3],
      ["u", 5],
    ]);
  });
});
