/** `watchpost watch`: live values, as a table for people or as JSON lines for pipes. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { Command, Option } from "commander";
import pc from "picocolors";
import type { Retry } from "../client/connection.ts";
import { subscribe } from "../client/subscribe.ts";
import { UpdateMode, type DashboardData, type MetricValue } from "../wire/gen/dashboard_pb.ts";
import { Aggregation } from "../wire/gen/history_pb.ts";
import { formatDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";
import {
  addServerOption,
  connectTo,
  durationArgument,
  interruptSignal,
  retryTeller,
  wholeMsArgument,
} from "./client-flags.ts";
import { addFilterOption } from "./filter-flag.ts";
import { openScreen, type ScreenSize } from "./live-screen.ts";
import { tagsArgument } from "./query-flags.ts";
import { tellApart } from "./tell-apart.ts";
import { textTable } from "./text-table.ts";
import { formatReading, formatValue, printable, renderTable, type WatchRow } from "./watch-table.ts";

const HISTORY_MAX = 64;
const INTERVAL_MS_MAX = 2 ** 31 - 1;
const HELP = `
Names may be globs (*, ?) with alternatives (a|b); quote them. Without a name all series are shown.

Examples:
  watchpost watch 'temperature_*' --filter device=press-1
  watchpost watch cpu --group-by site --aggregate p95
  watchpost watch '*' --json --for 60s > minute.jsonl`;

interface WatchFlags {
  server: string;
  filter?: Record<string, string>;
  interval: number;
  onChange?: boolean;
  groupBy?: string[];
  aggregate?: string;
  json?: boolean;
  for?: number;
}

interface Seen extends WatchRow {
  label: string;
  tags: Readonly<Record<string, string>>;
  history: number[];
  updates: number;
  min: number;
  max: number;
  sum: number;
}

export function watchCommand(): Command {
  return addFilterOption(addServerOption(new Command("watch")))
    .summary("live values in a table, or as JSON lines")
    .description("Shows live values until Ctrl-C; comes back by itself when the server restarts.")
    .argument("[metric...]", "metric names or globs", ["*"])
    .addOption(
      new Option("--interval <duration>", "time between updates, as far as the server allows it")
        .argParser(durationArgument)
        .default(1_000, "1s"),
    )
    .option("--on-change", "every change at once instead of at an interval")
    .option("--group-by <tags>", "one row a group of devices: tags, comma separated", tagsArgument)
    .option("--aggregate <function>", "with --group-by: avg, min, max, sum, count, p50, p95 or p99")
    .option("--json", "a JSON line for every value")
    .option("--for <duration>", "stop after this time, with a summary", wholeMsArgument)
    .addHelpText("after", HELP)
    .action(watch);
}

async function watch(metrics: string[], flags: WatchFlags): Promise<void> {
  const interrupted = interruptSignal();
  const signal = flags.for === undefined ? interrupted : AbortSignal.any([interrupted, AbortSignal.timeout(flags.for)]);
  const connection = connectTo(flags.server);
  const seen = new Map<string, Seen>();
  const isScreen = !flags.json && process.stdout.isTTY === true;
  const interval = { granted: "" };
  const about = () => `${flags.server}  ${interval.granted}`.trimEnd();
  const screen = isScreen ? openScreen((size) => drawn(seen, about(), size)) : undefined;
  const subscription = {
    metricNames: metrics,
    filters: flags.filter ?? {},
    updateIntervalMs: Math.min(Math.ceil(flags.interval), INTERVAL_MS_MAX),
    mode: flags.onChange ? UpdateMode.ON_CHANGE : UpdateMode.INTERVAL,
    groupBy: flags.groupBy ?? [],
    aggregations: aggregationsOf(flags),
  };
  const tellRetry = retryTeller(flags.server);
  let hasAnswered = false;
  let failure = "there was no answer";
  const onRetry = (retry: Retry) => {
    failure = retry.error.message;
    tellRetry(retry);
  };
  try {
    for await (const update of subscribe(connection, subscription, { signal, onRetry })) {
      hasAnswered = true;
      const granted = grantedOf(update, flags);
      if (granted !== interval.granted && granted !== "" && !isScreen) console.error(pc.yellow(granted));
      interval.granted = granted;
      take(update, seen);
      if (flags.json) process.stdout.write(update.metrics.map(jsonLine).join(""));
      else if (!isScreen) process.stdout.write(update.metrics.map((metric) => plainLine(metric, seen)).join(""));
    }
  } finally {
    screen?.close();
    connection.close();
  }
  if (!hasAnswered && !interrupted.aborted) {
    throw new WatchpostError("UNAVAILABLE", `could not watch ${flags.server}: ${failure}`);
  }
  if (flags.for !== undefined || isScreen) summarize(seen, flags.json === true);
}

/** What there is to say of the interval: "" where it is the one asked for. */
function grantedOf({ updateIntervalMs }: DashboardData, { interval, onChange }: WatchFlags): string {
  // 0 asks for the smallest, whichever that is.
  if (onChange || interval === 0 || updateIntervalMs === Math.ceil(interval)) return "";
  return `--interval is ${formatDurationMs(Math.ceil(interval))}; the server grants ${formatDurationMs(updateIntervalMs)}`;
}

function aggregationsOf({ aggregate }: WatchFlags): Aggregation[] {
  if (aggregate === undefined) return [];
  const aggregation = Aggregation[aggregate.toUpperCase() as keyof typeof Aggregation];
  if (typeof aggregation === "number" && aggregation !== Aggregation.UNSPECIFIED) return [aggregation];
  const wanted = "wanted avg, min, max, sum, count, p50, p95 or p99";
  throw new WatchpostError("INVALID_ARGUMENT", `--aggregate is ${JSON.stringify(aggregate)}; ${wanted}`);
}

/** Series of one metric and source differ by their tags. */
function keyOf({ name, tags }: MetricValue): string {
  const others = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return [name, ...others.map(([key, value]) => `${key}=${value}`)].join(" ");
}

function take(update: DashboardData, seen: Map<string, Seen>): void {
  const known = seen.size;
  for (const metric of update.metrics) {
    const { value, unit, stale, name, device, tags } = metric;
    const key = keyOf(metric);
    const before = seen.get(key);
    const timeMs = metric.timestamp ? timestampDate(metric.timestamp).getTime() : 0;
    const history = before?.history ?? [];
    if (!stale) history.push(value);
    if (history.length > HISTORY_MAX) history.shift();
    seen.set(key, {
      name,
      device,
      label: before?.label ?? "",
      tags,
      value,
      unit,
      timeMs,
      stale,
      history,
      updates: (before?.updates ?? 0) + (stale ? 0 : 1),
      min: Math.min(before?.min ?? Infinity, value),
      max: Math.max(before?.max ?? -Infinity, value),
      sum: (before?.sum ?? 0) + (stale ? 0 : value),
    });
  }
  if (seen.size === known) return;
  const rows = [...seen.values()];
  tellApart(rows).forEach((label, at) => (rows[at].label = label));
}

function drawn(seen: ReadonlyMap<string, Seen>, about: string, { columns, rows: height }: ScreenSize): string {
  const rows = [...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const title = `${pc.bold("Watchpost")} ${about}  ${seen.size} series  ${new Date().toLocaleTimeString()}  ${pc.dim("Ctrl-C ends")}`;
  return renderTable(rows, title, columns, height, Date.now());
}

function jsonLine(metric: MetricValue): string {
  const { name, metric: metricName, source, device, tags, value, unit, stale, timestamp, window, aggregate } = metric;
  const time = timestamp ? timestampDate(timestamp).toISOString() : null;
  const fields = {
    name,
    metric: metricName,
    source,
    device,
    tags,
    value,
    unit: unit || undefined,
    timestamp: time,
    stale,
    window,
    aggregate,
  };
  const plain = (key: string, field: unknown) =>
    key === "$typeName" ? undefined : typeof field === "bigint" ? Number(field) : field;
  return `${JSON.stringify(fields, plain)}\n`;
}

function plainLine(metric: MetricValue, seen: ReadonlyMap<string, Seen>): string {
  const { name, device, value, unit, stale, timestamp } = metric;
  const label = seen.get(keyOf(metric))!.label;
  const who = [name, device, ...(label === "" ? [] : [label])].map(printable).join("  ");
  const time = timestamp ? timestampDate(timestamp).toISOString() : "-";
  return `${time}  ${who}  ${formatReading(value, unit)}${stale ? "  stale" : ""}\n`;
}

function summarize(seen: ReadonlyMap<string, Seen>, toStderr: boolean): void {
  const rows = [...seen.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const number = (title: string, of: (row: Seen) => number) => {
    return { title, right: true, cell: (row: Seen) => (row.updates > 0 ? formatValue(of(row)) : "-") };
  };
  const table = textTable(
    [
      { title: "SERIES", cell: ({ name }) => printable(name) },
      { title: "DEVICE", cell: ({ device }) => printable(device) },
      ...(rows.some(({ label }) => label !== "")
        ? [{ title: "TAGS", cell: ({ label }: Seen) => printable(label) }]
        : []),
      { title: "UPDATES", right: true, cell: ({ updates }) => String(updates) },
      number("MIN", ({ min }) => min),
      number("AVG", ({ sum, updates }) => sum / updates),
      number("MAX", ({ max }) => max),
      number("LAST", ({ value }) => value),
    ],
    rows,
  );
  const text = table || "no series matched\n";
  (toStderr ? process.stderr : process.stdout).write(text);
}
