/** What the preview of a rule draws and says. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { messageOfRule } from "../../src/alerts/rule-message.ts";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { roundedTo } from "../../src/console/charts/rounded-to.ts";
import { backtestWords, plotEpisodes, toldWords } from "../../src/console/views/alerts/rules/backtest-words.ts";
import {
  changes,
  matchersOf,
  previewOf,
  rolled,
  thresholdsOf,
} from "../../src/console/views/alerts/rules/preview-series.ts";
import { filteredRules, stateOfRule } from "../../src/console/views/alerts/rules/rule-filter.ts";
import { atLimit } from "../../src/console/views/alerts/rules/condition-form.ts";
import { usualMs } from "../../src/console/views/alerts/rules/tested-range.ts";
import { isTestable, newRule } from "../../src/console/views/alerts/rules/rule-draft.ts";
import { MatchOperator, RangeFunction } from "../../src/wire/gen/history_pb.ts";
import { RuleInfoSchema, RuleSchema, TestRuleResponseSchema, type RuleInfo } from "../../src/wire/gen/rules_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

const MINUTE = 60_000;
const START_MS = Date.UTC(2026, 2, 1);
const RANGE = { fromMs: START_MS, toMs: START_MS + 60 * MINUTE };
const messageOf = (input: object) => create(RuleSchema, messageOfRule(ruleOf({ name: "r", metric: "m", ...input })));
const at = (minutes: number) => timestampOfMs(START_MS + minutes * MINUTE);

function answer(episodes: readonly { fired: number; cleared?: number; device?: string }[], more = {}) {
  return create(TestRuleResponseSchema, {
    episodes: episodes.map(({ fired, cleared, device }) => ({
      ...{ labels: device === undefined ? {} : { device }, severityMax: "high", title: "hot", firedAt: at(fired) },
      ...(cleared !== undefined && { clearedAt: at(cleared) }),
    })) as never,
    ...more,
  });
}

describe("in words", () => {
  test("how often, how long, of what", () => {
    expect(backtestWords(answer([]), RANGE)).toBe("would not have fired");
    const three = [
      { fired: 1, cleared: 3, device: "a" },
      { fired: 5, cleared: 17, device: "b" },
      { fired: 20, cleared: 21, device: "a" },
    ];
    expect(backtestWords(answer(three), RANGE)).toBe("would have fired 3 times, the longest for 12 min, of 2 devices");
    expect(backtestWords(answer([{ fired: 50, device: "a" }]), RANGE)).toBe(
      "would have fired once, for 10 min, of one device, 1 still at the end",
    );
    expect(backtestWords(answer([{ fired: 1, cleared: 2 }], { more: true }), RANGE)).toStartWith(
      "would have fired more than 1 times",
    );
  });

  test("who would be told", () => {
    expect(toldWords(answer([]))).toBe("");
    const told = { notificationsTotal: 5n, notificationsByReceiver: { a: 1n, b: 4n }, escalationsTotal: 2n };
    expect(toldWords(answer([], told))).toBe("5 notifications: 4 to b, 1 to a; 2 steps of escalation");
  });

  test("episodes on the chart: one that still fires has no end", () => {
    expect(plotEpisodes(answer([{ fired: 1, cleared: 2 }, { fired: 3 }]).episodes)).toEqual([
      { fromMs: START_MS + MINUTE, toMs: START_MS + 2 * MINUTE, severity: "high", title: "hot" },
      { fromMs: START_MS + 3 * MINUTE, severity: "high", title: "hot" },
    ]);
  });
});

describe("lines", () => {
  test("of windows that end with each step", () => {
    const times = [0, 1, 2, 3].map((minutes) => minutes * MINUTE);
    expect(rolled(times, [1, 2, 3, 4], 2 * MINUTE, "avg")).toEqual([1, 1.5, 2.5, 3.5]);
    expect(rolled(times, [1, 2, 3, 4], 3 * MINUTE, "sum")).toEqual([1, 3, 6, 9]);
    expect(rolled(times, [4, 2, 3, 1], 2 * MINUTE, "max")).toEqual([4, 4, 3, 3]);
    expect(rolled(times, [4, 2, 3, 1], 2 * MINUTE, "min")).toEqual([4, 2, 2, 1]);
  });

  test("of changes per second, once half of the time is there", () => {
    const times = [0, 60_000, 120_000, 180_000];
    expect(changes(times, [0, 60, 120, 120], 120_000)).toEqual([NaN, 1, 1, 0.5]);
  });

  test("of what fired, or of what is most extreme on the side of the limit", () => {
    const below = previewOf(messageOf({ condition: { threshold: { below: 5 } } }), RANGE, [])!;
    expect(below.request).toMatchObject({ top: { lowest: true, by: RangeFunction.MIN }, function: RangeFunction.MIN });
    const fired = answer([
      { fired: 1, device: "a" },
      { fired: 2, device: "b" },
    ]).episodes;
    const above = previewOf(messageOf({ condition: { threshold: { above: 5 } }, where: ["site=n*"] }), RANGE, fired)!;
    expect(above.request.matchers).toEqual([
      { key: "site", operator: MatchOperator.GLOB, value: "n*" },
      { key: "device", operator: MatchOperator.GLOB, value: "a|b" },
    ]);
    expect(previewOf(messageOf({ metric: undefined, condition: { watchdog: {} } }), RANGE, [])).toBeUndefined();
    expect(previewOf(messageOf({ metric: "*", condition: { absence: {} } }), RANGE, [])).toBeUndefined();
    const unusual = previewOf(messageOf({ condition: { deviation: {} } }), RANGE, [])!;
    expect(unusual.request.function).toBe(RangeFunction.AVG);
  });

  test("conditions become what a query knows", () => {
    expect(matchersOf(["a=", "b!=x|y", "c=~.*z", "d!~q", "nonsense"])).toEqual([
      { key: "a", operator: MatchOperator.EQUAL, value: "" },
      { key: "b", operator: MatchOperator.NOT_GLOB, value: "x|y" },
      { key: "c", operator: MatchOperator.REGEX, value: ".*z" },
      { key: "d", operator: MatchOperator.NOT_REGEX, value: "q" },
    ]);
  });

  test("limits of all kinds that have any", () => {
    const values = (condition: object) => thresholdsOf(messageOf({ condition })).map(({ value }) => value);
    expect(values({ threshold: { above: 80, clear: 70 } })).toEqual([80]);
    expect(values({ range: { low: 1, high: 2 } })).toEqual([1, 2]);
    expect(values({ n_of_m: { n: 1, m: 2, below: -3 } })).toEqual([-3]);
    const steps = [
      { severity: "low", above: 1 },
      { severity: "high", above: 2 },
    ];
    expect(thresholdsOf(messageOf({ condition: { ladder: { steps } } })).map(({ severity }) => severity)).toEqual([
      "low",
      "high",
    ]);
    expect(values({ absence: {} })).toEqual([]);
  });

  test("a limit that is dragged has no more digits than a pixel tells apart", () => {
    expect([roundedTo(80.12345, 0.03), roundedTo(1234.6, 20), roundedTo(0.00012345, 1e-6)]).toEqual([
      80.12, 1230, 0.000123,
    ]);
  });
});

test("a test begins with as much as there is, a day at most", () => {
  const hour = 3_600_000;
  const ofAge = (ageMs: number) => usualMs(0, ageMs) / hour;
  expect([60_000, hour, hour + 1, 7 * hour, 300 * hour].map(ofAge)).toEqual([1, 1, 6, 24, 24]);
  expect(usualMs(undefined, 0) / hour).toBe(24);
});

test("a limit that the server misses is missed at its field", () => {
  const field = "rule.condition.ladder.steps[1]";
  const text = `${field} has neither above nor below; wanted exactly one of them`;
  expect(atLimit({ field, text })).toEqual({ field: `${field}.above`, text: "The limit is missing: a number" });
  const other = { field, text: `${field} has both above and below; wanted exactly one of them` };
  expect(atLimit(other)).toBe(other);
});

test("a rule that is begun is not tested before there is enough of it", () => {
  const rule = newRule("m", []);
  expect(isTestable(rule)).toBe(false);
  expect(isTestable({ ...rule, condition: messageOf({ condition: { threshold: { above: 0 } } }).condition! })).toBe(
    true,
  );
  expect(isTestable({ ...newRule("", []), condition: messageOf({ condition: { absence: {} } }).condition! })).toBe(
    false,
  );
});

describe("the list of rules", () => {
  const info = (input: object, counts: Partial<RuleInfo> = {}) =>
    create(RuleInfoSchema, {
      rule: messageOf({ condition: { threshold: { above: 1 } }, ...input }),
      series: 1n,
      ...counts,
    } as never);
  const all = [
    info({ name: "quiet" }),
    info({ name: "fires", severity: "high" }, { firing: 2n, stale: 1n }),
    info({ name: "silent" }, { firing: 1n, stale: 1n }),
    info({ name: "held", labels: { team: "north" } }, { pending: 1n }),
    info({ name: "paused", disabled: true }),
    info({ name: "unbound" }, { series: 0n }),
    info({ name: "lost" }, { firing: 1n, trouble: "there is no policy" }),
    create(RuleInfoSchema, {
      rule: { ...messageOf({ metric: undefined, condition: { watchdog: {} } }), name: "dog", fromFile: true },
    }),
  ];

  test("says the gravest there is to say", () => {
    expect(all.map(stateOfRule)).toEqual([
      "quiet",
      "firing",
      "unknown",
      "pending",
      "paused",
      "unbound",
      "trouble",
      "quiet",
    ]);
  });

  test("is narrowed by words, severity, state and where rules come from", () => {
    const none = { text: "", severity: "", state: "", origin: "" };
    const names = (filter: object) => filteredRules(all, { ...none, ...filter }).map(({ rule }) => rule!.name);
    expect(names({ text: "NORTH  held" })).toEqual(["held"]);
    expect(names({ text: "always" })).toEqual(["dog"]);
    expect(names({ severity: "high" })).toEqual(["fires"]);
    expect(names({ state: "unknown" })).toEqual(["silent"]);
    expect(names({ origin: "file" })).toEqual(["dog"]);
    expect(names({ origin: "here" })).toHaveLength(7);
  });
});
