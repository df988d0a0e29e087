/** What is drawn around lines: limits of rules, episodes of alerts, gaps. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { episodeSpans } from "../../src/console/charts/episode-spans.ts";
import { episodesOn } from "../../src/console/data/alert-episodes.ts";
import { deliveriesOf } from "../../src/console/data/delivery-map.ts";
import { explained, gapMinMs, silencesOf } from "../../src/console/data/gaps.ts";
import { limitsOn } from "../../src/console/data/metric-limits.ts";
import { AlertSchema } from "../../src/wire/gen/alerts_pb.ts";
import { OriginDeliverySchema } from "../../src/wire/gen/forwarding_pb.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const lastMs = 300_000;
const query = { metric: "temp_c", filters: {}, range: { lastMs } };
const rule = (init: object) => create(RuleSchema, { name: "hot", metric: "temp_c", severity: "high", ...init });
const seconds = (count: number, stepMs = 1_000) => Array.from({ length: count }, (_, i) => i * stepMs);

test("limits are those of rules that can mean the chart's series, the gravest first", () => {
  const steps = [
    { severity: "medium", above: 60 },
    { severity: "critical", above: 80 },
  ];
  const rules = [
    rule({ metric: "temp*", condition: { ladder: { steps } } }),
    rule({ name: "cold", condition: { threshold: { below: 5 } } }),
    rule({ name: "same", condition: { threshold: { below: 5 } } }),
    rule({ name: "other", metric: "load", condition: { threshold: { above: 1 } } }),
    rule({ name: "off", disabled: true, condition: { threshold: { above: 2 } } }),
    rule({ name: "there", where: ["site=hall-2"], condition: { threshold: { above: 3 } } }),
    rule({ name: "sum", condition: { window: { function: "sum", over: "5m", above: 4 } } }),
  ];
  const shown = limitsOn(rules, { ...query, filters: { site: "hall-1" } });
  expect(shown.map(({ label, severity }) => `${label} ${severity}`)).toEqual([
    "hot > 80 critical",
    "cold < 5 high",
    "hot > 60 medium",
  ]);
  expect(limitsOn(rules, { ...query, filters: { site: "hall-*" } })).toHaveLength(4);
  expect(limitsOn(rules, { ...query, function: "rate" })).toEqual([]);
});

test("episodes are those of alerts on the metric, or on the device, that the filters do not leave out", () => {
  const alert = (id: string, context: Record<string, string>, clearedMs?: number) =>
    create(AlertSchema, {
      ...{ id, title: id, severity: "low", severityMax: "critical", context },
      createdAt: timestampOfMs(1_000) as never,
      ...(clearedMs !== undefined && { clearedAt: timestampOfMs(clearedMs) as never }),
    });
  const alerts = [
    alert("a", { metric: "temp_c", device: "pump-1" }, 5_000),
    alert("b", { metric: "temp_c", device: "pump-2" }),
    alert("c", { device: "pump-1" }),
    alert("d", { metric: "load", device: "pump-1" }),
  ];
  const byMetric = Map.groupBy(alerts, ({ context }) => context["metric"] ?? "");
  const of = (filters: Record<string, string>) => episodesOn(byMetric, { metric: "temp_c", filters });
  expect(of({}).map(({ alertId }) => alertId)).toEqual(["a", "b"]);
  expect(of({ device: "pump-1" })).toEqual([
    { fromMs: 1_000, toMs: 5_000, title: "a", alertId: "a", severity: "critical" },
    { fromMs: 1_000, title: "c", alertId: "c", severity: "critical" },
  ]);
});

test("alerts at one time are shaded once, as the gravest of them", () => {
  const severities = ["low", "medium", "high", "critical"] as const;
  const episode = fc.record({
    fromMs: fc.integer({ min: 0, max: 20 }),
    toMs: fc.integer({ min: 0, max: 20 }),
    severity: fc.constantFrom(...severities),
    title: fc.constant(""),
  });
  fc.assert(
    fc.property(fc.array(episode, { maxLength: 12 }), (episodes) => {
      const spans = episodeSpans(episodes);
      for (let atMs = 0; atMs < 20; atMs++) {
        const levels = episodes
          .filter(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs)
          .map(({ severity }) => severities.indexOf(severity));
        const shaded = spans.filter(({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs);
        const gravest = levels.length === 0 ? [] : [severities[Math.max(...levels)]];
        expect(shaded.map(({ severity }) => severity)).toEqual(gravest);
      }
    }),
    { seed: 9, numRuns: 300 },
  );
  expect(episodeSpans([{ fromMs: 5, severity: "high", title: "" }])).toEqual([
    { fromMs: 5, toMs: Infinity, severity: "high" },
  ]);
});

test("a pause is a gap where it is far longer than is usual, and one that goes on is open", () => {
  const timesMs = [...seconds(60), 90_000, 91_000];
  const minMs = gapMinMs(timesMs, 0);
  expect(minMs).toBe(4_000);
  expect(silencesOf(timesMs, minMs, { fromMs: 0, toMs: 92_000 })).toMatchObject([{ fromMs: 59_000, toMs: 90_000 }]);
  expect(silencesOf(timesMs, minMs, { fromMs: 0, toMs: 99_000 })).toMatchObject([
    { fromMs: 91_000, toMs: Infinity },
    { fromMs: 59_000, toMs: 90_000 },
  ]);
  expect(gapMinMs([0, 1_000, 900_000], 0)).toBe(Infinity);
});

test("gaps lie between points that are there, whatever their times", () => {
  const times = fc
    .uniqueArray(fc.integer({ min: 0, max: 10_000 }), { maxLength: 50 })
    .map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 3_000 }), (timesMs, minMs) => {
      for (const { fromMs, toMs } of silencesOf(timesMs, minMs, { fromMs: 0, toMs: 20_000 })) {
        expect(timesMs).toContain(fromMs);
        expect(toMs - fromMs).toBeGreaterThan(minMs);
        expect(timesMs.filter((ms) => ms > fromMs && ms < toMs)).toEqual([]);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("what forwards a source says whether its gap is late, lost or silent", () => {
  const origin = (init: object) => create(OriginDeliverySchema, { originId: "1", originName: "gateway-1", ...init });
  const sources = [{ source: "hall", droppedPoints: 7n }];
  const way = (init: object) => deliveriesOf([origin({ sources, ...init })]).get("hall");
  const [past, open] = [1_000, Infinity].map((toMs) => ({ fromMs: 0, toMs, kind: "silent" as const, reason: "" }));
  const committed = [{ from: 0n, to: 9n }];
  const kinds = (...of: Parameters<typeof explained>) => explained(...of).map(({ kind }) => kind);
  expect(kinds(past, undefined)).toEqual(["silent"]);
  expect(kinds(open, way({ committed }))).toEqual(["late"]);
  expect(kinds(past, way({ lanes: ["live"], committed: [...committed, { from: 20n, to: 30n }] }))).toEqual(["late"]);
  expect(kinds(past, way({ lanes: ["live"], committed }))).toEqual(["lost"]);
  expect(kinds(past, way({ lanes: ["live"], committed, sources: [{ source: "hall" }] }))).toEqual(["silent"]);
});

test("what was given up is a gap where it lies, and may be any where nobody knows when it was, over several nodes, too", () => {
  const dropped = (points: number, fromS?: number, toS?: number) => ({
    source: "hall",
    droppedPoints: BigInt(points),
    ...(fromS !== undefined && { firstDroppedTime: timestampOfMs(fromS * 1_000) }),
    ...(toS !== undefined && { lastDroppedTime: timestampOfMs(toS * 1_000) }),
  });
  const wayOver = (...origins: readonly ReturnType<typeof dropped>[]) => {
    const all = origins.map((source, i) => {
      return create(OriginDeliverySchema, { originName: `gw-${i}`, lanes: ["live"], sources: [source] });
    });
    return deliveriesOf(all).get("hall");
  };
  const at = (fromS: number, toS: number) => {
    return { fromMs: fromS * 1_000, toMs: toS * 1_000, kind: "silent" as const, reason: "nothing" };
  };
  const kinds = (...origins: readonly ReturnType<typeof dropped>[]) =>
    [at(0, 10), at(20, 30), at(40, 50)]
      .flatMap((gap) => explained(gap, wayOver(...origins)).map(({ kind }) => kind))
      .join(" ");
  expect(kinds(dropped(1, 21, 29))).toBe("silent lost silent");
  // Both ends of a gap are points that are there.
  expect(kinds(dropped(1, 10, 20))).toBe("silent silent silent");
  expect(kinds(dropped(1, 21, 29), dropped(0))).toBe("silent lost silent");
  expect(kinds(dropped(0), dropped(1, 21, 29))).toBe("silent lost silent");
  expect(kinds(dropped(1, 21, 29), dropped(1, 41, 42))).toBe("silent lost lost silent");
  expect(kinds(dropped(1, 21, 29), dropped(1))).toBe("lost lost lost");
  const parts = (toS: number, ...times: readonly [fromS: number, toS: number]) =>
    explained(at(0, toS), wayOver(dropped(1, ...times))).map(({ kind, fromMs, toMs }) => [
      kind,
      fromMs / 1e3,
      toMs / 1e3,
    ]);
  expect(parts(100, 40, 60)).toEqual([
    ["silent", 0, 40],
    ["lost", 40, 60],
    ["silent", 60, 100],
  ]);
  expect(parts(100, 10, 60)).toEqual([["lost", 0, 100]]);
  expect(parts(100, -50, 20)).toEqual([
    ["lost", 0, 20],
    ["silent", 20, 100],
  ]);
  expect(parts(Infinity, 2, 60)).toEqual([
    ["lost", 0, 60],
    ["silent", 60, Infinity],
  ]);
  expect(explained(at(20, 30), wayOver(dropped(1, 21, 29)))[0].reason).toMatch(
    /^gw-0 gave up 1 point of this source, of .+ to /,
  );
  expect(explained(at(20, 30), wayOver(dropped(2)))[0].reason).toBe(
    "gw-0 gave up 2 points of this source, which may be these",
  );
});
