/** `watchpost query`: what was stored, as a table, a chart, JSON lines or CSV. */
import { plot } from "asciichart";
import { Command, Option } from "commander";
import { parseTimeUs } from "../client/parse-point.ts";
import { queryRange } from "../client/query.ts";
import { parseDurationMs } from "../model/duration.ts";
import { WatchpostError } from "../model/errors.ts";
import { RangeFunction, type SeriesRange } from "../wire/gen/history_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import {
  addFilterOption,
  addServerOption,
  connectTo,
  durationArgument,
  endQuietlyOnClosedPipe,
  interruptSignal,
  retryTeller,
} from "./client-flags.ts";
import { tellApart } from "./tell-apart.ts";
import { textTable } from "./text-table.ts";
import { formatValue, printable } from "./watch-table.ts";

const ROWS_SHOWN_MAX = 200;
/** For a server that restarts. */
const PATIENCE_MS = 30_000;
const CHART_HEIGHT = 10;
const HELP = `
Times are ISO 8601 (UTC where they name no zone), numbers since 1970, "now", or before now: -15m, -24h, -7d. The range is [from, to).

Examples:
  watchpost query 'temperature_*' --from -1h
  watchpost query cpu --from -24h --step 5m --function max --filter device=web-1
  watchpost query '*' --from 2026-01-01 --to 2026-01-02 --csv > day.csv`;

interface QueryFlags {
  server: string;
  filter?: Record<string, string>;
  from: string;
  to: string;
  step?: number;
  function: string;
  json?: boolean;
  csv?: boolean;
  all?: boolean;
}

export function queryCommand(): Command {
  return addFilterOption(addServerOption(new Command("query")))
    .summary("read back what was stored")
    .description("Reads back what was stored: raw points, or one value a step.")
    .argument("<metric>", "metric name or glob")
    .option("--from <time>", "beginning of the range", "-1h")
    .option("--to <time>", "end of the range", "now")
    .option("--step <duration>", "one value for each step instead of raw points", durationArgument)
    .option("--function <name>", "of a step: avg, min, max, sum, count, first or last", "avg")
    .option("--json", "a JSON line for every point")
    .addOption(new Option("--csv", "comma separated, with a header").conflicts("json"))
    .option("--all", `a table of all rows, not the last ${ROWS_SHOWN_MAX}`)
    .addHelpText("after", HELP)
    .action(query);
}

async function query(metric: string, flags: QueryFlags): Promise<void> {
  endQuietlyOnClosedPipe();
  const nowMs = Date.now();
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  const request = {
    metric,
    filters: flags.filter ?? {},
    from: timestampOfUs(timeUsOf("--from", flags.from, nowMs)),
    to: timestampOfUs(timeUsOf("--to", flags.to, nowMs)),
    stepMs: BigInt(Math.round(flags.step ?? 0)),
    function: functionOf(flags.function),
  };
  try {
    const { series } = await queryRange(connection, request, {
      signal,
      onRetry: retryTeller(flags.server),
      patienceMs: PATIENCE_MS,
    });
    if (flags.json) printJson(series);
    else if (flags.csv) printCsv(series);
    else printTable(series, flags.all === true);
  } finally {
    connection.close();
  }
}

/** Unix microseconds of "now", a time before now such as "-1h", ISO 8601 or a number since 1970. */
function timeUsOf(flag: string, text: string, nowMs: number): number {
  if (text === "now") return nowMs * 1_000;
  try {
    if (text.startsWith("-")) return (nowMs - parseDurationMs(text.slice(1))) * 1_000;
  } catch {
    // Said below, with all that is possible.
  }
  const timeUs = parseTimeUs(text);
  if (timeUs !== undefined) return timeUs;
  const wanted = 'wanted ISO 8601, a number since 1970, "now" or a duration before it such as -1h';
  throw new WatchpostError("INVALID_ARGUMENT", `${flag} is ${JSON.stringify(text)}; ${wanted}`);
}

function functionOf(name: string): RangeFunction {
  const found = RangeFunction[name.toUpperCase() as keyof typeof RangeFunction];
  if (typeof found === "number" && found !== RangeFunction.UNSPECIFIED) return found;
  const wanted = "wanted avg, min, max, sum, count, first or last";
  throw new WatchpostError("INVALID_ARGUMENT", `--function is ${JSON.stringify(name)}; ${wanted}`);
}

function isoOf(timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  const microseconds = Math.round((timeMs % 1) * 1_000);
  return microseconds === 0 ? iso : iso.replace("Z", `${String(microseconds).padStart(3, "0")}Z`);
}

function printJson(series: readonly SeriesRange[]): void {
  for (const { metric, source, device, tags, timesMs, values } of series) {
    const lines = values.map(
      (value, i) => `${JSON.stringify({ metric, value, timestamp: isoOf(timesMs[i]), tags, source, device })}\n`,
    );
    process.stdout.write(lines.join(""));
  }
}

function printCsv(series: readonly SeriesRange[]): void {
  const keys = [...new Set(series.flatMap(({ tags }) => Object.keys(tags)))].sort();
  process.stdout.write(`${["metric", "value", "timestamp", "source", ...keys].map(cell).join(",")}\n`);
  for (const { metric, source, tags, timesMs, values } of series) {
    const rest = [source, ...keys.map((key) => tags[key] ?? "")].map(cell).join(",");
    const lines = values.map((value, i) => `${cell(metric)},${value},${isoOf(timesMs[i])},${rest}\n`);
    process.stdout.write(lines.join(""));
  }
}

function cell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function printTable(series: readonly SeriesRange[], all: boolean): void {
  if (series.length === 0) {
    console.log("no points in this range; watchpost watch '*' shows which series there are");
    return;
  }
  const labels = tellApart(series.map(({ metric, source, ...rest }) => ({ ...rest, name: `${metric}:${source}` })));
  const rows = series.flatMap(({ metric, source, device, timesMs, values }, at) =>
    values.map((value, i) => ({ metric, source, device, label: labels[at], timeMs: timesMs[i], value })),
  );
  const shown = all ? rows : rows.slice(-ROWS_SHOWN_MAX);
  const table = textTable(
    [
      { title: "TIME", cell: ({ timeMs }) => isoOf(timeMs) },
      { title: "METRIC", cell: ({ metric }) => metric },
      { title: "SOURCE", cell: ({ source }) => printable(source) },
      { title: "DEVICE", cell: ({ device }) => printable(device) },
      ...(labels.some((label) => label !== "")
        ? [{ title: "TAGS", cell: ({ label }: (typeof rows)[number]) => printable(label) }]
        : []),
      { title: "VALUE", right: true, cell: ({ value }) => formatValue(value) },
    ],
    shown,
  );
  process.stdout.write(table);
  if (shown.length < rows.length) console.log(`the last ${shown.length} of ${rows.length} rows; --all shows them`);
  if (process.stdout.isTTY === true && series.length <= 2) {
    const width = Math.max(20, (process.stdout.columns ?? 100) - 16);
    for (const [at, { metric, device, values }] of series.entries()) {
      console.log(
        `\n${metric} ${printable(`${device} ${labels[at]}`)}\n${plot(thinned(values, width), { height: CHART_HEIGHT })}`,
      );
    }
  }
}

/** At most `width` values: averages of equal runs. */
function thinned(values: readonly number[], width: number): number[] {
  if (values.length <= width) return [...values];
  return Array.from({ length: width }, (_, i) => {
    const run = values.slice(Math.floor((i * values.length) / width), Math.floor(((i + 1) * values.length) / width));
    return run.reduce((sum, value) => sum + value, 0) / run.length;
  });
}
