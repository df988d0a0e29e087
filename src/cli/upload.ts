/** `watchpost upload`: files of readings to a server, or a recording as if it happened now. */
import { Command } from "commander";
import { batchesOf, type Point } from "../client/batch.ts";
import { readPoints } from "../client/point-file.ts";
import { PointStamps } from "../client/point-stamps.ts";
import { replayBatches } from "../client/replay.ts";
import { uploadAll } from "../client/upload.ts";
import { WatchpostError } from "../model/errors.ts";
import { BATCH_POINTS_MAX } from "../model/limits.ts";
import {
  addServerOption,
  connectTo,
  delayedSignal,
  integerArgument,
  interruptSignal,
  retryTeller,
  speedArgument,
} from "./client-flags.ts";
import { UploadTotals } from "./upload-totals.ts";

const FILES_AT_ONCE = 5;
/** For sending what was read before Ctrl-C. */
const FLUSH_MS_MAX = 5_000;
const HELP = `
Files are JSON Lines, {"metric":"temperature_f","value":71.2,"timestamp":"2026-01-31T12:00:00Z","tags":{"device":"p1"}},
or CSV or Parquet with columns metric, value, timestamp, id and one for each tag; text may be packed with gzip or zstd.
What export wrote can be sent too, under this source; import sends it under its own. "-" is standard input.
Timestamps are ISO 8601 (UTC where they name no zone), or numbers since 1970 in seconds, milliseconds, microseconds or
nanoseconds by their size; without one a point has the time at which it was read. A batch is sent when it is full, or half
a second after its first reading. What is not acknowledged is sent again after a lost connection; Ctrl-C stops reading and
sends what was read.

Examples:
  watchpost upload readings.jsonl.gz --source my-gateway
  sensor | watchpost upload - --source kitchen
  watchpost upload machine.jsonl.gz --source lab --replay --speed 300 --rebase-now`;

interface UploadFlags {
  source: string;
  server: string;
  batch: number;
  replay?: boolean;
  speed: number;
  rebaseNow?: boolean;
  strict?: boolean;
}

/** What the files of one command share. */
interface Job {
  readonly flags: UploadFlags;
  readonly totals: UploadTotals;
  readonly signal: AbortSignal;
  readonly stamps: PointStamps;
}

export function uploadCommand(): Command {
  return addServerOption(new Command("upload"))
    .summary("send readings from files or standard input")
    .description("Sends readings from files or standard input, and waits until they are on the server's disk.")
    .argument("<file...>", "JSON Lines, CSV or Parquet, also .gz and .zst; - is standard input")
    .requiredOption("--source <name>", "who sends: part of every series' name")
    .option("--batch <points>", "points in a batch", integerArgument(1, BATCH_POINTS_MAX), 5_000)
    .option("--replay", "keep the time between the readings instead of sending as fast as possible")
    .option("--speed <n>", "with --replay: n times as fast as it happened", speedArgument, 1)
    .option("--rebase-now", "with --replay: move the timestamps so that the first reading happens now")
    .option("--strict", "exit code 1 when a line or a point was refused")
    .addHelpText("after", HELP)
    .action(upload);
}

async function upload(files: string[], flags: UploadFlags): Promise<void> {
  if ((flags.rebaseNow || flags.speed !== 1) && !flags.replay) {
    throw new WatchpostError("INVALID_ARGUMENT", "--speed and --rebase-now go with --replay");
  }
  const signal = interruptSignal();
  const totals = new UploadTotals();
  const progress = totals.showProgress(files);
  const job: Job = { flags, totals, signal, stamps: new PointStamps() };
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined && !signal.aborted; file = waiting.shift()) {
      await uploadFile(file, job);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(FILES_AT_ONCE, files.length) }, worker));
  } finally {
    progress.stop();
    totals.tell(signal.aborted);
  }
  if (signal.aborted) process.exitCode = 130;
  else if (totals.failures.length > 0) process.exitCode = 1;
  else if (flags.strict && !totals.isClean) process.exitCode = 1;
}

async function uploadFile(file: string, job: Job): Promise<void> {
  const { flags, totals, signal, stamps } = job;
  const followed = totals.follow(file);
  const tellRetry = retryTeller(flags.server);
  const reading = { signal, ...followed.reading };
  const connection = connectTo(flags.server);
  try {
    const batches = flags.replay
      ? replayed(readPoints(file, reading), job)
      : batchesOf(readPoints(file, { ...reading, stamps }), flags.source, flags.batch);
    await uploadAll(connection, batches, {
      signal: delayedSignal(signal, FLUSH_MS_MAX),
      onRetry: (retry) => totals.aside(() => tellRetry(retry)),
      onProgress: followed.onProgress,
    });
    followed.end();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    connection.close();
  }
}

/** A replay needs all of a recording in order of time. What has none happens first, when it is sent. */
async function* replayed(points: AsyncIterable<Point>, { flags, stamps, signal }: Job) {
  const { source, speed, rebaseNow } = flags;
  const recording = await Array.fromAsync(points);
  yield* replayBatches(recording, { source, speed, rebaseToMs: rebaseNow ? Date.now() : undefined, stamps, signal });
}
