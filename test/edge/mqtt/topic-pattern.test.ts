/** Which topics a pattern takes and what stands at its captures; which pattern takes what; what is subscribed to. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Copies, subscriptionsOf } from "../../../src/edge/mqtt/subscriptions.ts";
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

test("a pattern takes all of another one's topics, or says that it does not", () => {
  const level = fc.constantFrom("a", "b", "+", "x{device}", "{source}", "#", "{metric...}");
  const pattern = fc
    .uniqueArray(level, { minLength: 1, maxLength: 4, selector: (each) => (/[{]/.test(each) ? each : {}) })
    .filter((levels) => levels.slice(0, -1).every((each) => each !== "#" && each !== "{metric...}"))
    .map((levels) => parseTopicPattern(levels.join("/")));
  const topics = ["", "$s"].flatMap((before) => {
    const parts = ["a", "b", "x", "x1", before];
    const two = parts.flatMap((first) => parts.map((second) => `${first}/${second}`));
    return [...parts, ...two, ...two.flatMap((start) => parts.map((last) => `${start}/${last}`)), "a/b/a/b/a"];
  });
  let count = 0;
  const property = fc.property(pattern, pattern, (first, other) => {
    if (!first.takesAllOf(other)) return;
    count++;
    for (const topic of topics) if (other.match(topic) !== undefined) expect(first.match(topic)).toBeDefined();
  });
  fc.assert(property, { numRuns: 3_000 });
  expect(count).toBeGreaterThan(100);
  const takes = (first: string, other: string) => parseTopicPattern(first).takesAllOf(parseTopicPattern(other));
  for (const [first, other] of [
    ["a/#", "a"],
    ["a/{x}", "a/{y}"],
    ["a/{m...}", "a/b/#"],
    ["x{d}/b", "x1/b"],
    ["#", "a/{m...}"],
  ])
    // prettier-ignore
    expect([first, other, takes(first, other)]).toEqual([first, other, true]);
  for (const [first, other] of [
    ["a/{m...}", "a/#"],
    ["x{d}", "{d}"],
    ["a/{x}", "a/{m...}"],
    ["+/b", "$SYS/b"],
    ["#", "$SYS/#"],
    ["a/{x}", "{y}/b"],
  ])
    // prettier-ignore
    expect([first, other, takes(first, other)]).toEqual([first, other, false]);
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
  expect(of(["a/b", 0], ["a/+", 0], ["c"])).toEqual(["c 1", "a/+ 0"]);
  expect(of(["a/b/#"], ["a/#"], ["a"])).toEqual(["a/# 1"]);
  expect(of(["a/+"], ["+/b"])).toEqual(["a/+ 1", "+/b 1"]);
  expect(of(["$SYS/x"], ["#"])).toEqual(["$SYS/x 1", "# 1"]);
  expect(of(["a/b", 1, "g"], ["a/#"])).toEqual(["a/# 1", "$share/g/a/b 1"]);
  expect(of(["a/+", 0], ["+/b"])).toEqual(["+/b 1", "a/+ 0"]);
});

const level = fc.constantFrom("a", "b", "+");
const filters = fc.array(
  fc.tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean(), fc.constantFrom<0 | 1>(0, 1)),
  { minLength: 1, maxLength: 5 },
);
const topic = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 })
  .map((levels) => levels.join("/"));

test("of the copies that overlapping subscriptions bring one counts, with the highest QoS, whatever is refused", () => {
  const property = fc.property(filters, topic, fc.infiniteStream(fc.boolean()), (wanted, name, refusals) => {
    const subscriptions = subscriptionsOf(
      wanted.map(([levels, hasRest, qos]) => {
        return { pattern: parseTopicPattern([...levels, ...(hasRest ? ["#"] : [])].join("/")), qos, share: undefined };
      }),
    );
    const copies = new Copies(subscriptions.filter(({ overlaps }) => overlaps));
    const granted: { identifier: number | undefined; qos: number; filter: string }[] = [];
    const before: typeof subscriptions = [];
    for (const each of subscriptions) {
      const isRefused = refusals.next().value!;
      const identifier = each.overlaps ? copies.identify(each, before) : undefined;
      if (isRefused) continue;
      if (each.overlaps) before.push(each);
      granted.push({ identifier, qos: each.qos, filter: each.filter });
    }
    const brought = granted.filter(({ filter }) => parseTopicPattern(filter).match(name) !== undefined);
    const counted = brought.filter(({ identifier }) => !copies.isCopy(name, identifier));
    expect(counted.length).toBe(Math.min(brought.length, 1));
    if (brought.length === 0) return;
    expect(counted[0].qos).toBe(Math.max(...brought.map(({ qos }) => qos)));
    // A broker may send it once, with all identifiers.
    const all = brought.map(({ identifier }) => identifier).filter((each) => each !== undefined);
    expect(copies.isCopy(name, all)).toBe(false);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("what came by subscriptions of other settings is no copy, nor what may have gone to another member of a group", () => {
  const of = (...patterns: [pattern: string, share?: string][]) => {
    return subscriptionsOf(
      patterns.map(([text, share]) => ({ pattern: parseTopicPattern(text), qos: 1 as const, share })),
    );
  };
  const before = of(["a/+"], ["+/b"]);
  const identifier = new Copies(before).identify(before[1], [before[0]]);
  expect(new Copies(before).isCopy("a/b", identifier)).toBe(true);
  expect(new Copies(of(["c/+"], ["+/b"])).isCopy("a/b", identifier)).toBe(false);
  const grouped = of(["a/+", "g"], ["+/b"]);
  expect(grouped.map(({ filter }) => filter)).toEqual(["+/b", "$share/g/a/+"]);
  const copies = new Copies(grouped);
  expect(copies.isCopy("a/b", copies.identify(grouped[0], []))).toBe(false);
  expect(copies.isCopy("a/b", copies.identify(grouped[1], [grouped[0]]))).toBe(true);
  expect(copies.isCopy("a/b", copies.identify(grouped[0], [grouped[1]]))).toBe(false);
});

test("what filters bring beyond the patterns is known from what nobody asked for", () => {
  const router = new TopicRouter(["raw/node-{device}/{metric}_raw", "a/{metric...}"].map(parseTopicPattern));
  const found = ["raw/node-1/t_raw", "raw/gate-1/t_raw", "raw/node-1/t", "a", "raw/node-1", "$SYS/node-1/t_raw"].map(
    (topic) => {
      const { index, isSubscribed } = router.route(topic);
      return [index, isSubscribed];
    },
  );
  expect(found).toEqual([
    [0, true],
    [-1, true],
    [-1, true],
    [-1, true],
    [-1, false],
    [-1, false],
  ]);
});
