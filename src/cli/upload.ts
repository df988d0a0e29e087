/** `watchpost upload`: files of readings to a server, or a recording as if it happened now. */
import { statSync } from "node:fs";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import pc from "picocolors";
import { batchesOf, type Point } from "../client/batch.ts";
import { readPoints, type BadLine } from "../client/point-file.ts";
import { replayBatches } from "../client/replay.ts";
import { uploadAll, type UploadProgress } from "../client/upload.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
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

const FILES_AT_ONCE = 5;
const BAD_SHOWN_MAX = 10;
/** For sending what was read before Ctrl-C. */
const FLUSH_MS_MAX = 5_000;
const HELP = `
Files are JSON Lines, {"metric":"temperature_f","value":71.2,"timestamp":"2026-01-31T12:00:00Z","tags":{"device":"p1"}},
or CSV with columns metric, value, timestamp, id and a column for each tag; both may be gzipped. "-" is standard input.
Timestamps are ISO 8601 (UTC where they name no zone), or numbers since 1970 in seconds, milliseconds, microseconds or
nanoseconds by their size; without one a point has the time of its arrival. A batch is sent when it is full, or half a
second after its first reading. What is not acknowledged is sent again after a lost connection; Ctrl-C stops reading and
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

interface Totals {
  points: number;
  refused: number;
  badLines: number;
  bytes: number;
  /** In words, of files that could not be read to their end, or had nothing to be read. */
  unread: string[];
}

export function uploadCommand(): Command {
  return addServerOption(new Command("upload"))
    .summary("send readings from files or standard input")
    .description("Sends readings from files or standard input, and waits until they are on the server's disk.")
    .argument("<file...>", "JSON Lines or CSV, also gzipped; - is standard input")
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
  const totals: Totals = { points: 0, refused: 0, badLines: 0, bytes: 0, unread: [] };
  const startedAtMs = performance.now();
  const progress = showProgress(files, totals, startedAtMs);
  const shown: string[] = [];
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined && !signal.aborted; file = waiting.shift()) {
      await uploadFile(file, flags, totals, shown, signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(FILES_AT_ONCE, files.length) }, worker));
  } finally {
    progress.stop();
    tellResult(totals, shown, (performance.now() - startedAtMs) / 1_000, signal.aborted);
  }
  if (signal.aborted) process.exitCode = 130;
  else if (totals.unread.length > 0) process.exitCode = 1;
  else if (flags.strict && totals.refused + totals.badLines > 0) process.exitCode = 1;
}

async function uploadFile(
  file: string,
  flags: UploadFlags,
  totals: Totals,
  shown: string[],
  signal: AbortSignal,
): Promise<void> {
  const show = (line: string) => void (shown.length < BAD_SHOWN_MAX && shown.push(line));
  let readBytes = 0;
  let badLines = 0;
  const points = readPoints(file, {
    signal,
    onBytes: (bytes) => {
      totals.bytes += bytes - readBytes;
      readBytes = bytes;
    },
    onBadLine: ({ line, reason }: BadLine) => {
      totals.badLines++;
      badLines++;
      show(`${file}:${line} ${reason}`);
    },
  });
  const connection = connectTo(flags.server);
  let before: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };
  try {
    const batches = flags.replay ? replayed(points, flags, signal) : batchesOf(points, flags.source, flags.batch);
    await uploadAll(connection, batches, {
      signal: delayedSignal(signal, FLUSH_MS_MAX),
      onRetry: retryTeller(flags.server),
      onProgress: (progress) => {
        totals.points += progress.points - before.points;
        totals.refused += progress.pointsFailed - before.pointsFailed;
        before = progress;
        for (const { batchIndex, pointIndex, reason } of progress.refused) {
          show(`${file}: batch ${batchIndex}, point ${pointIndex}: ${reason}`);
        }
      },
    });
    if (badLines > 0 && before.points + before.pointsFailed === 0)
      totals.unread.push(`${file} has no line with a reading`);
  } catch (error) {
    if (signal.aborted) return;
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    totals.unread.push(`${file} cannot be read: ${messageOf(error)}`);
  } finally {
    connection.close();
  }
}

/** A replay needs all of a recording in order of time; one that breaks off is played as far as it could be read. */
async function* replayed(points: AsyncIterable<Point>, { source, speed, rebaseNow }: UploadFlags, signal: AbortSignal) {
  const recording: Point[] = [];
  let failure: { error: unknown } | undefined;
  try {
    for await (const point of points) recording.push(point);
  } catch (error) {
    failure = { error };
  }
  yield* replayBatches(recording, { source, speed, rebaseToMs: rebaseNow ? Date.now() : undefined, signal });
  if (failure !== undefined) throw failure.error;
}

function showProgress(files: readonly string[], totals: Totals, startedAtMs: number): { stop(): void } {
  if (process.stderr.isTTY !== true) return { stop() {} };
  const size = files.reduce((sum, file) => sum + (file === "-" ? 0 : sizeOf(file)), 0);
  const format = `{bar} {percentage}%  {points} points  {rate}/s  {refused} refused`;
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, hideCursor: true });
  const payload = () => {
    const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1_000);
    return { points: grouped(totals.points), rate: grouped(totals.points / seconds), refused: grouped(totals.refused) };
  };
  bar.start(Math.max(1, size), 0, payload());
  const timer = setInterval(() => bar.update(Math.min(totals.bytes, Math.max(1, size)), payload()), 200);
  return {
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function tellResult(totals: Totals, shown: readonly string[], seconds: number, interrupted: boolean): void {
  const { points, refused, badLines, unread } = totals;
  for (const line of shown) console.error(pc.yellow(line));
  const hidden = refused + badLines - shown.length;
  if (hidden > 0) console.error(pc.yellow(`… and ${grouped(hidden)} more`));
  for (const sentence of unread) console.error(`${pc.red("error:")} ${sentence}`);
  const rate = grouped(points / Math.max(seconds, 0.001));
  const bad = badLines > 0 ? `, ${grouped(badLines)} bad lines skipped` : "";
  const end = interrupted ? "interrupted: " : "";
  console.error(
    `${end}${grouped(points)} points stored, ${grouped(refused)} refused${bad}, ${seconds.toFixed(1)} s, ${rate}/s`,
  );
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
