/** All blocks of all period files, in memory; which of them a query or a merge has to look at. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { compareBlocks, type Block } from "./block.ts";
import { DROPPED_SUFFIX, emptyDropped } from "./dropped-file.ts";
import { OpenFiles } from "./open-files.ts";
import { PeriodFile, UNFINISHED_SUFFIX } from "./period-file.ts";
import { periodStartUs, type Period } from "./period.ts";

const OPEN_FILES_MAX = 32;
/** After the prefix. */
const FILE_NAME = /^-(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])(?:\.([1-9]\d*))?\.db(\.dropped)?$/;
const UNFINISHED = new RegExp(`^-.*\\.db${UNFINISHED_SUFFIX.replace(".", "\\.")}(-journal)?$`);

interface PeriodBlocks {
  readonly fromUs: number;
  readonly toUs: number;
  /** By part; those that cannot be read left out. */
  readonly files: PeriodFile[];
  /** The part of the next file: past every file there is, readable or not. */
  nextPart: number;
  /** Something of it could not be read at opening. */
  isDamaged: boolean;
  /** In order. Replaced, never changed, so that a query may hold on to it. */
  blocks: readonly Block[];
}

export class Catalog {
  readonly #dir: string;
  readonly #prefix: string;
  readonly #fileBytesMax: number;
  readonly #openFiles = new OpenFiles(OPEN_FILES_MAX);
  readonly #periods = new Map<Period, PeriodBlocks>();
  #lastOrd = 0;

  /**
   * Reads the blocks of every period file in `dir` whose name begins with `prefix`; other files there are left alone. A
   * file that cannot be read is told to `onDamage` and kept as it is, and so is one that is missing before a later part of
   * its period. Fails with FAILED_PRECONDITION where a later version wrote one.
   */
  constructor(dir: string, prefix: string, fileBytesMax: number, onDamage: (sentence: string) => void) {
    this.#dir = dir;
    this.#prefix = prefix;
    this.#fileBytesMax = fileBytesMax;
    const names = readdirSync(dir).sort();
    const dropped: { path: string; period: Period }[] = [];
    for (const name of names.filter((each) => each.startsWith(prefix))) {
      const rest = name.slice(prefix.length);
      if (UNFINISHED.test(rest)) rmSync(join(dir, name), { force: true });
      const match = FILE_NAME.exec(rest);
      if (match === null) continue;
      const period = (Number(match[1]) - 1970) * 12 + Number(match[2]) - 1;
      if (match[4] === undefined) this.#load(this.#file(period, Number(match[3] ?? 0)), onDamage);
      else dropped.push({ path: join(dir, name), period });
    }
    for (const { path, period } of dropped) {
      if (this.#periods.has(period)) emptyDropped(path);
      else rmSync(path, { force: true });
    }
    for (const [period, entry] of this.#periods) {
      for (let part = 0; part < entry.nextPart; part++) {
        const { name } = this.#file(period, part);
        if (names.includes(name) || names.includes(name + DROPPED_SUFFIX)) continue;
        entry.isDamaged = true;
        onDamage(`${name} is missing, and a later part of its month is there; its points are not served`);
      }
      entry.files.sort((a, b) => a.part - b.part);
      entry.blocks = [...entry.blocks].sort(compareBlocks);
      for (const { ord } of entry.blocks) this.#lastOrd = Math.max(this.#lastOrd, ord);
    }
  }

  /** Every block, period by period, in order within each. */
  *all(): Generator<Block, void> {
    for (const { blocks } of this.#periods.values()) yield* blocks;
  }

  /** Of one period, in order. */
  ofPeriod(period: Period): readonly Block[] {
    return this.#periods.get(period)?.blocks ?? [];
  }

  periods(): Period[] {
    return [...this.#periods.keys()];
  }

  files(): PeriodFile[] {
    return [...this.#periods.values()].flatMap(({ files }) => files);
  }

  /** Blocks that may hold points of the series in the time range, in order within a period. All inclusive but `toUs`. */
  overlapping(fromUs: number, toUs: number, seriesFrom: number, seriesTo: number): Block[] {
    const found: Block[] = [];
    for (const entry of this.#periods.values()) {
      if (entry.toUs <= fromUs || entry.fromUs >= toUs) continue;
      for (const block of entry.blocks) {
        if (block.toUs < fromUs || block.fromUs >= toUs) continue;
        if (block.seriesTo < seriesFrom || block.seriesFrom > seriesTo) continue;
        found.push(block);
      }
    }
    return found;
  }

  /** Whether blocks of the range could not be read at opening. */
  areMissing(fromUs: number, toUs: number): boolean {
    for (const entry of this.#periods.values()) {
      if (entry.isDamaged && entry.toUs > fromUs && entry.fromUs < toUs) return true;
    }
    return false;
  }

  /** Whether a part of the period was dropped, or cannot be read. */
  lacksParts(period: Period): boolean {
    const entry = this.#periods.get(period);
    return entry !== undefined && entry.files.length < entry.nextPart;
  }

  /** The last log sequence that a block names; -1 where there is none. */
  get lastSeq(): number {
    let last = -1;
    for (const { seqTo } of this.all()) last = Math.max(last, seqTo);
    return last;
  }

  /** Of one period; -1 also where something of it could not be read at opening: nobody knows what that had. */
  sealedThrough(period: Period): number {
    if (this.#periods.get(period)?.isDamaged) return -1;
    return this.ofPeriod(period).reduce((last, { seqTo }) => Math.max(last, seqTo), -1);
  }

  /** Event time of the earliest point there may be; Infinity where there is none. */
  get fromUs(): number {
    let fromUs = Infinity;
    for (const block of this.all()) fromUs = Math.min(fromUs, block.fromUs);
    return fromUs;
  }

  /** Orders up to this one are taken, though no block here has them. */
  skipOrds(through: number): void {
    this.#lastOrd = Math.max(this.#lastOrd, through);
  }

  /** The order of the next sealed generation: after every block there is. */
  nextOrd(): number {
    return ++this.#lastOrd;
  }

  /** The newest file of a period. */
  lastFile(period: Period): PeriodFile | undefined {
    return this.#periods.get(period)?.files.at(-1);
  }

  /** The file of a period that takes new blocks; made where there is none. Throws when it cannot be made. */
  fileFor(period: Period): PeriodFile {
    const entry = this.#entry(period);
    const last = entry.files.at(-1);
    if (last !== undefined && last.isWritable && last.bytes < this.#fileBytesMax) return last;
    const file = this.#file(period, entry.nextPart);
    file.create();
    entry.files.push(file);
    entry.nextPart++;
    return file;
  }

  /** Makes blocks visible to queries, and others invisible, at once. What the files hold is the caller's matter. */
  switch(added: readonly Block[], removed: readonly Block[]): void {
    const gone = new Set(removed);
    for (const period of new Set([...added, ...removed].map(({ file }) => file.period))) {
      const entry = this.#entry(period);
      const kept = entry.blocks.filter((block) => !gone.has(block));
      const came = added.filter(({ file }) => file.period === period);
      entry.blocks = [...kept, ...came].sort(compareBlocks);
    }
  }

  /** Of one file, in order. */
  ofFile(file: PeriodFile): readonly Block[] {
    return this.ofPeriod(file.period).filter((block) => block.file === file);
  }

  /** Forgets a file and returns its blocks: no query finds them and nothing is added any more. It stays on the disk. */
  detach(file: PeriodFile): Block[] {
    const blocks = [...this.ofFile(file)];
    this.switch([], blocks);
    const entry = this.#entry(file.period);
    entry.files.splice(entry.files.indexOf(file), 1);
    // What was damaged in it is gone with it; nobody knows of which file it was where others stay.
    if (entry.files.length === 0) entry.isDamaged = false;
    return blocks;
  }

  /** Removes a detached file from the disk. Throws where it cannot be; it may be tried again. */
  drop(file: PeriodFile): void {
    file.drop(file.part + 1 < this.#entry(file.period).nextPart);
  }

  close(): void {
    for (const file of this.files()) file.close();
  }

  #file(period: Period, part: number): PeriodFile {
    return new PeriodFile(this.#dir, this.#prefix, period, part, this.#openFiles);
  }

  #load(file: PeriodFile, onDamage: (sentence: string) => void): void {
    const entry = this.#entry(file.period);
    entry.nextPart = Math.max(entry.nextPart, file.part + 1);
    const note = (sentence: string) => {
      entry.isDamaged = true;
      onDamage(sentence);
    };
    try {
      entry.blocks = entry.blocks.concat(file.loadBlocks(note));
      entry.files.push(file);
    } catch (error) {
      if (error instanceof WatchpostError) throw error;
      note(`${file.name} cannot be read, its points are not served: ${messageOf(error)}`);
    }
  }

  #entry(period: Period): PeriodBlocks {
    let entry = this.#periods.get(period);
    if (entry === undefined) {
      const [fromUs, toUs] = [periodStartUs(period), periodStartUs(period + 1)];
      entry = { fromUs, toUs, files: [], nextPart: 0, isDamaged: false, blocks: [] };
      this.#periods.set(period, entry);
    }
    return entry;
  }
}
