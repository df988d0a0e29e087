/** A rule's condition as it is written, and back. */
import { DEVICE_STATUSES } from "../model/device-standing.ts";
import { formatDurationMs } from "../model/duration.ts";
import {
  choice,
  durationMs,
  flag,
  integer,
  list,
  number,
  optional,
  optionalText,
  timeZone,
  wordsOf,
  type Field,
} from "./input/fields.ts";
import { mapOf, record, type Given, type Report } from "./input/record.ts";
import { checkLimit, checkSteps, limitFields, limitInputOf, limitOf, sideFields } from "./limit-input.ts";
import type { Condition, LadderStep } from "./rule.ts";
import { SEVERITIES } from "./severity.ts";

type Kind = Condition["kind"];
type Of<K extends Kind> = Extract<Condition, { kind: K }>;

interface RangeRead {
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly outside?: boolean;
  readonly margin?: number;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const POINTS_MAX = 1_000_000;
const SAMPLES_MAX = 1_000;
const WEEKS_MAX = 52;
const SIGMAS_MAX = 1_000;
const SIGMAS_DEFAULT = 4;

const size = number("a number that is not negative", (value) => value >= 0);
const sigmas = unlessZero(
  SIGMAS_DEFAULT,
  number(`a number above 0, at most ${SIGMAS_MAX}`, (value) => value >= 0 && value <= SIGMAS_MAX),
);
const direction = optionalText(choice("above", "below", "both"), "both");

/** 0 is what a missing number is on the wire. */
function unlessZero(fallback: number, of: Field<number>): Field<number> {
  return optional(of, fallback).transform((value) => (value === 0 ? fallback : value));
}

const threshold = record({
  fields: limitFields,
  check: checkLimit,
  build: (read): Of<"threshold"> => ({ kind: "threshold", limit: limitOf(read) }),
});

const ladderStep = record({
  fields: { severity: choice(...SEVERITIES), ...limitFields },
  check: checkLimit,
  build: (read): LadderStep => ({ severity: read.severity, limit: limitOf(read) }),
});

const ladder = record({
  fields: { steps: list("steps", ladderStep, 1, SEVERITIES.length) },
  check: (given, _read, report) => checkSteps(given["steps"], report),
  build: ({ steps }): Of<"ladder"> => ({ kind: "ladder", steps }),
});

const range = record({
  fields: {
    low: optional(number(), undefined),
    high: optional(number(), undefined),
    outside: optional(flag(), false),
    margin: optional(size, 0),
  },
  check: checkRange,
  build: ({ low, high, outside, margin }): Of<"range"> => {
    return { kind: "range", low: low!, high: high!, isOutside: outside, margin };
  },
});

const window = record({
  fields: {
    function: choice("avg", "min", "max", "sum", "p95", "count"),
    over: durationMs(SECOND_MS),
    ...limitFields,
    min_points: optional(integer(0, POINTS_MAX), 0),
  },
  check: (given, read, report) => {
    checkLimit(given, read, report);
    if (read.function === "count" && (read.min_points ?? 0) > 0) {
      report(["min_points"], `is ${read.min_points}; wanted none: a count is judged however small it is`);
    }
  },
  build: (read): Of<"window"> => {
    const pointsMin = read.function === "count" ? 0 : Math.max(read.min_points, 1);
    return { kind: "window", func: read.function, overMs: read.over, limit: limitOf(read), pointsMin };
  },
});

const rate = record({
  fields: { over: durationMs(1), ...limitFields },
  check: checkLimit,
  build: (read): Of<"rate"> => ({ kind: "rate", overMs: read.over, limit: limitOf(read) }),
});

const someOfSamples = record({
  fields: { n: integer(1, SAMPLES_MAX), m: integer(1, SAMPLES_MAX), ...sideFields },
  check: (given, { n, m, ...sides }, report) => {
    checkLimit(given, sides, report);
    if (n !== undefined && m !== undefined && n > m) report(["n"], `is ${n}; wanted at most m, which is ${m}`);
  },
  build: ({ n, m, ...sides }): Of<"n_of_m"> => ({ kind: "n_of_m", n, m, limit: limitOf(sides) }),
});

const stuck = record({
  fields: { over: durationMs(1), epsilon: optional(size, 0) },
  build: ({ over, epsilon }): Of<"stuck"> => ({ kind: "stuck", overMs: over, epsilon }),
});

const absence = record({
  fields: { after: optionalText(durationMs(1), undefined) },
  build: ({ after }): Of<"absence"> => ({ kind: "absence", afterMs: after }),
});

const deviation = record({
  fields: {
    sigmas,
    span: optionalText(durationMs(1), HOUR_MS),
    direction,
    min_points: unlessZero(30, integer(0, POINTS_MAX)),
  },
  build: ({ span, min_points, ...read }): Of<"deviation"> => {
    return { kind: "deviation", ...read, spanMs: span, pointsMin: min_points };
  },
});

const seasonal = record({
  fields: {
    sigmas,
    weeks: unlessZero(3, integer(0, WEEKS_MAX)),
    direction,
    zone: optionalText(timeZone(), "UTC"),
  },
  build: ({ zone, ...read }): Of<"seasonal"> => ({ kind: "seasonal", ...read, timeZone: zone }),
});

const device = record({
  fields: { status: list("statuses", choice(...DEVICE_STATUSES), 0, DEVICE_STATUSES.length) },
  build: ({ status }): Of<"device"> => ({
    kind: "device",
    statuses: status.length === 0 ? ["offline"] : DEVICE_STATUSES.filter((one) => status.includes(one)),
  }),
});

const watchdog = record({ fields: {}, build: (): Of<"watchdog"> => ({ kind: "watchdog" }) });

const FIELDS: { readonly [K in Kind]: Field<Of<K>> } = {
  threshold,
  ladder,
  range,
  window,
  rate,
  n_of_m: someOfSamples,
  stuck,
  absence,
  deviation,
  seasonal,
  device,
  watchdog,
};
const KINDS = Object.keys(FIELDS) as Kind[];

export const conditionField: Field<Condition> = record({
  fields: Object.fromEntries(KINDS.map((kind) => [kind, optional<Condition, undefined>(FIELDS[kind], undefined)])),
  check: (given, _read, report) => {
    const kinds = kindsIn(given);
    if (kinds.length === 1) return;
    const has = kinds.length === 0 ? "has no kind" : `has ${wordsOf(kinds, "and")}`;
    report([], `${has}; wanted exactly one of ${wordsOf(KINDS, "and")}`);
  },
  build: (read) => Object.values(read).find((condition) => condition !== undefined)!,
});

/** The kinds of condition in what was written for one, right or wrong. */
export function kindsIn(written: unknown): Kind[] {
  const given = mapOf(written) ?? {};
  return KINDS.filter((kind) => Object.hasOwn(given, kind) && given[kind] !== undefined);
}

/** What {@link conditionField} reads it from, with all defaults. */
export function conditionInputOf(condition: Condition): Given {
  return { [condition.kind]: fieldsOf(condition) };
}

function fieldsOf(condition: Condition): Given {
  switch (condition.kind) {
    case "threshold":
      return limitInputOf(condition.limit);
    case "ladder":
      return { steps: condition.steps.map(({ severity, limit }) => ({ severity, ...limitInputOf(limit) })) };
    case "range": {
      const { low, high, isOutside, margin } = condition;
      return { low, high, outside: isOutside, margin };
    }
    case "window": {
      const { func, overMs, limit, pointsMin } = condition;
      return { function: func, over: formatDurationMs(overMs), ...limitInputOf(limit), min_points: pointsMin };
    }
    case "rate":
      return { over: formatDurationMs(condition.overMs), ...limitInputOf(condition.limit) };
    case "n_of_m": {
      const { n, m, limit } = condition;
      return { n, m, [limit.direction]: limit.at };
    }
    case "stuck":
      return { over: formatDurationMs(condition.overMs), epsilon: condition.epsilon };
    case "absence":
      return condition.afterMs === undefined ? {} : { after: formatDurationMs(condition.afterMs) };
    case "deviation": {
      const { sigmas, spanMs, direction, pointsMin } = condition;
      return { sigmas, span: formatDurationMs(spanMs), direction, min_points: pointsMin };
    }
    case "seasonal": {
      const { sigmas, weeks, direction, timeZone } = condition;
      return { sigmas, weeks, direction, zone: timeZone };
    }
    case "device":
      return { status: condition.statuses };
    case "watchdog":
      return {};
  }
}

function checkRange(given: Given, { low, high, outside, margin }: RangeRead, report: Report): void {
  const missing = ["low", "high"].filter((end) => given[end] === undefined);
  if (missing.length > 0) {
    report([], `has no ${wordsOf(missing, "and no")}; wanted low and high (for one limit use threshold)`);
  }
  if (low === undefined || high === undefined) return;
  if (low >= high) report(["low"], `is ${low}; wanted less than high, which is ${high}`);
  // Coming back by more than half of the range would be leaving it again.
  else if (outside === true && margin !== undefined && margin * 2 >= high - low) {
    report(["margin"], `is ${margin}; wanted less than half of the range, which is ${(high - low) / 2}`);
  }
}
