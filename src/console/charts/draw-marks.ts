/** What lies under and over the lines: episodes, gaps, limits, annotations. */
import type { Projection } from "./draw-lines.ts";
import { episodeSpans } from "./episode-spans.ts";
import type { Palette } from "./palette.ts";
import type { GapKind, PlotAnnotation, PlotEpisode, PlotGap, PlotThreshold } from "./plot-model.ts";

type Canvas = CanvasRenderingContext2D;

/** In pixels of the canvas. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function drawEpisodes(
  canvas: Canvas,
  episodes: readonly PlotEpisode[],
  projection: Projection,
  box: Box,
  colours: Palette,
  pixelRatio: number,
): void {
  for (const { fromMs, toMs, severity } of episodeSpans(episodes)) {
    const span = visibleSpan(fromMs, toMs, projection, box);
    if (span === undefined) continue;
    canvas.fillStyle = colours.severities[severity];
    canvas.globalAlpha = 0.13;
    canvas.fillRect(span.left, box.top, span.width, box.height);
    canvas.globalAlpha = 1;
    canvas.fillRect(span.left, box.top, span.width, 3 * pixelRatio);
  }
}

const STRIP_PX = 10;

/** "lost" crossed, "late" slanted, "silent" dotted: told apart without colours. Of one among several a strip at the bottom. */
export function drawGaps(
  canvas: Canvas,
  gaps: readonly PlotGap[],
  projection: Projection,
  box: Box,
  colours: Palette,
  pixelRatio: number,
  isOneOfMany: boolean,
): void {
  const height = isOneOfMany ? Math.min(box.height, STRIP_PX * pixelRatio) : box.height;
  for (const { fromMs, toMs, kind } of gaps) {
    const span = visibleSpan(fromMs, toMs, projection, box);
    const leastPx = 2 * pixelRatio;
    // What is lost stays in sight, however short.
    if (span === undefined || (span.width < leastPx && kind !== "lost")) continue;
    const pattern = gapPattern(canvas, kind, gapColour(kind, colours), pixelRatio);
    if (pattern === null) continue;
    canvas.fillStyle = pattern;
    canvas.fillRect(span.left, box.top + box.height - height, Math.max(span.width, leastPx), height);
  }
}

export function drawThresholds(
  canvas: Canvas,
  thresholds: readonly PlotThreshold[],
  projection: Projection,
  box: Box,
  colours: Palette,
  pixelRatio: number,
): void {
  canvas.lineWidth = pixelRatio;
  canvas.textAlign = "right";
  canvas.font = `${11 * pixelRatio}px system-ui, sans-serif`;
  const lineHeight = 14 * pixelRatio;
  const placed: { readonly left: number; readonly y: number }[] = [];
  for (const { value, severity, label = "" } of thresholds) {
    const y = projection.y(value);
    if (!(y >= box.top && y <= box.top + box.height)) continue;
    canvas.strokeStyle = canvas.fillStyle = colours.severities[severity];
    canvas.setLineDash([6 * pixelRatio, 4 * pixelRatio]);
    canvas.beginPath();
    canvas.moveTo(box.left, y);
    canvas.lineTo(box.left + box.width, y);
    canvas.stroke();
    canvas.setLineDash([]);
    if (label === "") continue;
    // At the upper edge it stands below its line; beside those that stand in its place already.
    const isHigh = y < box.top + lineHeight + 2 * pixelRatio;
    const textY = isHigh ? y + lineHeight : y - 3 * pixelRatio;
    const others = placed.filter((other) => Math.abs(other.y - textY) < lineHeight);
    const right = Math.min(box.left + box.width - 4 * pixelRatio, ...others.map(({ left }) => left - 10 * pixelRatio));
    canvas.textBaseline = "alphabetic";
    canvas.fillText(label, right, textY);
    placed.push({ left: right - canvas.measureText(label).width, y: textY });
  }
}

export function drawAnnotations(
  canvas: Canvas,
  annotations: readonly PlotAnnotation[],
  projection: Projection,
  box: Box,
  colours: Palette,
  pixelRatio: number,
): void {
  canvas.strokeStyle = canvas.fillStyle = colours.accent;
  canvas.lineWidth = pixelRatio;
  const bottom = box.top + box.height;
  const size = 5 * pixelRatio;
  for (const { fromMs, toMs } of annotations) {
    const span = visibleSpan(fromMs, toMs ?? fromMs, projection, box);
    if (span === undefined) continue;
    if (toMs !== undefined) {
      canvas.globalAlpha = 0.12;
      canvas.fillRect(span.left, box.top, span.width, box.height);
      canvas.globalAlpha = 1;
      canvas.fillRect(span.left, bottom - 3 * pixelRatio, span.width, 3 * pixelRatio);
    }
    if (fromMs < projection.range.fromMs) continue;
    canvas.setLineDash([3 * pixelRatio, 3 * pixelRatio]);
    canvas.beginPath();
    canvas.moveTo(span.left, box.top);
    canvas.lineTo(span.left, bottom);
    canvas.stroke();
    canvas.setLineDash([]);
    canvas.beginPath();
    canvas.moveTo(span.left - size, bottom);
    canvas.lineTo(span.left + size, bottom);
    canvas.lineTo(span.left, bottom - 1.6 * size);
    canvas.fill();
  }
}

function visibleSpan(fromMs: number, toMs: number, { range, x }: Projection, box: Box) {
  if (toMs < range.fromMs || fromMs > range.toMs) return undefined;
  const left = Math.max(box.left, x(Math.max(fromMs, range.fromMs)));
  const right = Math.min(box.left + box.width, x(Math.min(toMs, range.toMs)));
  return { left, width: Math.max(1, right - left) };
}

function gapColour(kind: GapKind, { severities, dim }: Palette): string {
  return kind === "lost" ? severities.critical : kind === "late" ? severities.medium : dim;
}

const TILE_PX = 8;
const patterns = new Map<string, CanvasPattern | null>();

function gapPattern(canvas: Canvas, kind: GapKind, colour: string, pixelRatio: number): CanvasPattern | null {
  const key = `${kind} ${colour} ${pixelRatio}`;
  const known = patterns.get(key);
  if (known !== undefined) return known;
  const size = Math.round(TILE_PX * pixelRatio);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const ink = tile.getContext("2d")!;
  ink.strokeStyle = ink.fillStyle = colour;
  ink.globalAlpha = 0.45;
  ink.lineWidth = pixelRatio;
  ink.beginPath();
  if (kind === "silent") ink.fillRect(size / 2, size / 2, pixelRatio, pixelRatio);
  else {
    ink.moveTo(0, size);
    ink.lineTo(size, 0);
    if (kind === "lost") {
      ink.moveTo(0, 0);
      ink.lineTo(size, size);
    }
  }
  ink.stroke();
  const pattern = canvas.createPattern(tile, "repeat");
  patterns.set(key, pattern);
  return pattern;
}
