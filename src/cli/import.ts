/** `watchpost import`: files that export wrote, or others with a source a line, to a server. */
import { Command } from "commander";
import pc from "picocolors";
import { ImportPlace } from "../client/import-place.ts";
import { batchesBySource } from "../client/import.ts";
import { readPoints } from "../client/point-file.ts";
import { PointStamps } from "../client/point-stamps.ts";
import { uploadAll } from "../client/upload.ts";
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal, retryTeller } from "./client-flags.ts";
import { grouped } from "./point-progress.ts";
import { UploadTotals } from "./upload-totals.ts";

const HELP = `
Files are what export writes: JSON Lines, CSV (also packed with gzip or zstd) or Parquet, each point with its source; upload
describes the rest. Each point is stored under its own source. A point that is there already stays, so a file may be
imported again. An import that was cut goes on when the same command is given again; FILE.import-progress remembers where.

Examples:
  watchpost import everything.jsonl.zst
  watchpost import january.csv.gz february.csv.gz --server gateway:50051
  watchpost import readings.parquet --source lab      # for points that name no source`;

interface ImportFlags {
  source?: string;
  server: string;
  batch: number;
  strict?: boolean;
  restart?: boolean;
}

/** What the files of one command share. */
interface Job {
  readonly flags: ImportFlags;
  readonly totals: UploadTotals;
  readonly signal: AbortSignal;
  readonly stamps: PointStamps;
}

export function importCommand(): Command {
  return addServerOption(new Command("import"))
    .summary("send what export wrote, each point under its own source")
    .description("Sends readings from files, each under its own source, and waits until they are on the server's disk.")
    .argument("<file...>", "JSON Lines, CSV or Parquet, also .gz and .zst; - is standard input")
    .option("--source <name>", "of points that name none")
    .option("--batch <points>", "points in a batch", integerArgument(1, BATCH_POINTS_MAX), 5_000)
    .option("--strict", "exit code 1 when a line or a point was refused")
    .option("--restart", "begin anew where an import before was cut")
    .addHelpText("after", HELP)
    .action(runImport);
}

/** One file after the other: where two have the same point, the later one counts. */
async function runImport(files: string[], flags: ImportFlags): Promise<void> {
  const signal = interruptSignal();
  const totals = new UploadTotals();
  const progress = totals.showProgress(files);
  const stamps = new PointStamps();
  try {
    for (const file of files) await importFile(file, { flags, totals, signal, stamps });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress.stop();
    totals.tell(signal.aborted);
  }
  if (signal.aborted) process.exitCode = 130;
  else if (totals.failures.length > 0) process.exitCode = 1;
  else if (flags.strict && !totals.isClean) process.exitCode = 1;
}

async function importFile(file: string, { flags, totals, signal, stamps }: Job): Promise<void> {
  await using place = await ImportPlace.open({
    file,
    asked: { server: flags.server, source: flags.source ?? null },
    restart: flags.restart === true,
    onTrouble: (sentence) => totals.aside(() => console.error(pc.yellow(sentence))),
  });
  const goesOn = place.line > 0;
  if (goesOn) totals.aside(() => console.error(`${file}: going on at line ${grouped(place.line)}`));
  const fileTotals = totals.follow(file);
  const points = readPoints(file, { signal, fromLine: place.line, stamps, ...fileTotals.reading });
  const batches = batchesBySource(points, {
    size: flags.batch,
    source: flags.source,
    onBad: (line, reason) => fileTotals.reading.onBadLine({ file, line, reason }),
  });
  /** Of the batches that are on their way, in order. */
  const safeLines: number[] = [];
  let acked = 0;
  async function* followed() {
    for await (const batch of batches) {
      safeLines.push(batch.safeLine);
      yield batch;
    }
  }
  const connection = connectTo(flags.server);
  const failures = totals.failures.length;
  const tellRetry = retryTeller(flags.server);
  try {
    await uploadAll(connection, followed(), {
      signal,
      onRetry: (retry) => totals.aside(() => tellRetry(retry)),
      onProgress: (progress) => {
        fileTotals.onProgress(progress);
        const stored = safeLines.splice(0, progress.batches - acked).at(-1);
        acked = progress.batches;
        if (stored !== undefined) place.advance(stored);
      },
    });
    if (totals.failures.length === failures) place.isDone = true;
    if (!goesOn) fileTotals.end();
  } finally {
    connection.close();
  }
}
