/** `watchpost query`: what was stored, as a table, a chart, JSON lines or CSV. */
import { Command, Option } from "commander";
import pc from "picocolors";
import { listSeries } from "../client/catalog.ts";
import type { Connection } from "../client/connection.ts";
import { decimalOf, UNIT_COLUMN } from "../client/point-text.ts";
import { queryRange } from "../client/query.ts";
import { Fill, RangeFunction, type SeriesRange } from "../wire/gen/history_pb.ts";
import { chart } from "./chart.ts";
import { notesOn } from "./annotation-notes.ts";
import type { ChartNote } from "./chart-notes.ts";
import { addServerOption, connectTo, interruptSignal, retryTeller } from "./client-flags.ts";
import { addRangeOptions, rangeRequest, type RangeFlags } from "./query-flags.ts";
import { tellApart } from "./tell-apart.ts";
import { textTable, type Column } from "./text-table.ts";
import { formatReading, printable } from "./watch-table.ts";

const ROWS_SHOWN_MAX = 200;
/** For a server that restarts. */
const PATIENCE_MS = 30_000;
/** What a time to answer in, when it is asked for, leaves for the way. */
const WAY_MS = 5_000;
const CHART_HEIGHT = 10;
const CHARTS_MAX = 2;
/** Steps come at equal times; points as they come. */
const GAP_FACTOR_OF_STEPS = 1.5;
const GAP_FACTOR_OF_POINTS = 3;
/** What picks one of the values that were stored. */
const { MIN, MAX, LAST, FIRST, COUNT } = RangeFunction;
const CHOSEN: ReadonlySet<RangeFunction> = new Set([MIN, MAX, LAST, FIRST, COUNT]);
const RECKONED_DIGITS = 15;
const HELP = `
Stored values are printed exactly by --json and --csv, reckoned ones (means, rates, groups, other units) with 15 digits, and the table has 7.
Times are ISO 8601 (UTC where they name no zone), numbers since 1970, "now", or before now: -15m, -24h, -7d. The range is [from, to).

Examples:
  watchpost query 'temperature_*' --from -1h
  watchpost query cpu --from -24h --step 5m --function max --filter device=web-1
  watchpost query temperature --from -7d --step 1h --group-by site --aggregate max --fill previous
  watchpost query '*' --from -24h --step 5m --function max --top 5 --by max --filter 'site!=test'
  watchpost query temp_f --from -24h --unit °C
  watchpost query '*' --from 2026-01-01 --to 2026-01-02 --csv > day.csv`;

interface QueryFlags extends RangeFlags {
  server: string;
  json?: boolean;
  csv?: boolean;
  all?: boolean;
}

export function queryCommand(): Command {
  return addRangeOptions(addServerOption(new Command("query")))
    .summary("read back what was stored")
    .description("Reads back what was stored: raw points, or one value a step.")
    .argument("<metric>", "metric name or glob")
    .option("--json", "a JSON line for every point")
    .addOption(
      new Option("--csv", "comma separated, with a header, and a column value_unit where sensors have units").conflicts(
        "json",
      ),
    )
    .option("--all", `a table of all rows, not the last ${ROWS_SHOWN_MAX}`)
    .addHelpText("after", HELP)
    .action(query);
}

async function query(metric: string, flags: QueryFlags): Promise<void> {
  const request = rangeRequest(metric, flags, Date.now());
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const { series, notes, damaged, partial } = await queryRange(connection, request, {
      signal,
      onRetry: retryTeller(flags.server),
      patienceMs: PATIENCE_MS,
      ...(flags.timeout === undefined ? {} : { deadlineMs: flags.timeout + WAY_MS }),
    });
    const decimal = isReckoned(flags) ? reckonedDecimalOf : decimalOf;
    if (flags.json) printJson(series, decimal);
    else if (flags.csv) printCsv(series, request.groupBy ?? [], decimal);
    else if (series.length === 0) console.log(await nothingFound(connection, metric, flags, signal));
    else {
      const labels = labelsOf(series, request.groupBy ?? []);
      printTable(series, labels, flags.all === true);
      if (process.stdout.isTTY === true && series.length <= CHARTS_MAX) {
        const notes = await Promise.all(series.map((one) => notesOn(connection, one, request, signal)));
        printCharts(series, labels, notes, flags);
      }
    }
    for (const note of notes) console.error(pc.yellow(note));
    if (damaged || partial) process.exitCode = 1;
  } finally {
    connection.close();
  }
}

function isoOf(timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  const microseconds = Math.round((timeMs % 1) * 1_000);
  return microseconds === 0 ? iso : iso.replace("Z", `${String(microseconds).padStart(3, "0")}Z`);
}

/** Whether values are other than those that were stored. */
function isReckoned({ step, function: func = RangeFunction.AVG, unit, groupBy, fill }: QueryFlags): boolean {
  const isChosen = step === undefined || CHOSEN.has(func);
  return unit !== undefined || groupBy !== undefined || fill === Fill.LINEAR || !isChosen;
}

/** Sixteen and more digits are where the arithmetic of doubles shows: 30.8 would be 30.799999999999976. */
function reckonedDecimalOf(value: number): string {
  return decimalOf(Number(value.toPrecision(RECKONED_DIGITS)));
}

type Decimal = (value: number) => string;

function printJson(series: readonly SeriesRange[], decimal: Decimal): void {
  for (const { metric, source, device, tags, unit, timesMs, values } of series) {
    const start = `{"metric":${JSON.stringify(metric)},"value":`;
    const end = JSON.stringify({ tags, source, device, ...(unit !== "" && { unit }) }).slice(1);
    const lines = values.map(
      (value, i) => `${start}${jsonOf(value, decimal)},"timestamp":"${isoOf(timesMs[i])}",${end}\n`,
    );
    process.stdout.write(lines.join(""));
  }
}

/** JSON.stringify has no -0. */
function jsonOf(value: number, decimal: Decimal): string {
  return Number.isFinite(value) ? decimal(value) : "null";
}

function printCsv(series: readonly SeriesRange[], groupBy: readonly string[], decimal: Decimal): void {
  // Groups name what they are by as tags, though it has columns of its own.
  const fixed = groupBy.length > 0 ? ["metric", "source"] : [];
  const tagKeys = new Set(series.flatMap(({ tags }) => Object.keys(tags)));
  const keys = [...tagKeys].filter((key) => !fixed.includes(key)).sort();
  const hasUnits = series.some(({ unit }) => unit !== "");
  const titles = ["metric", "value", ...(hasUnits ? [UNIT_COLUMN] : []), "timestamp", "source", ...keys];
  process.stdout.write(`${titles.map(cell).join(",")}\n`);
  for (const { metric, source, tags, unit, timesMs, values } of series) {
    const of = hasUnits ? `,${cell(unit)}` : "";
    const rest = [source, ...keys.map((key) => tags[key] ?? "")].map(cell).join(",");
    const lines = values.map((value, i) => `${cell(metric)},${decimal(value)}${of},${isoOf(timesMs[i])},${rest}\n`);
    process.stdout.write(lines.join(""));
  }
}

function cell(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What names each series beside its metric, source and device: of groups all tags, else those that tell it apart. */
function labelsOf(series: readonly SeriesRange[], groupBy: readonly string[]): string[] {
  if (groupBy.length === 0) {
    return tellApart(series.map(({ metric, source, ...rest }) => ({ ...rest, name: `${metric}:${source}` })));
  }
  const keys = groupBy.filter((key) => !["metric", "source", "device"].includes(key));
  return series.map(({ tags }) => keys.map((key) => `${key}=${tags[key] ?? ""}`).join(","));
}

/** Whether it is for want of series or of points. */
async function nothingFound(
  connection: Connection,
  metric: string,
  { filter = [] }: QueryFlags,
  signal: AbortSignal,
): Promise<string> {
  const { total } = await listSeries(connection, { metric, matchers: filter, limit: 1 }, { signal });
  if (total > 0n) {
    const matching = total === 1n ? "1 series matches" : `${total} series match`;
    return `no points in this range, though ${matching}; watchpost series tells when they were seen`;
  }
  const what = filter.length === 0 ? JSON.stringify(metric) : `${JSON.stringify(metric)} and these filters`;
  return `no points in this range: no series matches ${what}; watchpost series tells which there are`;
}

function printTable(series: readonly SeriesRange[], labels: readonly string[], all: boolean): void {
  const rows = series.flatMap(({ metric, source, device, unit, timesMs, values }, at) =>
    values.map((value, i) => ({ metric, source, device, label: labels[at], timeMs: timesMs[i], value, unit })),
  );
  const shown = all ? rows : rows.slice(-ROWS_SHOWN_MAX);
  type Row = (typeof rows)[number];
  const names: Column<Row>[] = [
    { title: "SOURCE", cell: ({ source }) => printable(source) },
    { title: "DEVICE", cell: ({ device }) => printable(device) },
    { title: "TAGS", cell: ({ label }) => printable(label) },
  ];
  const table = textTable(
    [
      { title: "TIME", cell: ({ timeMs }) => isoOf(timeMs) },
      { title: "METRIC", cell: ({ metric }) => metric },
      // Groups have no source or device unless they are by these.
      ...names.filter(({ cell }) => rows.some((row) => cell(row) !== "")),
      { title: "VALUE", right: true, cell: ({ value, unit }) => formatReading(value, unit) },
    ],
    shown,
  );
  process.stdout.write(table);
  if (shown.length < rows.length) console.log(`the last ${shown.length} of ${rows.length} rows; --all shows them`);
}

function printCharts(
  series: readonly SeriesRange[],
  labels: readonly string[],
  notes: readonly (readonly ChartNote[])[],
  { step, maxPoints }: QueryFlags,
): void {
  const isSteady = step !== undefined && maxPoints === undefined;
  const options = {
    width: (process.stdout.columns || 100) - 1,
    height: CHART_HEIGHT,
    gapFactor: isSteady ? GAP_FACTOR_OF_STEPS : GAP_FACTOR_OF_POINTS,
  };
  for (const [at, one] of series.entries()) {
    const drawn = chart(one, { ...options, notes: notes[at] });
    if (drawn !== "")
      console.log(`\n${one.metric}${unitOf(one)} ${printable(`${one.device} ${labels[at]}`.trim())}\n${drawn}`);
  }
}

function unitOf({ unit }: SeriesRange): string {
  return unit === "" ? "" : ` [${printable(unit)}]`;
}
