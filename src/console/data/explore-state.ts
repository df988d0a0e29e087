/** What Explore shows, as it stands in its address. */
import {
  AGGREGATIONS,
  FUNCTIONS,
  type AggregationName,
  type ChartQuery,
  type ChartRange,
  type FunctionName,
} from "./chart-query.ts";
import { formatDurationMs } from "../../model/duration.ts";
import { durationOf } from "./typed-duration.ts";

export interface ExploreState {
  /** Exact names or globs: a chart each. */
  readonly metrics: readonly string[];
  /** "source", "device" or any tag, to a glob. */
  readonly filters: Readonly<Record<string, string>>;
  /** What is gone back to from a range of one's own. */
  readonly lastMs: number;
  /** Missing: until now. */
  readonly own?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly function?: FunctionName;
  /** As typed; "": what the range makes of it. */
  readonly step: string;
  readonly groupBy: readonly string[];
  readonly aggregation?: AggregationName;
  readonly logScale: boolean;
  /** Missing: as is usual for the function. */
  readonly band?: boolean;
}

export const RANGES: readonly (readonly [name: string, ms: number])[] = [
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
  ["30d", 2_592_000_000],
];
const TAG = "tag.";
const PLAIN_FILTERS: readonly string[] = ["device", "source"];
const RANGE_MS_MAX = 400 * 86_400_000;

/** What cannot be read is left out, and said by `mistakesIn`: addresses are typed, and cut off in mails. */
export function exploreStateOf(params: URLSearchParams): ExploreState {
  const filters: Record<string, string> = {};
  for (const [name, value] of params) {
    if (value === "") continue;
    if (PLAIN_FILTERS.includes(name)) filters[name] = value;
    else if (name.startsWith(TAG) && name.length > TAG.length) filters[name.slice(TAG.length)] = value;
  }
  const [func, aggregation, band] = [params.get("fn") ?? "", params.get("agg") ?? "", params.get("band")];
  const own = ownRange(params.get("from"), params.get("to"));
  return {
    ...{ metrics: listOf(params.getAll("metric")), filters, lastMs: rangeMsOf(params.get("range")) ?? RANGES[0][1] },
    ...(own && { own }),
    ...(Object.hasOwn(FUNCTIONS, func) && { function: func as FunctionName }),
    ...{ step: params.get("step") ?? "", groupBy: listOf(params.getAll("by")), logScale: params.get("log") === "1" },
    ...(Object.hasOwn(AGGREGATIONS, aggregation) && { aggregation: aggregation as AggregationName }),
    ...(band !== null && { band: band === "1" }),
  };
}

/** What of an address is not shown as it says, in sentences. */
export function mistakesIn(params: URLSearchParams): string[] {
  const [range, from, to] = ["range", "from", "to"].map((name) => params.get(name));
  const mistakes: string[] = [];
  const say = (name: string, value: string, wanted: string) => mistakes.push(`${name} is "${value}"; wanted ${wanted}`);
  const isTold = (text: string | null): text is string => text !== null && text !== "";
  if (isTold(range) && rangeMsOf(range) === undefined) say("range", range, "a time such as 15m or 7d, at most 400d");
  for (const [name, text] of [["from", from] as const, ["to", to] as const]) {
    if (isTold(text) && Number.isNaN(timeOf(text))) say(name, text, "a time such as 2026-03-01T12:00:00Z");
  }
  if (isTold(from) !== isTold(to)) mistakes.push(`only "${isTold(from) ? "from" : "to"}" is given; wanted both`);
  else if (timeOf(from) >= timeOf(to)) mistakes.push(`to is ${to}, no later than from, ${from}`);
  for (const [name, known] of [["fn", FUNCTIONS] as const, ["agg", AGGREGATIONS] as const]) {
    const text = params.get(name);
    if (isTold(text) && !Object.hasOwn(known, text)) say(name, text, `one of ${Object.keys(known).join(", ")}`);
  }
  return mistakes;
}

/** Of every parameter what it is to be; "": not there. */
export function filterParams(
  filters: Readonly<Record<string, string>>,
  before: URLSearchParams,
): Record<string, string> {
  const params: Record<string, string> = {};
  for (const name of before.keys()) if (PLAIN_FILTERS.includes(name) || name.startsWith(TAG)) params[name] = "";
  for (const [key, value] of Object.entries(filters)) params[PLAIN_FILTERS.includes(key) ? key : TAG + key] = value;
  return params;
}

/** Undefined: back to what is now. */
export function ownRangeParams(range: ExploreState["own"]): Record<string, string> {
  if (range === undefined) return { from: "", to: "" };
  const iso = (ms: number) => new Date(Math.max(0, Math.round(ms))).toISOString();
  return { from: iso(range.fromMs), to: iso(range.toMs) };
}

export function listParam(names: readonly string[]): string {
  return [...new Set(names)].join(",");
}

/** Such as "15m" or "90s"; undefined: it cannot be read, or is longer than what is kept. */
function rangeMsOf(text: string | null): number | undefined {
  const ms = durationOf(text ?? "");
  return ms !== undefined && ms <= RANGE_MS_MAX ? ms : undefined;
}

export function rangeName(ms: number): string {
  return RANGES.find(([, each]) => each === ms)?.[0] ?? formatDurationMs(ms);
}

/** Undefined where the step is left open; NaN where it cannot be read. */
export function stepMsOf({ step }: Pick<ExploreState, "step">): number | undefined {
  return step === "" ? undefined : (durationOf(step) ?? NaN);
}

export function queryOf(state: ExploreState, metric: string): ChartQuery {
  const { filters, own, lastMs, groupBy, aggregation, band } = state;
  const stepMs = stepMsOf(state);
  const range: ChartRange = own ?? { lastMs };
  return {
    ...{ metric, filters, range },
    ...(state.function && { function: state.function }),
    ...(stepMs !== undefined && !Number.isNaN(stepMs) && { stepMs }),
    ...(groupBy.length > 0 && { groupBy }),
    ...(aggregation && { aggregation }),
    ...(band !== undefined && { band }),
  };
}

/** With commas between, or the parameter several times. */
function listOf(texts: readonly string[]): string[] {
  return texts
    .join(",")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

function ownRange(from: string | null, to: string | null): ExploreState["own"] {
  const [fromMs, toMs] = [timeOf(from), timeOf(to)];
  return fromMs < toMs ? { fromMs, toMs } : undefined;
}

/** ISO 8601, or milliseconds since 1970. */
function timeOf(text: string | null): number {
  if (text === null) return NaN;
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}
