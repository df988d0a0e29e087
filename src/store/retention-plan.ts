/**
 * Chooses which period files go: those that are older than their tier's limit, and the oldest ones where the disk
 * budget is used up or the disk is nearly full. Files go whole; those of a period in order of part.
 */
import { periodOf, type Period } from "./period.ts";

const HOUR_US = 3_600_000_000;
/** What stays free of a disk that somebody else fills. */
const FLOOR_BYTES_LEAST = 100 * 1000 * 1000;
const FLOOR_SHARE = 0.05;
/** More goes than must, so that the next block written is not over the bound again. */
const BUDGET_SPARE = 0.05;
const FLOOR_SPARE = 0.1;

/** Why a file went: its points were too old, the budget was used up, the disk was nearly full. */
export type DropReason = "age" | "budget" | "floor";

export interface RetainedFile {
  readonly period: Period;
  readonly part: number;
  /** Event time of its newest point. */
  readonly newestUs: number;
  readonly bytes: number;
}

export interface RetainedTier<F extends RetainedFile> {
  readonly files: readonly F[];
  /** Infinity: kept. */
  readonly ageLimitMs: number;
}

export interface DiskState {
  /** Everything in the data directory. */
  readonly usedBytes: number;
  /** Of the file system: what is free to this process, and all of it. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface DiskLimits {
  /** Infinity: none. */
  readonly budgetBytes: number;
  /** 0: none. "auto": 100 MB or 5 % of the file system, whichever is more, and no more than half of it. */
  readonly freeFloor: number | "auto";
}

export interface SpacePlan<F> {
  readonly drops: readonly { readonly file: F; readonly reason: DropReason }[];
  /** Bytes by which a bound is missed though nothing more may go; 0 when both are kept. */
  readonly shortBytes: number;
}

/** The earliest event time that is served and taken under an age limit: whole hours, so that no rollup row is cut. */
export function earliestVisibleUs(nowMs: number, ageLimitMs: number): number {
  const limitUs = (nowMs - ageLimitMs) * 1000;
  return limitUs > 0 ? limitUs - (limitUs % HOUR_US) : 0;
}

/** The files of a tier whose newest point is older than its limit. */
export function filesTooOld<F extends RetainedFile>({ files, ageLimitMs }: RetainedTier<F>, nowMs: number): F[] {
  const oldestUs = (nowMs - ageLimitMs) * 1000;
  const kept = new Set<Period>();
  return inOrder(files).filter((file) => {
    if (file.newestUs >= oldestUs) kept.add(file.period);
    return !kept.has(file.period);
  });
}

/**
 * What goes so that the budget and the floor are kept: the oldest files of the first tier, then of the next. Of every
 * tier the newest file and the one that takes the points of `nowMs` stay.
 *
 * Where a floor is out of reach with all that may go, because others fill the disk, only 100 MB are kept free: losing
 * everything would not help them.
 */
export function planForSpace<F extends RetainedFile>(
  tiers: readonly RetainedTier<F>[],
  disk: DiskState,
  limits: DiskLimits,
  nowMs: number,
): SpacePlan<F> {
  const droppable = tiers.flatMap(({ files }) => droppableOf(files, periodOf(nowMs * 1000)));
  const droppableBytes = droppable.reduce((sum, { bytes }) => sum + bytes, 0);
  const { budgetBytes } = limits;
  let floorBytes = freeFloorBytes(limits.freeFloor, disk.totalBytes);
  if (disk.freeBytes + droppableBytes < floorBytes) floorBytes = Math.min(floorBytes, FLOOR_BYTES_LEAST);

  let { usedBytes, freeBytes } = disk;
  const usedMax = usedBytes > budgetBytes ? budgetBytes * (1 - BUDGET_SPARE) : Infinity;
  const freeMin = freeBytes < floorBytes ? floorBytes * (1 + FLOOR_SPARE) : 0;
  const drops: { file: F; reason: DropReason }[] = [];
  for (const file of droppable) {
    if (usedBytes <= usedMax && freeBytes >= freeMin) break;
    drops.push({ file, reason: usedBytes > usedMax ? "budget" : "floor" });
    usedBytes -= file.bytes;
    freeBytes += file.bytes;
  }
  return { drops, shortBytes: Math.max(0, usedBytes - budgetBytes, floorBytes - freeBytes) };
}

/** The floor in bytes on a file system of that size. */
export function freeFloorBytes(freeFloor: number | "auto", totalBytes: number): number {
  if (freeFloor !== "auto") return freeFloor;
  return Math.min(Math.max(FLOOR_BYTES_LEAST, totalBytes * FLOOR_SHARE), totalBytes / 2);
}

function droppableOf<F extends RetainedFile>(files: readonly F[], now: Period): F[] {
  const ordered = inOrder(files);
  const written = new Set([ordered.at(-1), ordered.findLast(({ period }) => period <= now)]);
  return ordered.filter((file) => !written.has(file));
}

function inOrder<F extends RetainedFile>(files: readonly F[]): F[] {
  return [...files].sort((a, b) => a.period - b.period || a.part - b.part);
}
