/** What became of files that were sent: counted, shown while it goes on, told at the end. */
import { statSync } from "node:fs";
import pc from "picocolors";
import type { BadLine, ReadOptions } from "../client/point-file.ts";
import type { UploadProgress } from "../client/upload.ts";
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

  /** Follows the reading of one file. */
  reading(): Pick<ReadOptions, "onBytes" | "onBadLine" | "onUnreadable"> {
    let before = 0;
    return {
      onBytes: (bytes) => {
        this.bytes += bytes - before;
        before = bytes;
      },
      onBadLine: (bad) => this.addBadLine(bad),
      onUnreadable: (sentence) => void this.unread.push(sentence),
    };
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
