/** What is wrong with a rule, and what is said of it. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { ruleOfMessage } from "../../src/alerts/rule-message.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";

const GOOD = { name: "hot", metric: "temperature", condition: { threshold: { above: 80 } } };
const KINDS =
  "threshold, ladder, range, window, rate, n_of_m, stuck, absence, deviation, seasonal, device and watchdog";
const NAMES = "1 to 128 letters, digits, '-', '_' and '.'";
const DURATION = 'a duration such as "90s" or "1h30m"';
const METRIC = "a metric's name or a glob of at most 1024 characters";

function problemsOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    expect(error.status).toBe("INVALID_ARGUMENT");
    expect(error.message).toBe(error.violations.map(({ description }) => description).join("\n"));
    for (const { field, description } of error.violations) expect(description).toStartWith(field);
    return error.violations.map(({ description }) => description);
  }
}

function wrongWith(change: object): string[] {
  return problemsOf(() => ruleOf({ ...GOOD, ...change }));
}

function wrongWithCondition(condition: unknown): string[] {
  return wrongWith({ condition }).map((sentence) => sentence.replace(/^rule\.condition/, "C"));
}

test("a rule that is right", () => {
  expect(wrongWith({})).toEqual([]);
});

describe("fields", () => {
  const table: readonly [change: object, ...sentences: string[]][] = [
    [{ name: undefined }, `rule.name is missing; wanted ${NAMES}`],
    [{ name: "pump hot" }, `rule.name is "pump hot"; wanted ${NAMES}`],
    [{ name: 5 }, `rule.name is 5; wanted ${NAMES}`],
    [{ name: "x".repeat(129) }, `rule.name is "${"x".repeat(79)}…"; wanted ${NAMES}`],
    [{ metric: "" }, `rule.metric is missing; wanted ${METRIC}`],
    [{ metric: undefined }, `rule.metric is missing; wanted ${METRIC}`],
    [{ metric: 1 }, `rule.metric is 1; wanted ${METRIC}`],
    [{ metric: ["a"] }, `rule.metric is a list; wanted ${METRIC}`],
    [{ metric: "a\0b" }, `rule.metric is "a\\u0000b"; wanted ${METRIC}`],
    [{ metric: "\ud800" }, `rule.metric is "\\ud800"; wanted ${METRIC}`],
    [{ where: "site=a" }, 'rule.where is "site=a"; wanted a list of conditions'],
    [
      { where: ["site=a", "site", 3, "a==b"] },
      'rule.where[1] is "site"; wanted KEY=VALUE, such as "device=pump-*"',
      "rule.where[2] is 3; wanted a condition of at most 1024 characters",
      'rule.where[3] is "a==b"; wanted one = between key and value',
    ],
    [{ where: ["a=~("] }, 'rule.where[0] is "a=~("; wanted a regular expression in RE2 syntax: missing closing ): `(`'],
    [
      { where: [`a=~${"x".repeat(300)}`, `b!~${"x".repeat(300)}`] },
      "rule.where has regular expressions of 600 characters; wanted at most 512 together",
    ],
    [{ where: Array(65).fill("a=b") }, "rule.where has 65 conditions; wanted at most 64"],
    [{ group_by: ["a", "b", "a"] }, 'rule.group_by[2] is "a"; wanted another key than before'],
    [{ group_by: [""] }, 'rule.group_by[0] is ""; wanted "source", "device", "metric" or a tag\'s name'],
    [{ group_by: Array.from({ length: 17 }, (_, i) => `k${i}`) }, "rule.group_by has 17 keys; wanted at most 16"],
    [{ severity: "hihg" }, 'rule.severity is "hihg"; wanted low, medium, high or critical'],
    [{ severity: null }, "rule.severity is null; wanted low, medium, high or critical"],
    [{ for: "5 m" }, `rule.for is "5 m"; wanted ${DURATION}, from 0s to 400d`],
    [{ for: 30 }, `rule.for is 30; wanted ${DURATION}, from 0s to 400d`],
    [{ for: "401d" }, `rule.for is "401d"; wanted ${DURATION}, from 0s to 400d`],
    [{ for: "1500us" }, 'rule.for is "1500us"; wanted whole milliseconds'],
    [{ keep_firing_for: "-1s" }, `rule.keep_firing_for is "-1s"; wanted ${DURATION}, from 0s to 400d`],
    [{ late_after: "0s" }, `rule.late_after is "0s"; wanted ${DURATION}, from 1ms to 400d`],
    [{ notify_late: "yes" }, 'rule.notify_late is "yes"; wanted true or false'],
    [{ opens: "session" }, 'rule.opens is "session"; wanted a list of things to open'],
    [{ opens: ["session", "room"] }, 'rule.opens[1] is "room"; wanted session or issue'],
    [{ opens: ["issue", "issue", "issue"] }, "rule.opens has 3 things to open; wanted at most 2"],
    [{ no_data: "ok" }, 'rule.no_data is "ok"; wanted keep, fire or resolve'],
    [{ title: "a\nb" }, 'rule.title is "a\\nb"; wanted a line of text of at most 1024 characters'],
    [
      { title: "Pump {devic}" },
      'rule.title is "Pump {devic}"; {devic} at character 6 is unknown; did you mean {device}?',
    ],
    [
      { description: "x".repeat(4_097) },
      `rule.description is "${"x".repeat(79)}…"; wanted text of at most 4096 characters`,
    ],
    [{ labels: [] }, "rule.labels is a list; wanted a map of labels"],
    [
      { labels: { floor: 3 } },
      "rule.labels.floor is 3; wanted text of 1 to 256 bytes, in quotes where it looks like something else",
    ],
    [
      { labels: { a: "ü".repeat(129) } },
      `rule.labels.a is "${"ü".repeat(79)}…"; wanted text of 1 to 256 bytes, in quotes where it looks like something else`,
    ],
    [{ labels: { alertname: "x" } }, "rule.labels.alertname is set by Watchpost; wanted another name"],
    [{ labels: { severity: "x" } }, "rule.labels.severity is set by Watchpost; wanted another name"],
    [
      { labels: { "a b": "x" } },
      `rule.labels["a b"] is no name of a label; wanted letters, digits and '_', not beginning with a digit or __`,
    ],
    [
      { labels: JSON.parse('{"__proto__": "x"}') },
      "rule.labels.__proto__ is no name of a label; wanted letters, digits and '_', not beginning with a digit or __",
    ],
    [
      { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, "x"])) },
      "rule.labels has 65 labels; wanted at most 64",
    ],
    [
      { runbook: "javascript:alert(1)" },
      'rule.runbook is "javascript:alert(1)"; wanted a link of at most 2048 characters, http:// or https://',
    ],
    [
      { runbook: "https://a.example.org/a b" },
      'rule.runbook is "https://a.example.org/a b"; wanted a link of at most 2048 characters, http:// or https://',
    ],
    [{ escalation: "on call" }, `rule.escalation is "on call"; wanted a policy's name: ${NAMES}`],
    [{ disabled: 1 }, "rule.disabled is 1; wanted true or false"],
    [{ sevrity: "high" }, "rule.sevrity is unknown; did you mean severity?"],
    [{ groupBy: ["a"] }, "rule.groupBy is unknown; did you mean group_by?"],
    [{ from_file: true }, expect.stringMatching(/^rule.from_file is unknown; wanted name, metric, .* or disabled$/)],
    [JSON.parse('{"__proto__": 1}'), expect.stringMatching(/^rule.__proto__ is unknown; wanted name/)],
  ];
  test.each(table)("%j", (change, ...sentences) => {
    expect(wrongWith(change)).toEqual(sentences);
  });
});

describe("active times", () => {
  const DAYS = 'mon to sun or a range such as "mon-fri"';
  const table: readonly [times: unknown, ...sentences: string[]][] = [
    [{}, "rule.active_times is a map; wanted a list of times"],
    [["mon"], 'rule.active_times[0] is "mon"; wanted a map of days, from, to and zone'],
    [[{ days: ["monday"] }], `rule.active_times[0].days[0] is "monday"; wanted ${DAYS}`],
    [[{ days: ["mon-"] }], `rule.active_times[0].days[0] is "mon-"; wanted ${DAYS}`],
    [[{ days: [1] }], `rule.active_times[0].days[0] is 1; wanted ${DAYS}`],
    [[{ from: "24:00" }], 'rule.active_times[0].from is "24:00"; wanted a time of day such as "08:00", at most 23:59'],
    [[{ to: "24:01" }], 'rule.active_times[0].to is "24:01"; wanted a time of day such as "08:00", at most 24:00'],
    [[{ to: "8:5" }], 'rule.active_times[0].to is "8:5"; wanted a time of day such as "08:00", at most 24:00'],
    [[{ to: 480 }], 'rule.active_times[0].to is 480; wanted a time of day such as "08:00", at most 24:00'],
    [[{ zone: "Mars" }], 'rule.active_times[0].zone is "Mars"; wanted a time zone such as "Europe/Berlin"'],
    [[{ till: "08:00" }], "rule.active_times[0].till is unknown; wanted days, from, to or zone"],
    [Array(17).fill({}), "rule.active_times has 17 times; wanted at most 16"],
  ];
  test.each(table)("%j", (times, ...sentences) => {
    expect(wrongWith({ active_times: times })).toEqual(sentences);
  });
});

describe("conditions", () => {
  const SIGMAS = "a number above 0, at most 1000";
  const table: readonly [condition: unknown, ...sentences: string[]][] = [
    [undefined, `C is missing; wanted a map of ${KINDS}`],
    ["hot", `C is "hot"; wanted a map of ${KINDS}`],
    [{}, `C has no kind; wanted exactly one of ${KINDS}`],
    [null, `C has no kind; wanted exactly one of ${KINDS}`],
    [{ threshold: { above: 1 }, stuck: { over: "1h" } }, `C has threshold and stuck; wanted exactly one of ${KINDS}`],
    [
      { treshold: { above: 1 } },
      "C.treshold is unknown; did you mean threshold?",
      `C has no kind; wanted exactly one of ${KINDS}`,
    ],
    [{ threshold: 80 }, "C.threshold is 80; wanted a map of above, below and clear"],
    [{ threshold: {} }, "C.threshold has neither above nor below; wanted exactly one of them"],
    [{ threshold: null }, "C.threshold has neither above nor below; wanted exactly one of them"],
    [{ threshold: { above: 1, below: 2 } }, "C.threshold has both above and below; wanted exactly one of them"],
    [{ threshold: { above: "80" } }, 'C.threshold.above is "80"; wanted a number'],
    [{ threshold: { above: "" } }, 'C.threshold.above is ""; wanted a number'],
    [{ threshold: { above: Infinity } }, "C.threshold.above is Infinity; wanted a number"],
    [{ threshold: { above: NaN } }, "C.threshold.above is NaN; wanted a number"],
    [{ threshold: { above: 80, clear: 85 } }, "C.threshold.clear is 85; wanted at most above, which is 80"],
    [{ threshold: { below: 40, clear: 35 } }, "C.threshold.clear is 35; wanted at least below, which is 40"],
    [
      { threshold: { above: "x", clear: true, over: 1 } },
      "C.threshold.over is unknown; wanted above, below or clear",
      'C.threshold.above is "x"; wanted a number',
      "C.threshold.clear is true; wanted a number",
    ],
    [{ ladder: {} }, "C.ladder.steps is missing; wanted 1 to 4 steps"],
    [{ ladder: { steps: [] } }, "C.ladder.steps has 0 steps; wanted 1 to 4"],
    [
      {
        ladder: {
          steps: [
            { severity: "high", above: 80 },
            { severity: "high", above: 80, clear: 81 },
            { severity: "critical", below: 70 },
            { above: 90 },
          ],
        },
      },
      "C.ladder.steps[1].clear is 81; wanted at most above, which is 80",
      "C.ladder.steps[3].severity is missing; wanted low, medium, high or critical",
      'C.ladder.steps[1].severity is "high"; wanted a graver one than "high", the step before',
      "C.ladder.steps[1].above is 80; wanted more than 80, the step before",
      "C.ladder.steps[2].below is 70; wanted above, as in the step before",
      "C.ladder.steps[3].above is 90; wanted below, as in the step before",
    ],
    [
      {
        ladder: {
          steps: [
            { severity: "low", below: 5 },
            { severity: "high", below: 7 },
          ],
        },
      },
      "C.ladder.steps[1].below is 7; wanted less than 5, the step before",
    ],
    [{ range: { low: 1 } }, "C.range has no high; wanted low and high (for one limit use threshold)"],
    [{ range: {} }, "C.range has no low and no high; wanted low and high (for one limit use threshold)"],
    [{ range: { low: 2, high: 2 } }, "C.range.low is 2; wanted less than high, which is 2"],
    [{ range: { low: 1, high: 2, margin: -1 } }, "C.range.margin is -1; wanted a number that is not negative"],
    [
      { range: { low: 1, high: 2, margin: 0.5, outside: true } },
      "C.range.margin is 0.5; wanted less than half of the range, which is 0.5",
    ],
    [{ range: { low: 1, high: 2, outside: "no" } }, 'C.range.outside is "no"; wanted true or false'],
    [
      { window: { above: 1 } },
      "C.window.function is missing; wanted avg, min, max, sum, p95 or count",
      `C.window.over is missing; wanted ${DURATION}, from 1s to 400d`,
    ],
    [
      { window: { function: "mean", over: "999ms", above: 1, min_points: -1 } },
      'C.window.function is "mean"; wanted avg, min, max, sum, p95 or count',
      `C.window.over is "999ms"; wanted ${DURATION}, from 1s to 400d`,
      "C.window.min_points is -1; wanted a whole number from 0 to 1000000",
    ],
    [
      { window: { function: "count", over: "1m", below: 1, min_points: 2 } },
      "C.window.min_points is 2; wanted none: a count is judged however small it is",
    ],
    [
      { rate: { over: "0s" } },
      `C.rate.over is "0s"; wanted ${DURATION}, from 1ms to 400d`,
      "C.rate has neither above nor below; wanted exactly one of them",
    ],
    [{ n_of_m: { n: 4, m: 3, above: 1 } }, "C.n_of_m.n is 4; wanted at most m, which is 3"],
    [
      { n_of_m: { n: 0, m: 1_001, above: 1, clear: 0 } },
      "C.n_of_m.clear is unknown; wanted n, m, above or below",
      "C.n_of_m.n is 0; wanted a whole number from 1 to 1000",
      "C.n_of_m.m is 1001; wanted a whole number from 1 to 1000",
    ],
    [{ n_of_m: { n: 1.5, m: 2, above: 1 } }, "C.n_of_m.n is 1.5; wanted a whole number from 1 to 1000"],
    [
      { stuck: { epsilon: -1 } },
      `C.stuck.over is missing; wanted ${DURATION}, from 1ms to 400d`,
      "C.stuck.epsilon is -1; wanted a number that is not negative",
    ],
    [{ absence: { after: "0ms" } }, `C.absence.after is "0ms"; wanted ${DURATION}, from 1ms to 400d`],
    [
      { deviation: { sigmas: -1, span: "x", direction: "up", min_points: 1e7 } },
      `C.deviation.sigmas is -1; wanted ${SIGMAS}`,
      `C.deviation.span is "x"; wanted ${DURATION}, from 1ms to 400d`,
      'C.deviation.direction is "up"; wanted above, below or both',
      "C.deviation.min_points is 10000000; wanted a whole number from 0 to 1000000",
    ],
    [
      { seasonal: { sigmas: 1_001, weeks: 53, zone: "Berlin" } },
      `C.seasonal.sigmas is 1001; wanted ${SIGMAS}`,
      "C.seasonal.weeks is 53; wanted a whole number from 0 to 52",
      'C.seasonal.zone is "Berlin"; wanted a time zone such as "Europe/Berlin"',
    ],
    [
      { watchdog: { every: "1m" } },
      "C.watchdog.every is unknown; wanted nothing here",
      'rule.metric is "temperature"; wanted none: a watchdog looks at no series',
    ],
  ];
  test.each(table)("%j", (condition, ...sentences) => {
    expect(wrongWithCondition(condition)).toEqual(sentences);
  });
});

test("a watchdog looks at no series, a ladder has its own severities", () => {
  const none = "wanted none: a watchdog looks at no series";
  expect(wrongWith({ condition: { watchdog: {} }, where: ["a=b"], group_by: ["a"] })).toEqual([
    `rule.metric is "temperature"; ${none}`,
    `rule.where is a list; ${none}`,
    `rule.group_by is a list; ${none}`,
  ]);
  expect(wrongWith({ condition: { watchdog: {} }, metric: "", where: [], group_by: [] })).toEqual([]);
  const ladder = { steps: [{ severity: "high", above: 1 }] };
  expect(wrongWith({ condition: { ladder }, severity: "high" })).toEqual([
    'rule.severity is "high"; wanted none: the steps of a ladder have their own',
  ]);
});

test("what is no rule at all", () => {
  for (const [input, is] of [
    [undefined, "missing"],
    [5, "5"],
    [[], "a list"],
  ] as const) {
    expect(problemsOf(() => ruleOf(input))).toEqual([expect.stringContaining(`rule is ${is}; wanted a map of name, `)]);
  }
});

test("everything wrong is told at once, in whatever part it is", () => {
  const wrong = {
    name: "a b",
    condition: { threshold: { above: 1, below: 2 } },
    severity: "bad",
    active_times: [{ days: ["x"] }],
    labels: { severity: "a" },
    colour: 1,
  };
  expect(problemsOf(() => ruleOf(wrong, "rules[7]")).map((sentence) => sentence.split(/ (is|has) /)[0])).toEqual([
    "rules[7].colour",
    "rules[7].name",
    "rules[7].condition.threshold",
    "rules[7].severity",
    "rules[7].active_times[0].days[0]",
    "rules[7].labels.severity",
    "rules[7].metric",
  ]);
  const many = { ...GOOD, where: Array(64).fill("x") };
  try {
    ruleOf(many);
    expect.unreachable();
  } catch (error) {
    expect((error as WatchpostError).violations).toHaveLength(50);
    expect((error as WatchpostError).message).toEndWith("\n  and 14 more");
  }
});

test("a message is held to the same", () => {
  const wrongWithMessage = (init: object) => problemsOf(() => ruleOfMessage(create(RuleSchema, init)));
  expect(wrongWithMessage({})).toEqual([
    `rule.name is missing; wanted ${NAMES}`,
    `rule.condition is missing; wanted a map of ${KINDS}`,
    `rule.metric is missing; wanted ${METRIC}`,
  ]);
  const threshold = { above: NaN, clear: -Infinity };
  expect(wrongWithMessage({ name: "a", metric: "m", condition: { threshold } })).toEqual([
    'rule.condition.threshold.above is "NaN"; wanted a number',
    'rule.condition.threshold.clear is "-Infinity"; wanted a number',
  ]);
  const condition = { threshold: { above: 1 }, range: { low: 1, high: 2 } };
  expect(wrongWithMessage({ name: "a", metric: "m", condition, keepFiringFor: "soon" })).toEqual([
    `rule.condition has threshold and range; wanted exactly one of ${KINDS}`,
    `rule.keep_firing_for is "soon"; wanted ${DURATION}, from 0s to 400d`,
  ]);
  expect(ruleOfMessage(create(RuleSchema, { ...GOOD, fromFile: true })).isFromFile).toBe(false);
});
