/** A rule in words, as short as a table wants it: "above 80, clear 75, for 30s". Names in them are as they came. */
import type { Condition, Rule } from "./gen/rules_pb.ts";

type Kind = Exclude<keyof Condition, "$typeName" | "$unknown">;

interface Limit {
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly clear?: number | undefined;
}

const WORDS: { readonly [K in Kind]: (condition: NonNullable<Condition[K]>) => string } = {
  threshold: limitWords,
  ladder: ({ steps }) => steps.map((step) => `${step.severity} ${limitWords(step)}`).join("; "),
  range: ({ low, high, outside, margin }) => {
    const range = `${outside ? "outside" : "inside"} ${low} to ${high}`;
    return margin > 0 ? `${range}, margin ${margin}` : range;
  },
  window: (window) => {
    const least = window.minPoints > 1 ? `, of ${window.minPoints} points or more` : "";
    return `${window.function} over ${window.over} ${limitWords(window)}${least}`;
  },
  rate: (rate) => `change a second over ${rate.over} ${limitWords(rate)}`,
  nOfM: ({ n, m, ...limit }) => `${n} of ${m} samples ${limitWords(limit)}`,
  stuck: ({ over, epsilon }) => `stuck over ${over}${epsilon > 0 ? `, within ${epsilon}` : ""}`,
  absence: ({ after }) => `nothing heard${after === "" ? "" : ` for ${after}`}`,
  deviation: ({ sigmas, span, direction }) => `${sigmas} sigmas ${side(direction)} its past of ${span}`,
  seasonal: ({ sigmas, weeks, direction, zone }) =>
    `${sigmas} sigmas ${side(direction)} what is usual at the hour (${weeks} weeks, ${zone})`,
  device: ({ status }) => `device is ${status.join(" or ")}`,
  watchdog: () => "always",
};

/** The condition and what it has to hold for; "?" where this version does not know it. */
export function conditionWords({ condition, ...rule }: Rule): string {
  const words = (Object.keys(WORDS) as Kind[]).map((kind) => wordsOf(kind, condition)).find((one) => one !== "") ?? "?";
  const times = [
    ["for", rule.for],
    ["keeps firing for", rule.keepFiringFor],
  ].filter(([, time]) => time !== "" && time !== "0s");
  return [words, ...times.map((time) => time.join(" "))].join(", ");
}

/** "medium to critical" of a ladder. */
export function severityWords({ severity, condition }: Rule): string {
  const steps = condition?.ladder?.steps ?? [];
  const [first, last] = [steps.at(0), steps.at(-1)];
  if (first === undefined || last === undefined) return severity;
  return first === last ? first.severity : `${first.severity} to ${last.severity}`;
}

function wordsOf<K extends Kind>(kind: K, condition: Condition | undefined): string {
  const given = condition?.[kind];
  return given === undefined ? "" : WORDS[kind](given as NonNullable<Condition[K]>);
}

function limitWords({ above, below, clear }: Limit): string {
  const at = above ?? below;
  const limit = `${above === undefined ? "below" : "above"} ${at}`;
  return clear === undefined || clear === at ? limit : `${limit}, clear ${clear}`;
}

function side(direction: string): string {
  return direction === "both" ? "from" : direction;
}
