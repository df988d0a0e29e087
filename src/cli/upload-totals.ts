/** What became of files that were sent: counted, shown while it goes on, told at the end. */
import { statSync } from "node:fs";
import pc from "picocolors";
import type { Point } from "../client/batch.ts";
import type { BadLine } from "../client/point-file.ts";
import type { UploadProgress } from "../client/upload.ts";
import { WatchpostError } from "../model/errors.ts";
import { grouped, showProgress } from "./point-progress.ts";

const BAD_SHOWN_MAX = 10;

export class UploadTotals {
  points = 0;
  refused = 0;
  badLines = 0;
  bytes = 0;
  /** In words, of files that could not be read to their end. */
  readonly unread: string[] = [];
  readonly #shown: string[] = [];
  readonly #startedAtMs = performance.now();

  /** Whether every line and point was taken. */
  get isClean(): boolean {
    return this.refused + this.badLines === 0;
  }

  addBadLine({ file, line, reason }: BadLine): void {
    this.badLines++;
    this.#show(`${file}:${line} ${reason}`);
  }

  /** Takes the growing totals of one file's upload. */
  progressOf(file: string): (progress: UploadProgress) => void {
    let before: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };
    return (progress) => {
      this.points += progress.points - before.points;
      this.refused += progress.pointsFailed - before.pointsFailed;
      before = progress;
      for (const { batchIndex, pointIndex, reason } of progress.refused) {
        this.#show(`${file}: batch ${batchIndex}, point ${pointIndex}: ${reason}`);
      }
    };
  }

  /** Takes how many bytes of one file were read so far. */
  bytesOf(): (bytes: number) => void {
    let before = 0;
    return (bytes) => {
      this.bytes += bytes - before;
      before = bytes;
    };
  }

  /** The points up to where the file cannot be read any further; that is told at the end. */
  async *readable(points: AsyncIterable<Point>, signal: AbortSignal): AsyncIterable<Point> {
    try {
      yield* points;
    } catch (error) {
      if (signal.aborted || !(error instanceof WatchpostError)) throw error;
      this.unread.push(error.message);
    }
  }

  showProgress(files: readonly string[]): { stop(): void } {
    const size = files.reduce((sum, file) => sum + (file === "-" ? 0 : sizeOf(file)), 0);
    return showProgress(size, {
      done: () => this.bytes,
      points: () => this.points,
      notes: () => `${grouped(this.refused)} refused`,
    });
  }

  tell(interrupted: boolean): void {
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    const { points, refused, badLines, unread } = this;
    for (const line of this.#shown) console.error(pc.yellow(line));
    const hidden = refused + badLines - this.#shown.length;
    if (hidden > 0) console.error(pc.yellow(`… and ${grouped(hidden)} more`));
    for (const sentence of unread) console.error(`${pc.red("error:")} ${sentence}`);
    const rate = grouped(points / Math.max(seconds, 0.001));
    const bad = badLines > 0 ? `, ${grouped(badLines)} bad lines skipped` : "";
    const end = interrupted ? "interrupted: " : "";
    console.error(
      `${end}${grouped(points)} points stored, ${grouped(refused)} refused${bad}, ${seconds.toFixed(1)} s, ${rate}/s`,
    );
  }

  #show(line: string): void {
    if (this.#shown.length < BAD_SHOWN_MAX) this.#shown.push(line);
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
