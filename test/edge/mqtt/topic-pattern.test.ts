/** Which topics a pattern takes and what stands at its captures; which pattern takes what; what is subscribed to. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { subscriptionsOf } from "../../../src/edge/mqtt/subscriptions.ts";
import { parseTopicPattern } from "../../../src/edge/mqtt/topic-pattern.ts";
import { TopicRouter } from "../../../src/edge/mqtt/topic-router.ts";

function match(pattern: string, topic: string): Record<string, string> | undefined {
  const captures = parseTopicPattern(pattern).match(topic);
  return captures && Object.fromEntries(captures);
}

test("captures stand for one level, a part of one, or all that are left", () => {
  const cases: [pattern: string, filter: string, topic: string, captures: Record<string, string> | undefined][] = [
    ["factory/{source}/{device}/{metric}", "factory/+/+/+", "factory/a/b/c", { source: "a", device: "b", metric: "c" }],
    ["factory/{source}/{metric}", "factory/+/+", "factory/a/b/c", undefined],
    ["factory/{source}/{metric}", "factory/+/+", "factory/a", undefined],
    ["tele/tasmota_{device}/SENSOR", "tele/+/SENSOR", "tele/tasmota_12/SENSOR", { device: "12" }],
    ["tele/tasmota_{device}/SENSOR", "tele/+/SENSOR", "tele/other_12/SENSOR", undefined],
    ["a{device}a", "+", "a", undefined],
    ["a{device}a", "+", "aa", { device: "" }],
    [
      "shellies/{device}/{metric...}",
      "shellies/+/#",
      "shellies/x/emeter/0/power",
      { device: "x", metric: "emeter/0/power" },
    ],
    ["shellies/{device}/{metric...}", "shellies/+/#", "shellies/x", undefined],
    ["{tag.line}/{cell}/{metric}", "+/+/+", "1/2/t", { line: "1", cell: "2", metric: "t" }],
    ["a/+/{metric}", "a/+/+", "a/x/t", { metric: "t" }],
    ["a/#", "a/#", "a", {}],
    ["a/#", "a/#", "a/b/c", {}],
    ["#", "#", "$SYS/broker/uptime", undefined],
    ["+/{metric}", "+/+", "$SYS/uptime", undefined],
    ["$SYS/{metric...}", "$SYS/#", "$SYS/broker/uptime", { metric: "broker/uptime" }],
    ["a//{metric}", "a//+", "a//t", { metric: "t" }],
    ["{metric}", "+", "", { metric: "" }],
  ];
  for (const [pattern, filter, topic, captures] of cases) {
    expect([pattern, topic, parseTopicPattern(pattern).filter, match(pattern, topic)]).toEqual([
      pattern,
      topic,
      filter,
      captures,
    ]);
  }
});

test("what is no pattern is refused by name", () => {
  for (const wrong of [
    "",
    "a/#/b",
    "a/b#",
    "a+/b",
    "{metric...}/b",
    "x{metric...}",
    "{}/a",
    "{a}{b}",
    "{a",
    "a}",
    "a/{tag.}",
    "a\0",
    "x".repeat(1025),
    "/".repeat(64),
  ]) {
    expect(() => parseTopicPattern(wrong)).toThrow(/ is no topic pattern; wanted /);
  }
  expect(() => parseTopicPattern("{a}/{tag.a}")).toThrow("wanted {a} once");
  expect(() => parseTopicPattern("$share/g/a")).toThrow('the group as share = "GROUP"');
});

test("whatever a topic, a pattern takes it or not, and its filter takes no less", () => {
  const level = fc.constantFrom("a", "b", "", "+", "{metric}", "x{device}y", "{source}");
  const pattern = fc.uniqueArray(level, {
    minLength: 1,
    maxLength: 4,
    selector: (each) => (/[{]/.test(each) ? each : {}),
  });
  const topic = fc.array(fc.oneof(fc.constantFrom("a", "b", "", "xy", "x1y", "$x"), fc.string()), { minLength: 1 });
  fc.assert(
    fc.property(pattern, topic, (levels, parts) => {
      const parsed = parseTopicPattern(levels.join("/"));
      const name = parts.join("/");
      if (parsed.match(name) === undefined) return;
      const plain = parseTopicPattern(parsed.filter);
      expect(plain.match(name)).toBeDefined();
    }),
  );
});

test("the first pattern that matches takes a topic, also when it is asked for again", () => {
  const patterns = ["a/{device}/status", "a/{device}/{metric}", "a/#"].map(parseTopicPattern);
  const router = new TopicRouter(patterns);
  const indexes = () => ["a/x/status", "a/x/t", "a/x", "b"].map((topic) => router.route(topic).index);
  expect(indexes()).toEqual([0, 1, 2, -1]);
  expect(indexes()).toEqual([0, 1, 2, -1]);
});

test("nothing is subscribed to twice, nor what a wider filter brings anyway", () => {
  const of = (...patterns: [pattern: string, qos?: 0 | 1, share?: string][]) =>
    subscriptionsOf(
      patterns.map(([pattern, qos = 1, share]) => ({ pattern: parseTopicPattern(pattern), qos, share })),
    ).map(({ filter, qos }) => `${filter} ${qos}`);
  expect(of(["a/{device}/t"], ["a/{source}/t", 0])).toEqual(["a/+/t 1"]);
  expect(of(["a/{device}/status"], ["a/{device}/{metric}"])).toEqual(["a/+/+ 1"]);
  expect(of(["a/{device}/status"], ["a/{device}/{metric}", 0])).toEqual(["a/+/+ 1"]);
  expect(of(["a/b", 0], ["a/+", 0], ["c"])).toEqual(["a/+ 0", "c 1"]);
  expect(of(["a/b/#"], ["a/#"], ["a"])).toEqual(["a/# 1"]);
  expect(of(["a/+"], ["+/b"])).toEqual(["a/+ 1", "+/b 1"]);
  expect(of(["$SYS/x"], ["#"])).toEqual(["$SYS/x 1", "# 1"]);
  expect(of(["a/b", 1, "g"], ["a/#"])).toEqual(["$share/g/a/b 1", "a/# 1"]);
});
