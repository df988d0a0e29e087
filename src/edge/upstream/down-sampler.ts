/**
 * Fewer points upstream: in place of the points of a part go the windows that they touch, each as it is when it is read. The
 * present one has not ended: what touches it waits. A window that changes later, by late points or corrections, is touched
 * again and goes again.
 */
import { readForeignBlock } from "../../codec/foreign-block.ts";
import { blockOfFrame } from "../../codec/frame-block.ts";
import { FRAME_POINTS_MAX } from "../../model/limits.ts";
import type { BacklogBlock, BacklogPart } from "../../store/backlog-protocol.ts";
import type { RangeQuery, RangeResult, StepFunction } from "../../store/protocol.ts";

export interface DownSampling {
  /** Whole milliseconds, at least a second. */
  readonly stepMs: number;
  readonly func: StepFunction;
}

export type ReadRange = (query: RangeQuery, options: { readonly signal: AbortSignal }) => Promise<RangeResult>;

/** Windows of several series, half open. */
export interface Windows {
  readonly seriesIds: number[];
  readonly fromUs: number;
  readonly toUs: number;
}

/** Windows of one query. */
const WINDOWS_MAX = 32_768;
/** Windows that nothing touched and that are asked for all the same, between two that are. */
const GAP_MAX = 64;

export class DownSampler {
  readonly stepMs: number;
  readonly #func: StepFunction;
  readonly #read: ReadRange;

  constructor({ stepMs, func }: DownSampling, read: ReadRange) {
    this.stepMs = stepMs;
    this.#func = func;
    this.#read = read;
  }

  /** What is sent in place of a part, in order; at least one, and the last one delivers. None: it has to wait for the window of `nowMs`. */
  async sampled(part: BacklogPart, nowMs: number, signal: AbortSignal): Promise<BacklogPart[]> {
    if (part.block === null) return [part];
    const stepUs = this.stepMs * 1_000;
    const presentUs = Math.floor(nowMs / this.stepMs) * stepUs;
    const blocks: BacklogBlock[] = [];
    let rows = new Rows();
    const touched = [...touchedWindows(part.block, stepUs)];
    if (touched.some(({ fromUs, toUs }) => fromUs <= presentUs && toUs > presentUs)) return [];
    for (const { seriesIds, fromUs, toUs } of touched) {
      const query = { seriesIds: Uint32Array.from(seriesIds), fromUs, toUs, stepUs, func: this.#func };
      const result = await this.#read({ ...query, pointsMax: WINDOWS_MAX }, { signal });
      if (rows.count + result.values.length > FRAME_POINTS_MAX) {
        blocks.push(rows.block());
        rows = new Rows();
      }
      rows.add(query.seriesIds, result);
    }
    if (rows.count > 0) blocks.push(rows.block());
    if (blocks.length === 0) return [{ ...part, block: null }];
    return blocks.map((block, i) =>
      i === blocks.length - 1 ? { ...part, block } : { ...part, block, delivered: [], unreadable: [] },
    );
  }
}

/** Those that the points of a block lie in, and some between; series with the same ones together. */
export function touchedWindows(
  { index, body }: Pick<BacklogBlock, "index" | "body">,
  stepUs: number,
): Iterable<Windows> {
  const found = new Map<string, Windows>();
  const add = (seriesId: number, fromUs: number, toUs: number) => {
    const room = Math.floor(WINDOWS_MAX / ((toUs - fromUs) / stepUs));
    const key = `${fromUs}-${toUs}`;
    let windows = found.get(key);
    if (windows !== undefined && windows.seriesIds.length >= room) {
      found.set(`${key}/${found.size}`, windows);
      windows = undefined;
    }
    if (windows === undefined) found.set(key, (windows = { seriesIds: [], fromUs, toUs }));
    if (windows.seriesIds.at(-1) !== seriesId) windows.seriesIds.push(seriesId);
  };
  for (const { seriesId, timesUs } of readForeignBlock(index, body).chunks()) {
    let fromUs = Math.floor(timesUs[0] / stepUs) * stepUs;
    let toUs = fromUs + stepUs;
    for (const timeUs of timesUs) {
      if (timeUs < toUs) continue;
      const startUs = Math.floor(timeUs / stepUs) * stepUs;
      const isNear = startUs - toUs <= GAP_MAX * stepUs && startUs + stepUs - fromUs <= WINDOWS_MAX * stepUs;
      if (!isNear) {
        add(seriesId, fromUs, toUs);
        fromUs = startUs;
      }
      toUs = startUs + stepUs;
    }
    add(seriesId, fromUs, toUs);
  }
  return found.values();
}

class Rows {
  readonly #seriesIds: number[] = [];
  readonly #timesUs: number[] = [];
  readonly #values: number[] = [];

  get count(): number {
    return this.#values.length;
  }

  add(seriesIds: Uint32Array, { slots, offsets, timesUs, values }: RangeResult): void {
    for (let i = 0; i < slots.length; i++) {
      for (let row = offsets[i]; row < offsets[i + 1]; row++) {
        if (!Number.isFinite(values[row])) continue;
        this.#seriesIds.push(seriesIds[slots[i]]);
        this.#timesUs.push(timesUs[row]);
        this.#values.push(values[row]);
      }
    }
  }

  block(): BacklogBlock {
    const columns = {
      count: this.count,
      seriesIds: Uint32Array.from(this.#seriesIds),
      timesUs: Float64Array.from(this.#timesUs),
      values: Float64Array.from(this.#values),
    };
    return { ...blockOfFrame(columns, 0), points: this.count };
  }
}
