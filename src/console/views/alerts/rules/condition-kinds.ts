/** The kinds of conditions as the form has them: what they are called, which fields they have, and what they begin with. */
import type { Condition } from "../../../../wire/gen/rules_pb.ts";

export type Kind = Exclude<keyof Condition, "$typeName" | "$unknown">;
/** Fields by the names that generated messages have, as they stand in the form. */
export type Texts = Readonly<Record<string, string>>;

export interface FieldSpec {
  readonly name: string;
  readonly label: string;
  /** "flag": "true", or "" for not. */
  readonly type: "number" | "count" | "duration" | "word" | "choice" | "flag";
  readonly choices?: readonly string[];
  readonly help?: string;
  /** What a field that is left empty means. */
  readonly placeholder?: string;
  /** Nothing is another thing than 0. */
  readonly hasPresence?: boolean;
}

export interface KindSpec {
  readonly kind: Kind;
  readonly label: string;
  /** When it is met, for people. */
  readonly help: string;
  readonly fields: readonly FieldSpec[];
  /** Above or below what; "clear": with a value where it is calm again. */
  readonly limit?: "clear" | "plain";
  /** Of a new rule. */
  readonly initial: Texts;
}

const DIRECTIONS = ["both", "above", "below"] as const;
const over = (help: string): FieldSpec => ({ name: "over", label: "Over the last", type: "duration", help });

export const KINDS: readonly KindSpec[] = [
  {
    kind: "threshold",
    label: "Above or below a limit",
    help: "The latest value is beyond the limit.",
    fields: [],
    limit: "clear",
    initial: { side: "above" },
  },
  {
    kind: "ladder",
    label: "Several limits, each with a severity",
    help: "One alert whose severity moves with the value: from the mildest step to the gravest.",
    fields: [],
    initial: { side: "above" },
  },
  {
    kind: "range",
    label: "Inside or outside of a range",
    help: "The edges belong to the range.",
    fields: [
      { name: "low", label: "From", type: "number", hasPresence: true },
      { name: "high", label: "To", type: "number", hasPresence: true },
      { name: "outside", label: "Met outside of it", type: "flag" },
      {
        ...{ name: "margin", label: "Margin", type: "number", placeholder: "0" },
        help: "How far back over the edge the value has to come to clear.",
      },
    ],
    initial: { outside: "true" },
  },
  {
    kind: "window",
    label: "Average, sum or count over a time",
    help: "Looked at with each point, over the time before it.",
    fields: [
      {
        name: "function",
        label: "Of the points the",
        type: "choice",
        choices: ["avg", "min", "max", "sum", "p95", "count"],
      },
      over("15m, 1h"),
      { name: "minPoints", label: "At least so many points", type: "count", placeholder: "1", help: "Not for count." },
    ],
    limit: "clear",
    initial: { function: "avg", over: "15m", side: "above" },
  },
  {
    kind: "rate",
    label: "How fast it changes",
    help: "Change per second from the oldest point of the time to the newest; a fall is negative.",
    fields: [over("2m, 10m")],
    limit: "clear",
    initial: { over: "5m", side: "above" },
  },
  {
    kind: "nOfM",
    label: "Some of the last points beyond a limit",
    help: "For sensors with spikes: a single one does not fire.",
    fields: [
      { name: "n", label: "So many", type: "count" },
      { name: "m", label: "of the last", type: "count" },
    ],
    limit: "plain",
    initial: { n: "3", m: "5", side: "above" },
  },
  {
    kind: "stuck",
    label: "The value does not move",
    help: "Points come, three or more, and all are within the tolerance of each other.",
    fields: [over("30m, 2h"), { name: "epsilon", label: "Tolerance", type: "number", placeholder: "0: the same" }],
    initial: { over: "30m" },
  },
  {
    kind: "absence",
    label: "Nothing is heard",
    help: "Of a device, whatever the metric: of what “one alert for each” says, where it says something.",
    fields: [
      {
        ...{ name: "after", label: "For", type: "duration", placeholder: "three times as long as is usual" },
        help: "10m, 1h",
      },
    ],
    initial: { after: "10m" },
  },
  {
    kind: "deviation",
    label: "Unusual for this series",
    help: "Away from the series' own past; a step that stays is the new normal after about the span.",
    fields: [
      { name: "sigmas", label: "Standard deviations", type: "number", placeholder: "4" },
      { name: "span", label: "Looks back", type: "duration", placeholder: "1h" },
      { name: "direction", label: "Direction", type: "choice", choices: DIRECTIONS },
      { name: "minPoints", label: "Judges after so many points", type: "count", placeholder: "30" },
    ],
    initial: { sigmas: "4", span: "1h", direction: "both" },
  },
  {
    kind: "seasonal",
    label: "Unusual for the hour of the week",
    help: "Against what was usual at this hour in the weeks before; hours without so many weeks stored are not judged.",
    fields: [
      { name: "sigmas", label: "Standard deviations", type: "number", placeholder: "4" },
      { name: "weeks", label: "Weeks of history", type: "count", placeholder: "3" },
      { name: "direction", label: "Direction", type: "choice", choices: DIRECTIONS },
      { name: "zone", label: "Time zone", type: "word", placeholder: "UTC" },
    ],
    initial: { sigmas: "4", weeks: "3", direction: "both" },
  },
  {
    kind: "device",
    label: "A device is offline",
    help: "By the status that devices have; one alert for each device, and no metric.",
    fields: [],
    initial: {},
  },
  {
    kind: "watchdog",
    label: "Always",
    help: "An alert that always fires: where it is no longer heard of, alerts do not get through.",
    fields: [],
    initial: {},
  },
];

export const DEVICE_STATUSES: readonly string[] = ["offline", "stale", "late", "never_seen", "online"];

export function specOf(kind: Kind): KindSpec {
  return KINDS.find((spec) => spec.kind === kind)!;
}

/** It goes by the points of a metric. */
export function hasMetric(kind: Kind): boolean {
  return kind !== "device" && kind !== "watchdog";
}

/** "min_points": as files and errors of the server name it. */
export function wireName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
