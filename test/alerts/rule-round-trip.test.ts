/** Rules stay what they are as text, as messages and in files. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { arbitraryRule } from "./arbitrary-rule.ts";
import { ruleInputOf, ruleOf } from "../../src/alerts/rule-input.ts";
import { messageOfRule, ruleOfMessage } from "../../src/alerts/rule-message.ts";
import { conditionKey, ruleFromJson, ruleToJson } from "../../src/alerts/rule-text.ts";
import type { Rule } from "../../src/alerts/rule.ts";
import { parseRulesFile } from "../../src/alerts/rules-file.ts";
import { compileMatcher } from "../../src/model/matcher.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";

function holds(check: (rule: Rule) => void, numRuns = 500): void {
  fc.assert(fc.property(arbitraryRule, check), { numRuns });
}

test("as stored text", () => {
  holds((rule) => {
    expect(ruleFromJson(ruleToJson(rule))).toEqual(rule);
    expect(ruleOf(ruleInputOf(rule))).toEqual(rule);
  });
});

test("as messages, over the wire; that it comes from a file is told, and not believed", () => {
  holds((rule) => {
    const message = create(RuleSchema, messageOfRule({ ...rule, isFromFile: true }));
    expect(message.fromFile).toBe(true);
    expect(ruleOfMessage(fromBinary(RuleSchema, toBinary(RuleSchema, message)))).toEqual(rule);
  });
});

test("as a file in YAML, and in JSON, which is YAML", () => {
  const rules = fc.uniqueArray(arbitraryRule, { selector: ({ name }) => name, maxLength: 5 });
  fc.assert(
    fc.property(rules, (given) => {
      const tree = { rules: given.map(ruleInputOf) };
      const fromFile = given.map((rule) => ({ ...rule, isFromFile: true }));
      expect(parseRulesFile("rules.yaml", stringify(tree)).rules).toEqual(fromFile);
      expect(parseRulesFile("rules.yaml", JSON.stringify(tree)).rules).toEqual(fromFile);
    }),
    { numRuns: 200 },
  );
});

test("series can be looked for with whatever was taken for a rule", () => {
  holds(({ metric, matchers }) => void compileMatcher([metric === "" ? "*" : metric], {}, "metric", matchers));
});

test("a rule in short has its defaults, told in full", () => {
  const rule = ruleOf({ name: "hot", metric: "temperature", condition: { threshold: { above: 80 } } });
  expect(rule).toEqual({
    name: "hot",
    metric: "temperature",
    matchers: [],
    groupBy: undefined,
    condition: { kind: "threshold", limit: { direction: "above", at: 80, clearAt: 80 } },
    severity: "medium",
    holdMs: 0,
    keepFiringMs: 0,
    lateAfterMs: undefined,
    notifyLate: false,
    noData: "keep",
    activeTimes: [],
    title: "{metric} of {device} is {value}",
    description: "",
    labels: {},
    runbook: "",
    escalation: "",
    opens: [],
    isDisabled: false,
    isFromFile: false,
  });
  expect(ruleInputOf(rule)).toEqual({
    name: "hot",
    metric: "temperature",
    where: [],
    group_by: [],
    condition: { threshold: { above: 80, clear: 80 } },
    severity: "medium",
    for: "0s",
    keep_firing_for: "0s",
    notify_late: false,
    no_data: "keep",
    active_times: [],
    title: "{metric} of {device} is {value}",
    description: "",
    labels: {},
    runbook: "",
    escalation: "",
    opens: [],
    disabled: false,
  });
});

test("defaults of conditions, and what an empty text or a zero means where the wire has no other way to say nothing", () => {
  const conditionOf = (condition: unknown): unknown => ruleOf({ name: "a", metric: "m", condition }).condition;
  const side = { above: 1 };
  const limit = { direction: "above", at: 1, clearAt: 1 };
  expect(conditionOf({ range: { low: 1, high: 2 } })).toEqual({
    kind: "range",
    low: 1,
    high: 2,
    isOutside: false,
    margin: 0,
  });
  const window = { kind: "window", overMs: 300_000, limit };
  expect(conditionOf({ window: { function: "avg", over: "5m", ...side } })).toEqual({
    ...window,
    func: "avg",
    pointsMin: 1,
  });
  expect(conditionOf({ window: { function: "count", over: "5m", ...side } })).toEqual({
    ...window,
    func: "count",
    pointsMin: 0,
  });
  expect(conditionOf({ stuck: { over: "1h" } })).toEqual({ kind: "stuck", overMs: 3_600_000, epsilon: 0 });
  expect(conditionOf({ absence: null })).toEqual({ kind: "absence", afterMs: undefined });
  const deviation = { kind: "deviation", sigmas: 4, spanMs: 3_600_000, direction: "both", pointsMin: 30 };
  expect(conditionOf({ deviation: {} })).toEqual(deviation);
  expect(conditionOf({ deviation: { sigmas: 0, span: "", direction: "", min_points: 0 } })).toEqual(deviation);
  const seasonal = { kind: "seasonal", sigmas: 4, weeks: 3, direction: "both", timeZone: "UTC" };
  expect(conditionOf({ seasonal: {} })).toEqual(seasonal);
  expect(conditionOf({ seasonal: { sigmas: 0, weeks: 0, direction: "", zone: "" } })).toEqual(seasonal);
  expect(ruleOf({ name: "a", condition: { watchdog: null } }).condition).toEqual({ kind: "watchdog" });
  expect(ruleOf({ name: "a", metric: "m", condition: { absence: {} } }).groupBy).toEqual(["device"]);
  expect(ruleOf({ name: "a", metric: "m", group_by: ["site", "line"], condition: { absence: {} } }).groupBy).toEqual([
    "line",
    "site",
  ]);
});

test("what is opened is told once, in one order", () => {
  const opensOf = (opens: string[]) =>
    ruleOf({ name: "a", metric: "m", condition: { threshold: { above: 1 } }, opens }).opens;
  expect(opensOf(["issue", "session"])).toEqual(["session", "issue"]);
  expect(opensOf(["issue", "issue"])).toEqual(["issue"]);
});

test("days are named alone, in ranges and over the weekend", () => {
  const timesOf = (time: object) =>
    ruleOf({ name: "a", metric: "m", condition: { threshold: { above: 1 } }, active_times: [time] });
  const shown = (time: object) => (ruleInputOf(timesOf(time))["active_times"] as unknown[])[0];
  expect(timesOf({ days: ["fri-mon", "mon"], from: "8:00", to: "", zone: "Europe/Berlin" }).activeTimes).toEqual([
    { days: [0, 1, 5, 6], fromMinute: 480, toMinute: 1_440, timeZone: "Europe/Berlin" },
  ]);
  expect(shown({})).toEqual({ days: ["mon-sun"], from: "00:00", to: "24:00", zone: "UTC" });
  expect(shown({ days: ["fri-mon", "wed"] })).toMatchObject({ days: ["mon", "wed", "fri-sun"] });
  expect(shown({ days: ["Mon-Fri"], from: "22:30", to: "06:00" })).toMatchObject({
    days: ["mon-fri"],
    from: "22:30",
    to: "06:00",
  });
});

test("the key of a condition changes with what decides when it fires, and with nothing else", () => {
  const saying: Partial<Rule> = {
    title: "other",
    description: "other",
    labels: { other: "label" },
    runbook: "https://other.example.org/",
    escalation: "other",
    opens: ["session", "issue"],
    activeTimes: [{ days: [1], fromMinute: 1, toMinute: 2, timeZone: "UTC" }],
    name: "other",
    isFromFile: true,
  };
  holds((rule) => {
    const key = conditionKey(rule);
    expect(conditionKey({ ...rule, ...saying, notifyLate: !rule.notifyLate })).toBe(key);
    expect(conditionKey({ ...rule, matchers: rule.matchers.toReversed() })).toBe(key);
    expect(conditionKey(ruleFromJson(ruleToJson(rule)))).toBe(key);
    const deciding: Partial<Rule>[] = [
      { holdMs: rule.holdMs + 1_000 },
      { keepFiringMs: rule.keepFiringMs + 1_000 },
      { lateAfterMs: (rule.lateAfterMs ?? 0) + 1_000 },
      { noData: rule.noData === "keep" ? "fire" : "keep" },
      { condition: { kind: "stuck", overMs: 12_345, epsilon: 1 } },
    ];
    if (rule.condition.kind !== "watchdog") {
      if (rule.condition.kind !== "device") {
        deciding.push({ metric: `${rule.metric}x` }, { groupBy: [...(rule.groupBy ?? []), "\uffff"] });
      }
      deciding.push({ matchers: [...rule.matchers, { key: "another", operator: "=", value: "" }] });
      if (rule.condition.kind !== "ladder") deciding.push({ severity: rule.severity === "low" ? "high" : "low" });
    }
    for (const change of deciding) expect(conditionKey({ ...rule, ...change })).not.toBe(key);
  }, 200);
});

test("a stored rule that is damaged is told", () => {
  expect(() => ruleFromJson("{")).toThrow("a stored rule cannot be read: ");
  expect(() => ruleFromJson('{"name":"a","metric":"m"}')).toThrow(
    "a stored rule cannot be read: rule.condition is missing",
  );
});
