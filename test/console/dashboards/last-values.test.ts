import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { LastValueGroups, type GroupQuery, type LastValuesQuery } from "../../../src/console/data/last-value-groups.ts";
import type { LastValue } from "../../../src/console/data/series-values.ts";
import { MetricValueSchema, type MetricValue } from "../../../src/wire/gen/dashboard_pb.ts";
import { Aggregation } from "../../../src/wire/gen/history_pb.ts";

interface Opened extends GroupQuery {
  /** `opening`: how often the stream was opened before. */
  tell(values: readonly MetricValue[], opening?: number): void;
  isStopped: boolean;
}

function rig() {
  const opened: Opened[] = [];
  const groups = new LastValueGroups((query, onValues) => {
    const each: Opened = { ...query, tell: (values, opening = 0) => onValues(values, opening), isStopped: false };
    opened.push(each);
    return () => (each.isStopped = true);
  });
  const running = () => opened.filter(({ isStopped }) => !isStopped);
  return { groups, running };
}

const query = (metric: string, more: Partial<LastValuesQuery> = {}): LastValuesQuery => ({
  ...{ metric, filters: {}, groupBy: [], aggregation: Aggregation.UNSPECIFIED },
  ...more,
});
const value = (metric: string, device: string, number: number, stale = false) =>
  create(MetricValueSchema, { metric, source: "gw", tags: { device }, device, value: number, stale });
/** Subscriptions are opened once all of a page have asked. */
const settled = () => new Promise((resolve) => setTimeout(resolve));
const shown = (values: ReadonlyMap<string, LastValue> | undefined) =>
  [...(values?.values() ?? [])].map((each) => [each.device, each.value, each.isStale]);

test("fifty panels of one site are one subscription; other filters and globs have their own", async () => {
  const { groups, running } = rig();
  for (let i = 0; i < 50; i++) groups.follow(query(`m${i}`, { filters: { site: "a", line: "1" } }), () => {});
  groups.follow(query("m0", { filters: { line: "1", site: "a" } }), () => {});
  groups.follow(query("m0", { filters: { site: "b" } }), () => {});
  groups.follow(query("m*"), () => {});
  groups.follow(query("m0", { groupBy: ["site"] }), () => {});
  await settled();
  expect(running().map(({ metrics }) => metrics.length)).toEqual([50, 1, 1, 1]);
});

test("each hears of its own metric, of what changed and what stayed; a stream that begins anew takes the place of all", async () => {
  const { groups, running } = rig();
  const heard = new Map<string, ReadonlyMap<string, LastValue>>();
  let calls = 0;
  for (const metric of ["t", "u"]) {
    groups.follow(query(metric), (values) => {
      calls++;
      heard.set(metric, values);
    });
  }
  await settled();
  const [{ tell }] = running();
  tell([value("t", "p1", 1), value("t", "p2", 2), value("u", "p1", 9)]);
  tell([value("t", "p2", 3, true), value("other", "p1", 5)]);
  expect(shown(heard.get("t"))).toEqual([
    ["p1", 1, false],
    ["p2", 3, true],
  ]);
  expect([shown(heard.get("u")), calls]).toEqual([[["p1", 9, false]], 3]);
  tell([value("u", "p3", 7)], 1);
  expect([shown(heard.get("t")), shown(heard.get("u"))]).toEqual([[], [["p3", 7, false]]]);
});

test("a snapshot that comes in several messages is kept whole, also of a stream that was opened again", async () => {
  const { groups, running } = rig();
  let last: ReadonlyMap<string, LastValue> | undefined;
  groups.follow(query("t"), (values) => (last = values));
  await settled();
  const [{ tell }] = running();
  for (const opening of [0, 1]) {
    tell([value("t", `p1-${opening}`, 1), value("t", `p2-${opening}`, 2)], opening);
    tell([value("t", `p3-${opening}`, 3)], opening);
    expect(shown(last).map(([device]) => device)).toEqual([1, 2, 3].map((number) => `p${number}-${opening}`));
  }
});

test("a glob's values are all its own", async () => {
  const { groups, running } = rig();
  let last: ReadonlyMap<string, LastValue> | undefined;
  groups.follow(query("temp*"), (values) => (last = values));
  await settled();
  running()[0].tell([value("temp_a", "p1", 1), value("temp_b", "p1", 2)]);
  expect(shown(last).map(([, number]) => number)).toEqual([1, 2]);
});

test("who comes later hears at once what is known, a new metric opens anew, and the last to leave stops it", async () => {
  const { groups, running } = rig();
  const leave = [groups.follow(query("t"), () => {})];
  await settled();
  running()[0].tell([value("t", "p1", 1)]);
  let heard: ReadonlyMap<string, LastValue> | undefined;
  leave.push(groups.follow(query("t"), (values) => (heard = values)));
  expect(shown(heard)).toEqual([["p1", 1, false]]);
  leave.push(groups.follow(query("u"), () => {}));
  await settled();
  expect(running().map(({ metrics }) => metrics)).toEqual([["t", "u"]]);
  for (const stop of leave) stop();
  expect(running()).toEqual([]);
  leave[0]();
  groups.follow(query("t"), () => {});
  await settled();
  expect(running().map(({ metrics }) => metrics)).toEqual([["t"]]);
});
