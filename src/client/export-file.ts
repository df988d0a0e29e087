/**
 * A file that is exported to: written to FILE.part, renamed to FILE when it is whole. FILE.progress says how many bytes of
 * the part are good and what comes behind them, so that an export that was cut goes on.
 */
import { access, constants, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { readProgress, removeProgress, syncFolder, writeProgress } from "./progress-file.ts";

const placeSchema = z.object({
  metric: z.string(),
  source: z.string(),
  /** Pairs: an object would not hold every key. */
  tags: z.array(z.tuple([z.string(), z.string()])),
  timeUs: z.int(),
});

/** The point written last. */
export type ExportPlace = z.infer<typeof placeSchema>;

const planSchema = z.object({
  /** The range in Unix microseconds, half open; null: no bound. */
  fromUs: z.int().nullable(),
  toUs: z.int().nullable(),
  /** What was there at the beginning. */
  points: z.int(),
  series: z.int(),
  /** Tags that have a column in CSV. */
  tagColumns: z.array(z.string()),
});

/** What is found out at the beginning of an export, and stays when it goes on. */
export type ExportPlan = z.infer<typeof planSchema>;

const progressSchema = z.object({
  version: z.literal(1),
  /** What was asked, as it was asked: another request must not go on here. */
  asked: z.record(z.string(), z.unknown()),
  plan: planSchema,
  bytes: z.int().min(0),
  points: z.int().min(0),
  after: placeSchema,
});

export type ExportProgress = z.infer<typeof progressSchema>;

export interface ExportFileOptions {
  readonly path: string;
  readonly asked: Readonly<Record<string, unknown>>;
  /** Leave what an export before has written. */
  readonly restart: boolean;
  /** Whether it can go on at all. */
  readonly resumable: boolean;
}

export class ExportFile {
  /** Of the export that goes on; undefined where one begins. */
  readonly resumed: ExportProgress | undefined;
  readonly #options: ExportFileOptions;
  /** Undefined until something is written: an export that is cut before leaves no file. */
  #part: FileHandle | undefined;
  #bytes: number;
  #canGoOn: boolean;

  /**
   * Goes on where an export of the same request was cut, or begins. Throws FAILED_PRECONDITION where there is one of
   * another request, and what the file system refuses.
   */
  static async open(options: ExportFileOptions): Promise<ExportFile> {
    const { path } = options;
    try {
      const resumed = options.restart || !options.resumable ? undefined : await progressOf(options);
      if (resumed === undefined) {
        await access(dirname(path), constants.W_OK);
        await removeProgress(progressPathOf(path));
        return new ExportFile(options, undefined, undefined);
      }
      const part = await open(partOf(path), "r+");
      await part.truncate(resumed.bytes);
      return new ExportFile(options, part, resumed);
    } catch (error) {
      throw writeError(path, error);
    }
  }

  private constructor(options: ExportFileOptions, part: FileHandle | undefined, resumed: ExportProgress | undefined) {
    this.#options = options;
    this.#part = part;
    this.resumed = resumed;
    this.#bytes = resumed?.bytes ?? 0;
    this.#canGoOn = resumed !== undefined;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      const part = await this.#opened();
      for (let at = 0; at < bytes.length;) {
        const { bytesWritten } = await part.write(bytes, at, bytes.length - at, this.#bytes + at);
        at += bytesWritten;
      }
      this.#bytes += bytes.length;
    } catch (error) {
      throw writeError(partOf(this.#options.path), error);
    }
  }

  /** What was written so far is good, and `after` was its last point. First the bytes are on disk, then that they are. */
  async mark(plan: ExportPlan, points: number, after: ExportPlace): Promise<void> {
    const { path, asked, resumable } = this.#options;
    if (!resumable) return;
    try {
      await (await this.#opened()).datasync();
      const progress: ExportProgress = { version: 1, asked, plan, bytes: this.#bytes, points, after };
      await writeProgress(progressPathOf(path), progress);
      this.#canGoOn = true;
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** It is whole: takes its name. Nothing may be written after it. */
  async finish(): Promise<number> {
    const { path } = this.#options;
    try {
      const part = await this.#opened();
      await part.sync();
      await part.close();
      await rename(partOf(path), path);
      await syncFolder(path);
      await removeProgress(progressPathOf(path));
      return this.#bytes;
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** It is not whole. Resolves with whether the same export can go on; if not, what there is is removed. */
  async leave(): Promise<boolean> {
    // Where finishing failed it is closed already.
    await this.#part?.close().catch(() => {});
    if (!this.#canGoOn) await rm(partOf(this.#options.path), { force: true });
    return this.#canGoOn;
  }

  async #opened(): Promise<FileHandle> {
    this.#part ??= await open(partOf(this.#options.path), "w");
    return this.#part;
  }
}

async function progressOf({ path, asked }: ExportFileOptions): Promise<ExportProgress | undefined> {
  const parsed = progressSchema.safeParse(await readProgress(progressPathOf(path)));
  if (!parsed.success) return undefined;
  const size = await stat(partOf(path)).then(
    (found) => found.size,
    () => -1,
  );
  const { data } = parsed;
  if (size < data.bytes) return undefined;
  const other = [...new Set([...Object.keys(asked), ...Object.keys(data.asked)])].find(
    (key) => !Bun.deepEquals(asked[key], data.asked[key]),
  );
  if (other === undefined) return data;
  const [was, now] = [data.asked[other], asked[other]].map((value) => JSON.stringify(value) ?? "not given");
  throw new WatchpostError(
    "FAILED_PRECONDITION",
    `${progressPathOf(path)} is of an export whose ${other} was ${was}, now it is ${now}; give the same, another file or --restart`,
  );
}

function partOf(path: string): string {
  return `${path}.part`;
}

function progressPathOf(path: string): string {
  return `${path}.progress`;
}

function writeError(path: string, error: unknown): WatchpostError {
  if (error instanceof WatchpostError) return error;
  const isFull = (error as NodeJS.ErrnoException).code === "ENOSPC";
  const message = `${path} cannot be written: ${messageOf(error)}`;
  return new WatchpostError(isFull ? "RESOURCE_EXHAUSTED" : "PERMISSION_DENIED", message, { cause: error });
}
