/**
 * Carries out retention as maintenance of the store, one file a step. A file leaves the catalog first: no query finds
 * it from then on; it is unlinked once no query that is under way may read it and no backup copies it. A crash in between only means that it
 * goes again.
 */
import { formatByteSize } from "../model/byte-size.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { UndeliveredPoints } from "./backlog-protocol.ts";
import type { Block } from "./block.ts";
import type { Catalog } from "./catalog.ts";
import type { LookAtDisk } from "./disk.ts";
import type { PeriodFile } from "./period-file.ts";
import type { Slice } from "./slice.ts";
import { periodStartUs, type Period } from "./period.ts";
import type { Dropped, DiskStats, TierStats } from "./protocol.ts";
import {
  earliestVisibleUs,
  filesTooOld,
  freeFloorBytes,
  planForSpace,
  type DiskLimits,
  type DiskState,
  type DropReason,
} from "./retention-plan.ts";

const CHECK_MS = 60_000;

/** Everything kept at one resolution, in period files of its own. */
export interface Tier {
  readonly name: string;
  /** 0: points as they came. */
  readonly resolutionUs: number;
  readonly catalog: Catalog;
  /** Infinity: kept. */
  readonly ageLimitMs: number;
  /** Whoever works on a file lets go of it. Returns blocks that the catalog has no more and queries may still read. */
  onDetached(file: PeriodFile): readonly Block[];
  /** Before a file goes by age: what is to be kept of it elsewhere. Nothing goes before it has ended. */
  beforeDrop?(file: PeriodFile, slice: Slice): Generator<void, void>;
}

export interface RetentionDeps {
  readonly dir: string;
  /** In the order they are given up when there is no room. */
  readonly tiers: readonly Tier[];
  readonly limits: DiskLimits;
  /** Until {@link Retention.release}: only what the free floor needs goes, for a full disk ends more than a start. */
  readonly isHeld: boolean;
  readonly clock: Clock;
  readonly lookAtDisk: LookAtDisk;
  /** What blocks hold that an upstream has not got. */
  undeliveredIn(blocks: readonly Block[], slice: Slice): Generator<void, UndeliveredPoints>;
  /** What they hold that remote write has not sent. */
  unsentIn(blocks: readonly Block[], slice: Slice): Generator<void, UndeliveredPoints>;
  /** While it is not, nothing goes by age. */
  isClockTrusted(): boolean;
  onDropped(dropped: Dropped): void;
  onGone(blocks: readonly Block[]): void;
  onTrouble(sentence: string): void;
  onWork(): void;
}

/** A period file as the plan sees it. */
interface TierFile {
  readonly tier: Tier;
  readonly file: PeriodFile;
  readonly period: Period;
  readonly part: number;
  readonly newestUs: number;
  readonly bytes: number;
}

/** Out of the catalog, still on the disk. */
interface Leaving {
  readonly file: PeriodFile;
  readonly catalog: Catalog;
  readonly blocks: readonly Block[];
  readonly bytes: number;
  /** It could not be unlinked; tried again with the next check. */
  failed: boolean;
}

export class Retention {
  readonly #deps: RetentionDeps;
  readonly #hasLimits: boolean;
  #leaving: Leaving[] = [];
  #isHeld: boolean;
  #isDue = false;
  #isShort = false;
  #dropped = { points: 0, bytes: 0 };
  #stopTimer = (): void => {};

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
    this.#isHeld = deps.isHeld;
    const { tiers, limits } = deps;
    this.#hasLimits =
      limits.budgetBytes < Infinity || limits.freeFloor !== 0 || tiers.some(({ ageLimitMs }) => ageLimitMs < Infinity);
    if (this.#hasLimits) this.#tick();
  }

  /** The earliest event time of a tier that is served: 0 where it is kept, or the wall clock is not to be believed. */
  earliestVisibleUs({ ageLimitMs }: Pick<Tier, "ageLimitMs">): number {
    const { clock, isClockTrusted } = this.#deps;
    return isClockTrusted() ? earliestVisibleUs(clock.nowMs(), ageLimitMs) : 0;
  }

  release(): void {
    this.#isHeld = false;
  }

  /** Looks again with the next step: something was written, or could not be. */
  check(): void {
    this.#isDue = this.#hasLimits;
    for (const leaving of this.#leaving) leaving.failed = false;
  }

  /**
   * Drops or unlinks at most one file; returns whether it did. `mayWrite`: what must be kept elsewhere can be written.
   * Throws what `beforeDrop` throws: the file stays then.
   */
  *step(mayWrite: boolean, slice: Slice): Generator<void, boolean> {
    if (this.unlinkUnread()) return true;
    if (!this.#isDue) return false;
    if (yield* this.#dropForSpace(slice)) return true;
    if (mayWrite && !this.#isHeld && (yield* this.#dropByAge(slice))) return true;
    this.#isDue = !mayWrite;
    return false;
  }

  /** Unlinks a file that is read no more. Returns whether one is gone. */
  unlinkUnread(): boolean {
    for (const leaving of this.#leaving) {
      const { file, catalog, blocks, failed } = leaving;
      if (failed || file.isFrozen || blocks.some(({ pins }) => pins > 0)) continue;
      try {
        catalog.drop(file);
      } catch (error) {
        leaving.failed = true;
        this.#deps.onTrouble(`${file.name} is given up and cannot be removed: ${messageOf(error)}`);
        continue;
      }
      this.#leaving = this.#leaving.filter((one) => one !== leaving);
      this.#deps.onGone(blocks);
      return true;
    }
    return false;
  }

  /** Names of files that are given up and still on the disk. */
  leavingNames(): string[] {
    return this.#leaving.map(({ file }) => file.name);
  }

  tierStats(): TierStats[] {
    return this.#deps.tiers.map(({ name, resolutionUs, catalog, ageLimitMs }) => {
      let [blocks, points, fromUs, toUs] = [0, 0, Infinity, -Infinity];
      for (const block of catalog.all()) {
        blocks++;
        points += block.points;
        fromUs = Math.min(fromUs, block.fromUs);
        toUs = Math.max(toUs, block.toUs);
      }
      const files = catalog.files();
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      return { name, resolutionUs, files: files.length, blocks, points, bytes, fromUs, toUs, ageLimitMs };
    });
  }

  diskStats(): DiskStats {
    const { limits } = this.#deps;
    const disk = this.#look() ?? { usedBytes: 0, freeBytes: 0, totalBytes: 0 };
    const floorBytes = freeFloorBytes(limits.freeFloor, disk.totalBytes);
    const { points: droppedPoints, bytes: droppedBytes } = this.#dropped;
    return { ...disk, budgetBytes: limits.budgetBytes, freeFloorBytes: floorBytes, droppedPoints, droppedBytes };
  }

  close(): void {
    this.#stopTimer();
    while (this.unlinkUnread());
  }

  #tick(): void {
    this.check();
    this.#stopTimer = this.#deps.clock.after(CHECK_MS, () => this.#tick());
    this.#deps.onWork();
  }

  *#dropForSpace(slice: Slice): Generator<void, boolean> {
    const { tiers, clock } = this.#deps;
    const limits = this.#isHeld ? { ...this.#deps.limits, budgetBytes: Infinity } : this.#deps.limits;
    if (limits.budgetBytes === Infinity && limits.freeFloor === 0) return false;
    const disk = this.#look();
    if (disk === undefined) return false;
    // What leaves is as good as gone: nothing more goes for it.
    const leavingBytes = this.#leaving.reduce((sum, { bytes }) => sum + bytes, 0);
    const usedBytes = disk.usedBytes - leavingBytes;
    const freeBytes = disk.freeBytes + leavingBytes;
    const planned = tiers.map((tier) => ({ files: filesOf(tier), ageLimitMs: tier.ageLimitMs }));
    const { drops, shortBytes } = planForSpace(planned, { ...disk, usedBytes, freeBytes }, limits, clock.nowMs());
    if (drops.length > 0) yield* this.#detach(drops[0].file, drops[0].reason, slice);
    else this.#tellShort(shortBytes);
    return drops.length > 0;
  }

  #look(): DiskState | undefined {
    const { dir, lookAtDisk, onTrouble } = this.#deps;
    try {
      return lookAtDisk(dir);
    } catch (error) {
      onTrouble(`${dir} cannot be looked at, so nothing is dropped for its size: ${messageOf(error)}`);
      return undefined;
    }
  }

  *#dropByAge(slice: Slice): Generator<void, boolean> {
    const { tiers, clock, isClockTrusted } = this.#deps;
    if (!isClockTrusted()) return false;
    for (const tier of tiers) {
      const [oldest] = filesTooOld({ files: filesOf(tier), ageLimitMs: tier.ageLimitMs }, clock.nowMs());
      if (oldest === undefined) continue;
      if (tier.beforeDrop !== undefined) yield* tier.beforeDrop(oldest.file, slice);
      yield* this.#detach(oldest, "age", slice);
      return true;
    }
    return false;
  }

  *#detach({ tier, file, bytes }: TierFile, reason: DropReason, slice: Slice): Generator<void, void> {
    const ofPoints = tier.resolutionUs === 0 ? tier.catalog.ofFile(file) : [];
    const undelivered = yield* this.#deps.undeliveredIn(ofPoints, slice);
    const unsent = yield* this.#deps.unsentIn(ofPoints, slice);
    const blocks = tier.catalog.detach(file);
    const points = blocks.reduce((sum, block) => sum + block.points, 0);
    const fromUs = blocks.reduce((earliest, block) => Math.min(earliest, block.fromUs), Infinity);
    const toUs = blocks.reduce((latest, block) => Math.max(latest, block.toUs), -Infinity);
    const replaced = tier.onDetached(file);
    this.#leaving.push({ file, catalog: tier.catalog, blocks: [...blocks, ...replaced], bytes, failed: false });
    this.#dropped.points += points;
    this.#dropped.bytes += bytes;
    this.#deps.onDropped({
      tier: tier.name,
      file: file.name,
      reason,
      points,
      bytes,
      fromUs,
      toUs,
      undelivered,
      unsent,
    });
  }

  #tellShort(shortBytes: number): void {
    const wasShort = this.#isShort;
    this.#isShort = shortBytes > 0;
    if (!this.#isShort || wasShort) return;
    const missed = `the disk budget or the free floor is missed by ${formatByteSize(shortBytes)}`;
    this.#deps.onTrouble(`${missed}, and nothing more may be dropped: what is left is being written`);
  }
}

/** A file of which not all is known, or that holds nothing, is as new as its period may be. */
function filesOf(tier: Tier): TierFile[] {
  const { catalog } = tier;
  return catalog.files().map((file) => {
    const { period, part, bytes } = file;
    const newestUs = catalog.ofFile(file).reduce((newest, { toUs }) => Math.max(newest, toUs), -Infinity);
    const isKnown = !file.isAtFault && newestUs >= 0;
    return { tier, file, period, part, bytes, newestUs: isKnown ? newestUs : periodStartUs(period + 1) - 1 };
  });
}
