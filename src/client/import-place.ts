/**
 * Up to where a file is stored, kept beside it as FILE.import-progress. That it is a little behind does no harm: a point
 * that is there already stays.
 */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import { systemClock } from "../model/system-clock.ts";
import { readProgress, removeProgress, writeProgress } from "./progress-file.ts";

export interface ImportPlaceOptions {
  /** "-" keeps nothing. */
  readonly file: string;
  /** Where to, and how: an import of another kind begins anew. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** Begin anew all the same. */
  readonly restart: boolean;
  /** Hears once that it cannot be kept. */
  onTrouble(sentence: string): void;
  readonly clock?: Clock;
}

const SAVE_EVERY_MS = 1_000;
const progressSchema = z.object({ asked: z.record(z.string(), z.unknown()), line: z.int().min(0) });

export class ImportPlace {
  /** Lines before it are stored; 0 where an import begins. */
  line: number;
  /** Whether all of the file is: nothing has to go on. */
  isDone = false;
  readonly #options: ImportPlaceOptions;
  readonly #clock: Clock;
  readonly #asked: Readonly<Record<string, unknown>>;
  #savedAtMs: number;
  #saving: Promise<void> | undefined;
  #canSave: boolean;

  /** Goes on where the same file, unchanged, was left. */
  static async open(options: ImportPlaceOptions): Promise<ImportPlace> {
    const { file, restart } = options;
    if (file === "-") return new ImportPlace(options, {}, 0);
    const found = await stat(file).catch(() => null);
    const asked = {
      ...options.asked,
      file: resolve(file),
      bytes: found?.size ?? null,
      modifiedMs: found?.mtimeMs ?? null,
    };
    const parsed = progressSchema.safeParse(await readProgress(pathOf(file)));
    const goesOn = !restart && parsed.success && Bun.deepEquals(parsed.data.asked, asked);
    return new ImportPlace(options, asked, goesOn ? parsed.data.line : 0);
  }

  private constructor(options: ImportPlaceOptions, asked: Readonly<Record<string, unknown>>, line: number) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#asked = asked;
    this.#savedAtMs = this.#clock.monotonicMs();
    this.#canSave = options.file !== "-";
    this.line = line;
  }

  /** Lines before this one are stored. Kept once a second, and when it is disposed of. */
  advance(line: number): void {
    this.line = Math.max(this.line, line);
    if (this.#saving !== undefined || this.#clock.monotonicMs() - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#saving = this.#save().finally(() => (this.#saving = undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#saving;
    if (!this.isDone && this.line > 0) await this.#save();
    if (this.isDone && this.#canSave) await removeProgress(pathOf(this.#options.file)).catch(() => {});
  }

  async #save(): Promise<void> {
    if (!this.#canSave) return;
    const path = pathOf(this.#options.file);
    try {
      await writeProgress(path, { asked: this.#asked, line: this.line });
      this.#savedAtMs = this.#clock.monotonicMs();
    } catch (error) {
      this.#canSave = false;
      this.#options.onTrouble(`${path} cannot be written (${messageOf(error)}): the import begins anew if it is cut`);
    }
  }
}

function pathOf(file: string): string {
  return `${file}.import-progress`;
}
