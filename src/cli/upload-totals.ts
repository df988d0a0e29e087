/** What became of files that were sent: counted, shown while it goes on, told at the end. */
import { statSync } from "node:fs";
import pc from "picocolors";
import type { BadLine, ReadOptions } from "../client/point-file.ts";
import type { Refusal, UploadProgress } from "../client/upload.ts";
import { counted } from "./counted.ts";
import { grouped, showProgress, type Progress } from "./point-progress.ts";

/** Of each kind; the others are counted. */
const SHOWN_MAX = 10;

export interface FollowedFile {
  readonly reading: Required<Pick<ReadOptions, "onBytes" | "onBadLine" | "onUnreadable">>;
  onProgress(progress: UploadProgress): void;
  /** All of it was sent: says where nothing of it was stored. */
  end(): void;
}

export class UploadTotals {
  points = 0;
  refused = 0;
  badLines = 0;
  bytes = 0;
  /** In words, of files that could not be read to their end, or of which nothing was stored. */
  readonly failures: string[] = [];
  #badLinesShown = 0;
  #refusedShown = 0;
  #progress: Progress | undefined;
  readonly #startedAtMs = performance.now();

  /** Whether every line and point was taken. */
  get isClean(): boolean {
    return this.refused + this.badLines === 0;
  }

  /** Follows one file: its reading, and the growing totals of its upload. */
  follow(file: string): FollowedFile {
    let [readBytes, badLines] = [0, 0];
    let before: UploadProgress = { batches: 0, points: 0, pointsFailed: 0, refused: [] };
    let hasFailed = false;
    const reading: FollowedFile["reading"] = {
      onBytes: (bytes) => {
        this.bytes += bytes - readBytes;
        readBytes = bytes;
      },
      onBadLine: (bad) => {
        badLines++;
        this.#addBadLine(bad);
      },
      onUnreadable: (sentence) => {
        hasFailed = true;
        this.failures.push(sentence);
      },
    };
    const onProgress = (progress: UploadProgress) => {
      this.points += progress.points - before.points;
      this.refused += progress.pointsFailed - before.pointsFailed;
      before = progress;
      for (const refusal of progress.refused) this.#showRefusal(file, refusal);
    };
    const end = () => {
      const { points, pointsFailed } = before;
      if (hasFailed || points > 0) return;
      if (pointsFailed > 0) this.failures.push(`${file}: none of its points was stored`);
      else if (badLines > 0) this.failures.push(`${file} has no line with a reading that can be sent`);
    };
    return { reading, onProgress, end };
  }

  showProgress(files: readonly string[]): Progress {
    const size = files.reduce((sum, file) => sum + (file === "-" ? 0 : sizeOf(file)), 0);
    this.#progress = showProgress(size, {
      done: () => this.bytes,
      points: () => this.points,
      notes: () => `${grouped(this.refused)} refused`,
    });
    return this.#progress;
  }

  /** Does what prints on stderr, beside the progress that is shown. */
  aside(print: () => void): void {
    if (this.#progress === undefined) print();
    else this.#progress.aside(print);
  }

  tell(interrupted: boolean): void {
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    const { points, refused, badLines, failures } = this;
    const hidden = [
      [badLines - this.#badLinesShown, "bad lines"],
      [refused - this.#refusedShown, "refused points"],
    ] as const;
    for (const [more, what] of hidden) if (more > 0) console.error(pc.yellow(`… and ${grouped(more)} more ${what}`));
    for (const sentence of failures) console.error(`${pc.red("error:")} ${sentence}`);
    const rate = grouped(points / Math.max(seconds, 0.001));
    const bad = badLines > 0 ? `, ${counted(badLines, "bad line")} skipped` : "";
    const end = interrupted ? "interrupted: " : "";
    console.error(
      `${end}${counted(points, "point")} stored, ${grouped(refused)} refused${bad}, ${seconds.toFixed(1)} s, ${rate}/s`,
    );
  }

  #addBadLine({ file, line, reason }: BadLine): void {
    this.badLines++;
    if (this.#badLinesShown >= SHOWN_MAX) return;
    this.#badLinesShown++;
    this.#say(`${file}:${line} ${reason}`);
  }

  #showRefusal(file: string, { line, batch, point, reason }: Refusal): void {
    if (this.#refusedShown >= SHOWN_MAX) return;
    this.#refusedShown++;
    const what = point < 0 ? `batch ${batch}` : `batch ${batch}, point ${point}`;
    this.#say(line === undefined ? `${file}: ${what} refused: ${reason}` : `${file}:${line} refused: ${reason}`);
  }

  #say(line: string): void {
    this.aside(() => console.error(pc.yellow(line)));
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
