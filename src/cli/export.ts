/** `watchpost export`: what was stored, exactly, as a file that import reads back. */
import { Command, Option } from "commander";
import pc from "picocolors";
import { COMPRESSIONS } from "../client/compression.ts";
import type { CallOptions, Connection, Retry } from "../client/connection.ts";
import {
  ExportFile,
  type ExportFileOptions,
  type ExportPlace,
  type ExportPlan,
  type ExportProgress,
} from "../client/export-file.ts";
import { EXPORT_FORMATS, exportPoints, planExport, type ExportOutput, type ExportSelection } from "../client/export.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { addServerOption, connectTo, interruptSignal, retryTeller } from "./client-flags.ts";
import { exportTarget, STDOUT, standardOutput, type ExportTarget } from "./export-target.ts";
import { addMatcherOption, type MatcherInit } from "./filter-flag.ts";
import { grouped, showProgress } from "./point-progress.ts";
import { timeUsOf } from "./time-argument.ts";

const HELP = `
Every point is written with its metric, source, tags, time to the microsecond and value to the last bit, series by series.
The name says what the file becomes: .jsonl, .csv or .parquet, the first two also with .gz or .zst behind. It is written as
FILE.part and renamed when it is whole. An export that was cut goes on when the same command is given again; FILE.progress
remembers where. A Parquet file begins anew. Times are as in query.

Examples:
  watchpost export -o everything.jsonl.zst
  watchpost export 'temperature_*' --filter site=north --from 2026-01-01 --to 2026-02-01 -o january.csv.gz
  watchpost export --from -7d -o week.parquet
  watchpost export cpu -o - | jq .value`;

interface ExportFlags {
  server: string;
  filter?: readonly MatcherInit[];
  from?: string;
  to?: string;
  format?: string;
  compress?: string;
  output: string;
  restart?: boolean;
}

interface Job {
  readonly connection: Connection;
  readonly selection: ExportSelection;
  readonly target: ExportTarget;
  readonly bounds: Pick<ExportPlan, "fromUs" | "toUs">;
  readonly call: CallOptions & { readonly signal: AbortSignal };
}

export function exportCommand(): Command {
  return addMatcherOption(addServerOption(new Command("export")))
    .summary("write what was stored to a file")
    .description("Writes what was stored to a file, exactly: JSON Lines, CSV or Parquet.")
    .argument("[metric]", "metric name or glob", "*")
    .requiredOption("-o, --output <file>", "- is standard output")
    .option("--from <time>", "beginning of the range; without it, of everything")
    .option("--to <time>", "end of the range; without it, of everything")
    .addOption(new Option("--format <name>", "in place of what the file's name says").choices(EXPORT_FORMATS))
    .addOption(new Option("--compress <name>", "how it is packed; of Parquet its pages").choices(COMPRESSIONS))
    .option("--restart", "begin anew where an export before was cut")
    .addHelpText("after", HELP)
    .action(runExport);
}

async function runExport(metric: string, flags: ExportFlags): Promise<void> {
  const { output: path, server, filter = [], from = null, to = null } = flags;
  const target = exportTarget(path, flags.format, flags.compress);
  const nowMs = Date.now();
  const signal = interruptSignal();
  const job: Job = {
    connection: connectTo(server),
    selection: { metric, matchers: filter },
    target,
    bounds: {
      fromUs: from === null ? null : timeUsOf("--from", from, nowMs),
      toUs: to === null ? null : timeUsOf("--to", to, nowMs),
    },
    call: { signal, onRetry: retryTeller(server) },
  };
  try {
    if (path === STDOUT) await toStdout(job);
    else {
      await toFile(job, {
        path,
        asked: { server, metric, filter, from, to, ...target },
        restart: flags.restart === true,
        resumable: target.format !== "parquet",
      });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    job.connection.close();
  }
}

async function toStdout(job: Job): Promise<void> {
  const plan = await planExport(job.connection, job.selection, job.bounds, job.call);
  await write(job, standardOutput(), plan);
}

async function toFile(job: Job, options: ExportFileOptions): Promise<void> {
  const { path, resumable } = options;
  const file = await ExportFile.open(options);
  const { resumed } = file;
  try {
    if (resumed !== undefined) console.error(`${path}: going on after ${grouped(resumed.points)} points`);
    const plan = resumed?.plan ?? (await planExport(job.connection, job.selection, job.bounds, job.call));
    const output = {
      write: (bytes: Uint8Array) => file.write(bytes),
      mark: (points: number, last: ExportPlace) => file.mark(plan, points, last),
    };
    const tell = await write(job, output, plan, resumed);
    tell(path, await file.finish());
  } catch (error) {
    const goesOn = await file.leave();
    if (goesOn) console.error(`${path} is not whole: the same command goes on`);
    else if (!resumable)
      console.error(`${path} was not written: a Parquet file cannot go on, the same command begins anew`);
    throw error;
  }
}

/** Resolves with what tells the result. */
async function write(
  { connection, selection, target, call }: Job,
  output: ExportOutput,
  plan: ExportPlan,
  resume?: ExportProgress,
): Promise<(path: string, bytes: number) => void> {
  const startedAtMs = performance.now();
  const before = resume?.points ?? 0;
  let points = before;
  const notes = new Set<string>();
  const progress = showProgress(plan.points, { done: () => points, points: () => points });
  try {
    const options = {
      ...call,
      onRetry: (retry: Retry) => progress.aside(() => call.onRetry?.(retry)),
      ...target,
      plan,
      onPoints: (now: number) => void (points = now),
      onNote: (note: string) => void notes.add(note),
      onDamage: () => void (process.exitCode = 1),
    };
    await exportPoints(connection, selection, output, resume === undefined ? options : { ...options, resume });
  } finally {
    progress.stop();
    for (const note of notes) console.error(pc.yellow(note));
  }
  return (path, bytes) => {
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const rate = grouped((points - before) / Math.max(seconds, 0.001));
    const what = `${grouped(points)} points of ${grouped(plan.series)} series, ${formatByteSize(bytes)}`;
    console.error(`${path}: ${what}, ${seconds.toFixed(1)} s, ${rate}/s`);
  };
}
