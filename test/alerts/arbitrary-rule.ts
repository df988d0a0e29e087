/** Random rules that are right, as the evaluator has them. */
import fc from "fast-check";
import { OPENINGS, type ActiveTime, type Condition, type Limit, type Rule } from "../../src/alerts/rule.ts";
import { defaultTitle } from "../../src/alerts/default-title.ts";
import { SEVERITIES } from "../../src/alerts/severity.ts";
import { matcherOfWhere } from "../../src/model/where.ts";

const DAY_MS = 86_400_000;
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const size = fc.double({ min: 0, max: 1e9, noNaN: true });
const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const text = fc.string({ unit: "grapheme", maxLength: 30 }).filter((given) => !/[\0$]/.test(given));
const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "+05:30");
const direction = fc.constantFrom("above", "below", "both");
const severity = fc.constantFrom(...SEVERITIES);

function durationMs(min: number) {
  return fc.oneof(
    fc.integer({ min, max: 400 * DAY_MS }),
    fc.integer({ min: 1, max: 90 }).map((minutes) => minutes * 60_000),
  );
}

const limit: fc.Arbitrary<Limit> = fc.tuple(fc.boolean(), finite, finite).map(([isAbove, one, other]) => ({
  direction: isAbove ? "above" : "below",
  at: isAbove ? Math.max(one, other) : Math.min(one, other),
  clearAt: isAbove ? Math.min(one, other) : Math.max(one, other),
}));

const ladder: fc.Arbitrary<Condition> = fc
  .tuple(
    fc.boolean(),
    fc.subarray([...SEVERITIES], { minLength: 1 }),
    fc.uniqueArray(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 4, maxLength: 4 }),
    fc.nat(50),
  )
  .map(([isAbove, severities, ats, back]) => {
    const sorted = ats.toSorted((a, b) => (isAbove ? a - b : b - a));
    const steps = severities.map((each, i) => ({
      severity: each,
      limit: {
        direction: isAbove ? ("above" as const) : ("below" as const),
        at: sorted[i],
        clearAt: sorted[i] + (isAbove ? -back : back),
      },
    }));
    return { kind: "ladder", steps };
  });

const range: fc.Arbitrary<Condition> = fc
  .tuple(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 1, max: 1e6, noNaN: true }),
    fc.boolean(),
    fc.double({ min: 0, max: 0.49, noNaN: true }),
  )
  .map(([low, width, isOutside, part]) => {
    return { kind: "range", low: low + 0, high: low + width, isOutside, margin: part * (low + width - low) };
  });

export const arbitraryCondition: fc.Arbitrary<Condition> = fc.oneof(
  limit.map((each): Condition => ({ kind: "threshold", limit: each })),
  ladder,
  range,
  fc
    .record({
      kind: fc.constant("window" as const),
      func: fc.constantFrom("avg", "min", "max", "sum", "p95", "count"),
      overMs: durationMs(1_000),
      limit,
      pointsMin: fc.integer({ min: 1, max: 1_000 }),
    })
    .map((window): Condition => ({ ...window, pointsMin: window.func === "count" ? 0 : window.pointsMin })),
  fc.record({ kind: fc.constant("rate" as const), overMs: durationMs(1), limit }),
  fc
    .tuple(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000 }), limit)
    .map(([one, other, { direction: side, at }]): Condition => {
      const both = { n: Math.min(one, other), m: Math.max(one, other) };
      return { kind: "n_of_m", ...both, limit: { direction: side, at, clearAt: at } };
    }),
  fc.record({ kind: fc.constant("stuck" as const), overMs: durationMs(1), epsilon: size }),
  fc.record({ kind: fc.constant("absence" as const), afterMs: fc.option(durationMs(1), { nil: undefined }) }),
  fc.record({
    kind: fc.constant("deviation" as const),
    sigmas: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
    spanMs: durationMs(1),
    direction,
    pointsMin: fc.integer({ min: 1, max: 1_000_000 }),
  }),
  fc.record({
    kind: fc.constant("seasonal" as const),
    sigmas: fc.double({ min: 0.1, max: 1_000, noNaN: true }),
    weeks: fc.integer({ min: 1, max: 52 }),
    direction,
    timeZone: zone,
  }),
  fc
    .subarray(["never_seen", "online", "late", "offline", "stale"], { minLength: 1 })
    .map((statuses): Condition => ({ kind: "device", statuses })),
  fc.constant<Condition>({ kind: "watchdog" }),
);

export const arbitraryActiveTime: fc.Arbitrary<ActiveTime> = fc.record({
  days: fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 }),
  fromMinute: fc.integer({ min: 0, max: 1_439 }),
  toMinute: fc.integer({ min: 0, max: 1_440 }),
  timeZone: zone,
});

const where = fc
  .tuple(word, fc.constantFrom("=", "!=", "=~", "!~"), fc.constantFrom("", "a", "plant-*", "a|b", "x.y"))
  .map((parts) => parts.join(""));
const templated = fc
  .array(
    fc.oneof(
      text.map((each) => each.replaceAll(/[{}]/g, "$&$&")),
      fc.constantFrom("{value}", "{labels.a}"),
    ),
    {
      maxLength: 4,
    },
  )
  .map((parts) => parts.join(""));
const labelKey = fc
  .stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,20}$/)
  .filter((key) => key !== "severity" && key !== "alertname");

/** Of one kind of rule and another; `isFromFile` is false. */
export const arbitraryRule: fc.Arbitrary<Rule> = fc
  .record({
    name: word,
    metric: fc.constantFrom("temperature", "temp*", "a|b", "*"),
    matchers: fc.array(where.map(matcherOfWhere), { maxLength: 5 }),
    groupBy: fc.option(
      fc
        .uniqueArray(
          text.filter((key) => key !== ""),
          { minLength: 1, maxLength: 16 },
        )
        .map((keys) => keys.sort()),
      { nil: undefined },
    ),
    condition: arbitraryCondition,
    severity,
    holdMs: fc.oneof(fc.constant(0), durationMs(1)),
    keepFiringMs: fc.oneof(fc.constant(0), durationMs(1)),
    lateAfterMs: fc.option(durationMs(1), { nil: undefined }),
    notifyLate: fc.boolean(),
    noData: fc.constantFrom("keep", "fire", "resolve"),
    activeTimes: fc.array(arbitraryActiveTime, { maxLength: 3 }),
    title: templated.map((each) => each.replaceAll(/\p{Cc}/gu, "")),
    description: templated,
    labels: fc.dictionary(
      labelKey,
      text.filter((value) => value !== ""),
      { maxKeys: 5, noNullPrototype: true },
    ),
    runbook: fc.constantFrom("", "https://wiki.example.org/a?b=c#d"),
    escalation: fc.oneof(fc.constant(""), word),
    opens: fc.subarray([...OPENINGS]),
    isDisabled: fc.boolean(),
    isFromFile: fc.constant(false),
  })
  .map(ofOneKind);

/** What conditions ask of the rest of a rule. */
function ofOneKind(rule: Rule): Rule {
  const { condition } = rule;
  const isWatchdog = condition.kind === "watchdog";
  const isOfDevices = condition.kind === "device";
  const groupBy = isWatchdog
    ? undefined
    : isOfDevices
      ? ["device"]
      : (rule.groupBy ?? (condition.kind === "absence" ? ["device"] : undefined));
  return {
    ...rule,
    groupBy,
    metric: isWatchdog || isOfDevices ? "" : rule.metric,
    matchers: isWatchdog ? [] : rule.matchers,
    severity: condition.kind === "ladder" ? condition.steps[0].severity : rule.severity,
    title: rule.title === "" ? defaultTitle(condition, groupBy) : rule.title,
  };
}
