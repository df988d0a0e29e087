import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { timelineOf } from "../../../src/console/data/alert-timeline.ts";
import { unitOfValue } from "../../../src/console/data/alert-value.ts";
import { Recurrence, RECURRENCE_MS } from "../../../src/console/data/recurrence.ts";
import { chartOf, episodeOf, rangeOf, thresholdsOf } from "../../../src/console/data/rule-chart.ts";
import {
  AlertChange,
  AlertEventSchema,
  AlertState,
  SilenceSchema,
  SilenceState,
} from "../../../src/wire/gen/alerts_pb.ts";
import { DeliveryAttemptSchema } from "../../../src/wire/gen/receivers_pb.ts";
import { dateTimeText } from "../../../src/console/format.ts";
import { RuleSchema } from "../../../src/wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { alertOf, FIRST_MS, rowOf } from "./rows.ts";

const ruleOf = (condition: object, given: object = {}) =>
  create(RuleSchema, { name: "hot", metric: "temp_c", severity: "high", condition, ...given });

test("what happened is told in order, with who said what; repeats of no person are one line", () => {
  const event = (change: AlertChange, given: object = {}) =>
    create(AlertEventSchema, { at: timestampOfMs(FIRST_MS), change, severity: "high", ...given });
  const entries = timelineOf([
    event(AlertChange.FIRED),
    event(AlertChange.UPDATED),
    event(AlertChange.UPDATED),
    event(AlertChange.UPDATED),
    event(AlertChange.SEVERITY_ROSE, { severity: "critical", text: "escalated" }),
    event(AlertChange.ACKNOWLEDGED, { userId: "Ada", text: "on my way" }),
    event(AlertChange.ASSIGNED, { userId: "Ada", text: "Ben" }),
    event(AlertChange.ASSIGNED, { userId: "Ben", text: "" }),
    event(AlertChange.COMMENTED, { userId: "Ben", text: "valve shut" }),
    event(AlertChange.CLEARED),
  ]);
  expect(entries.map(({ who, what, said, times }) => [who, what, said, times])).toEqual([
    ["", "fired: high", "", 1],
    ["", "published anew", "", 3],
    ["", "raised to critical by escalation", "", 1],
    ["Ada", "acknowledged it", "on my way", 1],
    ["Ada", "gave it to Ben", "", 1],
    ["Ben", "took it from whoever had it", "", 1],
    ["Ben", "said", "valve shut", 1],
    ["", "cleared", "", 1],
  ]);
});

test("an alert that is known later than it fired says of when it is", () => {
  const fired = create(AlertEventSchema, { at: timestampOfMs(FIRST_MS), change: AlertChange.FIRED, severity: "low" });
  const said = (createdMs: number) => timelineOf([fired], [], [], createdMs).map(({ atMs, what }) => [atMs, what]);
  expect(said(FIRST_MS - 5_000)).toEqual([[FIRST_MS, "fired: low"]]);
  const earlierMs = FIRST_MS - 900_000;
  expect(said(earlierMs)).toEqual([[FIRST_MS, `fired: low, as of ${dateTimeText(earlierMs)}`]]);
});

test("who was told stands between what happened, and why it was not", () => {
  const told = (ms: number, given: object) =>
    create(DeliveryAttemptSchema, {
      ...{ at: timestampOfMs(FIRST_MS + ms), receiver: "ops", channel: "slack", attempt: 1, delivered: true },
      ...given,
    });
  const fired = create(AlertEventSchema, { at: timestampOfMs(FIRST_MS), change: AlertChange.FIRED, severity: "low" });
  const over = create(AlertEventSchema, { at: timestampOfMs(FIRST_MS + 9), change: AlertChange.CLEARED });
  const entries = timelineOf(
    [fired, over],
    [
      told(1, { delivered: false, outcome: "503", attempt: 2, reason: "first" }),
      told(2, { reason: "escalated" }),
      told(10, { reason: "resolved" }),
    ],
  );
  expect(entries.map(({ what, said }) => [what, said])).toEqual([
    ["fired: low", ""],
    ["ops could not be told by slack", "503 (attempt 2)"],
    ["ops was told by slack: escalation", ""],
    ["cleared", ""],
    ["ops was told by slack: it is over", ""],
  ]);
});

test("a silence stands where it began to hold the alert back, and where it ceased to", () => {
  const event = (ms: number, change: AlertChange) =>
    create(AlertEventSchema, { at: timestampOfMs(FIRST_MS + ms), change, severity: "low" });
  const silence = (fromMs: number, toMs: number, state: SilenceState, comment: string) => {
    const [startsAt, endsAt] = [timestampOfMs(FIRST_MS + fromMs), timestampOfMs(FIRST_MS + toMs)];
    return create(SilenceSchema, { startsAt, endsAt, state, comment, author: "ann" });
  };
  const entries = timelineOf(
    [event(0, AlertChange.FIRED), event(50, AlertChange.CLEARED)],
    [],
    [
      silence(-10, 20, SilenceState.EXPIRED, "works"),
      silence(30, 90, SilenceState.EXPIRED, "longer"),
      silence(40, 900, SilenceState.ACTIVE, "still"),
    ],
  );
  expect(entries.map(({ atMs, who, what, said }) => [atMs - FIRST_MS, who, what.slice(0, 18), said])).toEqual([
    [0, "", "fired: low", ""],
    [0, "ann", "silenced it", "works"],
    [20, "", "the silence ended", ""],
    [30, "ann", "silenced it", "longer"],
    [40, "ann", "silenced it until ", "still"],
    [50, "", "cleared", ""],
  ]);
});

test("the chart is of the metric and what the alert is about, without the rule's own labels", () => {
  const rule = ruleOf({ threshold: { above: 80 } }, { labels: { team: "mechanics" } });
  const labels = { device: "pump*1", source: "gw", metric: "temp_c", team: "mechanics" };
  const alert = alertOf("a", { labels, context: { metric: "temp_c" } });
  const query = chartOf(alert, rule, FIRST_MS + 60_000);
  expect(query).toMatchObject({ metric: "temp_c", filters: { device: "pump?1", source: "gw" } });
  expect(Object.keys(query!.filters)).toEqual(["device", "source"]);
  const nameless = alertOf("c", { labels: { ...labels, source: "" }, context: { metric: "temp_c" } });
  expect(Object.keys(chartOf(nameless, rule, FIRST_MS)!.filters)).toEqual(["device"]);
  expect(chartOf(alertOf("b"), undefined, FIRST_MS)).toBeUndefined();
  expect(chartOf(alertOf("b"), ruleOf({}, { metric: "temp_*" }), FIRST_MS)).toBeUndefined();
});

test("it reaches as far before the alert, and after it, as that lasted", () => {
  const [hourMs, cleared] = [3_600_000, { state: AlertState.CLEARED }];
  const over = alertOf("a", { ...cleared, firedMs: 0, clearedAt: timestampOfMs(FIRST_MS + hourMs) });
  expect(rangeOf(over, FIRST_MS + 10 * hourMs)).toEqual({ fromMs: FIRST_MS - hourMs, toMs: FIRST_MS + 2 * hourMs });
  expect(rangeOf(over, FIRST_MS + hourMs + 5)).toEqual({ fromMs: FIRST_MS - hourMs, toMs: FIRST_MS + hourMs + 5 });
  expect(rangeOf(alertOf("a"), FIRST_MS + hourMs)).toEqual({ lastMs: 2 * hourMs });
  expect(episodeOf(over)).toMatchObject({ fromMs: FIRST_MS, toMs: FIRST_MS + hourMs, severity: "high" });
});

test("lines are drawn where the condition compares the metric's own values", () => {
  const lines = (condition: object) =>
    thresholdsOf(ruleOf(condition)).map(({ value, severity }) => `${value} ${severity}`);
  expect(lines({ threshold: { below: 2 } })).toEqual(["2 high"]);
  expect(
    lines({
      ladder: {
        steps: [
          { severity: "low", above: 1 },
          { severity: "critical", above: 5 },
        ],
      },
    }),
  ).toEqual(["1 low", "5 critical"]);
  expect(lines({ range: { low: 0, high: 9, outside: true } })).toEqual(["0 high", "9 high"]);
  expect(lines({ window: { function: "avg", over: "5m", above: 7 } })).toEqual(["7 high"]);
  expect(lines({ window: { function: "count", over: "5m", above: 7 } })).toEqual([]);
  expect(lines({ rate: { over: "5m", above: 7 } })).toEqual([]);
  expect(thresholdsOf(undefined)).toEqual([]);
});

test("a value has the unit of the readings where it is compared as they are", () => {
  expect(unitOfValue(ruleOf({ threshold: { above: 1 } }), "°C")).toBe("°C");
  expect(unitOfValue(ruleOf({ rate: { over: "1m", above: 1 } }), "°C")).toBe("°C/s");
  expect(unitOfValue(ruleOf({ window: { function: "count", over: "1m", above: 1 } }), "°C")).toBe("");
  expect(unitOfValue(ruleOf({ deviation: {} }), "°C")).toBe("σ");
  expect(unitOfValue(undefined, "°C")).toBe("");
});

test("what fires again and again within an hour is counted, each alert once", () => {
  const recurrence = new Recurrence();
  const labels = { device: "pump-1" };
  for (const id of ["a", "b", "b", "c"]) recurrence.note(rowOf(id, { labels, firedMs: id === "a" ? 0 : 60_000 }));
  recurrence.note(rowOf("other", { labels: { device: "pump-2" } }));
  const row = rowOf("c", { labels });
  expect(recurrence.times(row, FIRST_MS + 120_000)).toBe(3);
  expect(recurrence.times(row, FIRST_MS + RECURRENCE_MS)).toBe(2);
  expect(recurrence.times(rowOf("new", { labels: {} }), FIRST_MS)).toBe(0);
});
