/**
 * `bun run bench [rows…] [--quick] [--runs N] [--minutes N] [--json FILE] [--dir DIR] [--binary FILE]`: what Watchpost reaches on this
 * machine, beside its peers, against the bars it is held to.
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { useTempParent } from "./cleanup.ts";
import { formatBar, formatNumber, say, verdict, type BenchOptions, type BenchRow, type Finding } from "./finding.ts";
import { machineBusy, median } from "./measure.ts";
import { alertsRow } from "./row-alerts.ts";
import { consoleRow } from "./row-console.ts";
import { consoleAlertsRow } from "./row-console-alerts.ts";
import { consoleHeapRow, consoleLiveRow } from "./row-console-live.ts";
import { consoleReplayRow } from "./row-console-replay.ts";
import { drainRow } from "./row-drain.ts";
import { fleetRow } from "./row-fleet.ts";
import { heavyRow } from "./row-heavy.ts";
import { historyRow } from "./row-history.ts";
import { ingestRow } from "./row-ingest.ts";
import { mqttRow } from "./row-mqtt.ts";
import { linesRow } from "./row-lines.ts";
import { nodesRow } from "./row-nodes.ts";
import { partRows } from "./row-parts.ts";
import { pushRow } from "./row-push.ts";
import { sendersRow } from "./row-senders.ts";
import { seriesRow } from "./row-series.ts";
import { sessionsRow } from "./row-sessions.ts";
import { sizeRow } from "./row-size.ts";
import { smallRow } from "./row-small.ts";
import { soakRow } from "./row-soak.ts";
import { startRow } from "./row-start.ts";
import { subscriptionsRow } from "./row-subscriptions.ts";
import { takeErrorsLogged, useBinary, watchpostCommand } from "./server-process.ts";

const ROWS: readonly BenchRow[] = [
  sendersRow,
  ingestRow,
  linesRow,
  smallRow,
  sizeRow,
  seriesRow,
  pushRow,
  subscriptionsRow,
  startRow,
  historyRow,
  drainRow,
  heavyRow,
  mqttRow,
  fleetRow,
  alertsRow,
  sessionsRow,
  nodesRow,
  consoleRow,
  consoleLiveRow,
  consoleAlertsRow,
  consoleReplayRow,
  consoleHeapRow,
  ...partRows,
  soakRow,
];

const BUSY_MAX = 0.1;
const ERRORS_LOGGED = { what: "errors the server logged", unit: "", bar: { sign: "≤", value: 0 } } as const;

interface RowOutcome {
  readonly row: BenchRow;
  readonly findings: readonly Finding[];
  readonly error?: string;
}

async function runRow(row: BenchRow, options: BenchOptions): Promise<RowOutcome> {
  console.log(`\n${row.name}: ${row.about}`);
  const busy = await machineBusy(500);
  if (busy > BUSY_MAX) say(`others use ${(busy * 100).toFixed(0)} % of this machine: the figures will suffer`);
  takeErrorsLogged();
  try {
    const findings = await row.run(options);
    const errors = takeErrorsLogged();
    if (errors > 0) findings.push({ ...ERRORS_LOGGED, runs: [errors] });
    return { row, findings };
  } catch (error) {
    const sentence = error instanceof Error ? error.message : String(error);
    console.log(`  failed: ${sentence}`);
    return { row, findings: [], error: sentence };
  }
}

function printTable(outcomes: readonly RowOutcome[]): void {
  const lines = outcomes.flatMap(({ row, findings, error }) => [
    ...findings.map((finding) => [
      row.name,
      finding.what,
      `${formatNumber(median(finding.runs))} ${finding.unit}`,
      formatBar(finding),
      verdict(finding),
    ]),
    ...(error === undefined ? [] : [[row.name, "failed", error.split("\n")[0].slice(0, 60), "", "FAIL"]]),
  ]);
  const table = [["row", "what", "measured (median)", "bar", ""], ...lines];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  console.log("");
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join("  ")
        .trimEnd(),
    );
}

function asJson(outcomes: readonly RowOutcome[], options: BenchOptions): string {
  const rows = outcomes.map(({ row, findings, error }) => ({
    row: row.name,
    error,
    findings: findings.map((finding) => ({ ...finding, median: median(finding.runs), verdict: verdict(finding) })),
  }));
  const machine = { cpu: cpus()[0].model, cores: cpus().length, memoryBytes: totalmem() };
  return JSON.stringify(
    { at: new Date().toISOString(), machine, server: watchpostCommand().what, options, rows },
    null,
    2,
  );
}

function usage(): string {
  const rows = ROWS.map(({ name, about }) => `  ${name.padEnd(14)} ${about}`);
  return `bun run bench [rows…] [--quick] [--runs N] [--minutes N] [--json FILE] [--dir DIR] [--binary FILE]\n\n${rows.join("\n")}

  --quick        short loads, one run
  --runs N       repeat measurements (default 3, quick 1)
  --minutes N    length of the soak, which runs only when named (default 60, quick 1)
  --json FILE    write the results
  --dir DIR      where data directories are made (default: the system's temporary directory)
  --binary FILE  the executable to measure (default: dist/watchpost where it is newer than src, otherwise the source)`;
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text}: wanted a number above 0`);
  return value;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      runs: { type: "string" },
      minutes: { type: "string" },
      json: { type: "string" },
      dir: { type: "string" },
      binary: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage());
    return 0;
  }
  const unknown = positionals.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(", ")}; there are:\n${usage()}`);
  if (values.dir !== undefined) useTempParent(values.dir);
  if (values.binary !== undefined) useBinary(values.binary);
  const { quick } = values;
  const options: BenchOptions = {
    quick,
    runs: count("runs", values.runs, quick ? 1 : 3),
    minutes: count("minutes", values.minutes, quick ? 1 : 60),
  };
  const chosen = ROWS.filter((row) => (positionals.length > 0 ? positionals.includes(row.name) : !row.onlyByName));
  console.log(`${cpus().length} × ${cpus()[0].model}; Watchpost ${watchpostCommand().what}; ${options.runs} run(s)`);
  const outcomes: RowOutcome[] = [];
  for (const row of chosen) outcomes.push(await runRow(row, options));
  printTable(outcomes);
  if (values.json !== undefined) writeFileSync(values.json, `${asJson(outcomes, options)}\n`);
  return outcomes.some(({ error }) => error !== undefined) ? 1 : 0;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
