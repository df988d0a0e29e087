/** What became of files that were sent: counted, shown while it goes on, told at the end. */
import { statSync } from "node:fs";
import pc from "picocolors";
import type { BadLine, ReadOptions } from "../client/point-file.ts";
import type { UploadProgress } from "../client/upload.ts";
import { grouped, showProgress } from "./point-progress.ts";

const BAD_SHOWN_MAX = 10;

export interface FollowedFile {
  readonly reading: Pick<ReadOptions, "onBytes" | "onBadLine" | "onUnreadable">;
  onProgress(progress: UploadProgress): void;
  /** All of it was sent: says where it had nothing but bad lines. */
  end(): void;
}

export class UploadTotals {
  points = 0;
  refused = 0;
  badLines = 0;
  bytes = 0;
  /** In words, of files that could not be read to their end, or had nothing to be read. */
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

  /** Follows one file: its reading, and the growing totals of its upload. */
  follow(file: string): FollowedFile {
    let [readBytes, badLines] = [0, 0];
    let before: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };
    let isUnread = false;
    const reading: FollowedFile["reading"] = {
      onBytes: (bytes) => {
        this.bytes += bytes - readBytes;
        readBytes = bytes;
      },
      onBadLine: (bad) => {
        badLines++;
        this.addBadLine(bad);
      },
      onUnreadable: (sentence) => {
        isUnread = true;
        this.unread.push(sentence);
      },
    };
    const onProgress = (progress: UploadProgress) => {
      this.points += progress.points - before.points;
      this.refused += progress.pointsFailed - before.pointsFailed;
      before = progress;
      for (const { batchIndex, pointIndex, reason } of progress.refused) {
        this.#show(`${file}: batch ${batchIndex}, point ${pointIndex}: ${reason}`);
      }
    };
    const end = () => {
      if (isUnread || badLines === 0 || before.points + before.pointsFailed > 0) return;
      this.unread.push(`${file} has no line with a reading`);
    };
    return { reading, onProgress, end };
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
