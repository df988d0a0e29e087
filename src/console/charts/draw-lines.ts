/** Lines and bands of series on a canvas, no more strokes than there are pixels. */
import { countBelow, countUpTo } from "../data/columns.ts";
import type { Column, PlotRange, PlotSeries } from "./plot-model.ts";

/** From times and values to pixels of the canvas. */
export interface Projection {
  readonly range: PlotRange;
  x(timeMs: number): number;
  y(value: number): number;
}

export interface Stroke {
  readonly colour: string;
  readonly dash: readonly number[];
  readonly widthPx: number;
}

/** As much of a canvas as lines need. */
export interface Pen {
  globalAlpha: number;
  fillStyle: unknown;
  strokeStyle: unknown;
  lineWidth: number;
  lineJoin: unknown;
  setLineDash(segments: number[]): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  stroke(): void;
  fill(): void;
}

/** Points so far apart are seen, each as a dot. */
const DOTS_APART_PX = 12;

export function drawSeries(canvas: Pen, series: PlotSeries, projection: Projection, stroke: Stroke): void {
  const { timesMs, values, mins, maxs } = series;
  const first = Math.max(0, countBelow(timesMs, projection.range.fromMs) - 1);
  const end = Math.min(timesMs.length, countBelow(timesMs, projection.range.toMs) + 1);
  if (first >= end) return;
  const breaks = gapBreaks(series);
  if (mins !== undefined && maxs !== undefined) {
    canvas.globalAlpha = 0.18;
    canvas.fillStyle = stroke.colour;
    drawBand(canvas, timesMs, mins, maxs, first, end, projection, breaks);
    canvas.globalAlpha = 1;
  }
  canvas.strokeStyle = canvas.fillStyle = stroke.colour;
  canvas.lineWidth = stroke.widthPx;
  canvas.lineJoin = "round";
  canvas.setLineDash(stroke.dash.map((px) => px * stroke.widthPx));
  canvas.beginPath();
  tracePath(canvas, timesMs, values, first, end, projection, breaks);
  canvas.stroke();
  canvas.setLineDash([]);
  drawDots(canvas, timesMs, values, first, end, projection, stroke.widthPx, breaks);
}

/** Indices that no line leads to, ascending: the first points behind a gap, which begins at a point. */
export function gapBreaks({ timesMs, gaps = [] }: PlotSeries): readonly number[] {
  return gaps
    .map(({ fromMs }) => countUpTo(timesMs, fromMs))
    .filter((i) => i > 0 && i < timesMs.length)
    .sort((a, b) => a - b);
}

/** Of points that share a column of pixels the first, lowest, highest and last: what all of them together would look like. */
function tracePath(
  canvas: Pen,
  timesMs: Column,
  values: Column,
  first: number,
  end: number,
  { x, y }: Projection,
  breaks: readonly number[],
): void {
  let isDown = false;
  let nextBreak = countBelow(breaks, first + 1);
  for (let i = first; i < end;) {
    if (i === breaks[nextBreak]) {
      isDown = false;
      nextBreak++;
    }
    const value = values[i];
    // Also what lies below a log axis.
    const top = y(value);
    if (!Number.isFinite(top)) {
      isDown = false;
      i++;
      continue;
    }
    const column = Math.round(x(timesMs[i]));
    let [low, high, last] = [value, value, value];
    let next = i + 1;
    while (next < end && next !== breaks[nextBreak] && Math.round(x(timesMs[next])) === column) {
      const other = values[next];
      if (!Number.isFinite(y(other))) break;
      if (other < low) low = other;
      else if (other > high) high = other;
      last = other;
      next++;
    }
    const place = next === i + 1 ? x(timesMs[i]) : column;
    if (isDown) canvas.lineTo(place, top);
    else canvas.moveTo(place, top);
    isDown = true;
    if (next > i + 1) {
      canvas.lineTo(place, y(low));
      canvas.lineTo(place, y(high));
      canvas.lineTo(place, y(last));
    }
    i = next;
  }
}

/** What stands alone, or far enough apart, is a dot: a line of one point is none. */
function drawDots(
  canvas: Pen,
  timesMs: Column,
  values: Column,
  first: number,
  end: number,
  { x, y }: Projection,
  widthPx: number,
  breaks: readonly number[],
): void {
  const areFar = (x(timesMs[end - 1]) - x(timesMs[first])) / (end - first) > DOTS_APART_PX * widthPx;
  const isJoined = (a: number, b: number) =>
    a >= first && b < end && !breaks.includes(b) && values[a] === values[a] && values[b] === values[b];
  // Where there are more than pixels nothing stands alone that could be seen as such.
  if (!areFar && breaks.length === 0 && end - first > 2) return;
  canvas.beginPath();
  for (let i = first; i < end; i++) {
    if (!Number.isFinite(y(values[i])) || (!areFar && (isJoined(i - 1, i) || isJoined(i, i + 1)))) continue;
    const [left, top] = [x(timesMs[i]), y(values[i])];
    canvas.moveTo(left + 2 * widthPx, top);
    canvas.arc(left, top, 1.6 * widthPx, 0, 2 * Math.PI);
  }
  canvas.fill();
}

function drawBand(
  canvas: Pen,
  timesMs: Column,
  mins: Column,
  maxs: Column,
  first: number,
  end: number,
  { x, y }: Projection,
  breaks: readonly number[],
): void {
  canvas.beginPath();
  const stops = [...breaks.filter((i) => i > first && i < end), end];
  let from = first;
  for (const to of stops) {
    for (let i = from; i < to; i++) canvas.lineTo(x(timesMs[i]), y(maxs[i]));
    for (let i = to - 1; i >= from; i--) canvas.lineTo(x(timesMs[i]), y(mins[i]));
    canvas.closePath();
    if (to < end) canvas.moveTo(x(timesMs[to]), y(maxs[to]));
    from = to;
  }
  canvas.fill();
}
