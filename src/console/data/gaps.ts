/** Stretches without points, and why they have none. Pure. */
import { countOf, dateTimeText } from "../format.ts";
import { countBelow } from "./columns.ts";
import type { Column, PlotGap } from "../charts/plot-model.ts";

/** Of the pauses between points nine of ten are no longer; a gap is so many of these. */
const [USUAL_PART, USUAL_PAUSES] = [0.9, 4];
const LOOKED_AT_MAX = 1_000;
const POINTS_MIN = 5;
const GAPS_MAX = 200;

/** What is known of the way that a source's points come. */
export interface SourceDelivery {
  /** The node that forwards them. */
  readonly over: string;
  readonly isConnected: boolean;
  /** The node has points that did not come yet. */
  readonly isBehind: boolean;
  /** So many it gave up. */
  readonly dropped: number;
  /** Between which times they lie, both inclusive; missing: nobody knows. */
  readonly droppedTimes?: { readonly fromMs: number; readonly toMs: number } | undefined;
}

/** How long a pause is before it is a gap; Infinity where there are too few points to tell. */
export function gapMinMs(timesMs: Column, stepMs: number): number {
  const first = Math.max(0, timesMs.length - LOOKED_AT_MAX);
  const pauses = new Float64Array(Math.max(0, timesMs.length - first - 1));
  if (pauses.length + 1 < POINTS_MIN) return Infinity;
  for (let i = 0; i < pauses.length; i++) pauses[i] = timesMs[first + i + 1] - timesMs[first + i];
  pauses.sort();
  return USUAL_PAUSES * Math.max(stepMs, pauses[Math.floor(pauses.length * USUAL_PART)]);
}

/** The latest first; open to the end while its series is silent now. Nothing is said of what lies before its first point. */
export function silencesOf(timesMs: Column, minMs: number, range: { fromMs: number; toMs: number }): PlotGap[] {
  const count = timesMs.length;
  if (count === 0 || minMs === Infinity) return [];
  const gaps: PlotGap[] = [];
  const silence = (fromMs: number, toMs: number) => gaps.push({ fromMs, toMs, kind: "silent", reason: SILENT });
  const lastMs = timesMs[count - 1];
  if (range.toMs - lastMs > minMs) silence(lastMs, Infinity);
  const first = Math.max(1, countBelow(timesMs, range.fromMs));
  for (let i = count - 1; i >= first && gaps.length < GAPS_MAX; i--)
    if (timesMs[i] - timesMs[i - 1] > minMs) silence(timesMs[i - 1], timesMs[i]);
  return gaps;
}

/**
 * A silence seen with what is known of the source: may it still come, was it given up, or was nothing sent. In order, without
 * room between: where what was given up is the smaller part of it, the rest stays silent.
 */
export function explained(gap: PlotGap, delivery: SourceDelivery | undefined): PlotGap[] {
  if (delivery === undefined) return [gap];
  const { over, isConnected, isBehind, dropped, droppedTimes } = delivery;
  const isOpen = gap.toMs === Infinity;
  if (isOpen && !isConnected)
    return [{ ...gap, kind: "late", reason: `${over} is not connected; what it has may still come` }];
  if (isBehind) return [{ ...gap, kind: "late", reason: `${over} has points that did not come yet` }];
  if (dropped === 0) return [gap];
  const gaveUp = `${over} gave up ${countOf(dropped, "point")} of this source`;
  if (droppedTimes === undefined) return [{ ...gap, kind: "lost", reason: `${gaveUp}, which may be these` }];
  const { fromMs, toMs } = droppedTimes;
  if (toMs <= gap.fromMs || fromMs >= gap.toMs) return [gap];
  const reason = `${gaveUp}, of ${dateTimeText(fromMs)} to ${dateTimeText(toMs)}`;
  const [lostFromMs, lostToMs] = [Math.max(fromMs, gap.fromMs), Math.min(toMs, gap.toMs)];
  // Points lie apart: less than that may be nothing but the pause to the next one.
  const isRest = (restMs: number) => restMs > lostToMs - lostFromMs;
  const startMs = isRest(lostFromMs - gap.fromMs) ? lostFromMs : gap.fromMs;
  const endMs = isRest(gap.toMs - lostToMs) ? lostToMs : gap.toMs;
  return [
    ...(startMs > gap.fromMs ? [{ ...gap, toMs: startMs }] : []),
    { ...gap, fromMs: startMs, toMs: endMs, kind: "lost", reason },
    ...(endMs < gap.toMs ? [{ ...gap, fromMs: endMs }] : []),
  ];
}

const SILENT = "nothing was sent";
