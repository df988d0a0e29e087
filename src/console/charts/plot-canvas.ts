/** One plot on a canvas: uPlot has the axes, and what lies between them is drawn here from columns as they are. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { isUtc, timeText } from "../format.ts";
import { drawSeries, type Projection } from "./draw-lines.ts";
import { drawAnnotations, drawEpisodes, drawGaps, drawThresholds, type Box } from "./draw-marks.ts";
import { valueExtent } from "./extent.ts";
import { onPaletteChange, palette, seriesDash } from "./palette.ts";
import { marksAt } from "./marks-at.ts";
import type { PlotModel, PlotRange } from "./plot-model.ts";
import { timeTicks, timeTickSpacePx } from "./time-ticks.ts";
import { logTicks, valueTicks } from "./value-ticks.ts";

const LINE_WIDTH_PX = 1.5;
/** The same for all but the widest, so that charts below each other show the same time at the same place. */
const VALUE_AXIS_PX = 58;
const CHARACTER_PX = 7;
/** Beside the values, where a tick's text may reach. */
const RIGHT_PX = 12;
/** What is lower has no room for axes. */
const AXES_FROM_PX = 90;
const NEAR_PX = 4;
/** What says what is at a time stays on the plot: a page that it made wider would jump below a finger. */
const [TIP_WIDTH_PX_MAX, TIP_APART_PX] = [260, 8];

/** Draws while it can be seen; what changed meanwhile is drawn when it comes into view. */
export class PlotCanvas {
  readonly #place: HTMLElement;
  readonly #heightPx: number;
  readonly #seen: IntersectionObserver;
  readonly #sizes: ResizeObserver;
  readonly #crosshair = document.createElement("div");
  readonly #tip = document.createElement("div");
  readonly #chosen = document.createElement("div");
  readonly #forgetPalette: () => void;
  #plot: uPlot | undefined;
  #model: PlotModel | undefined;
  #extent: [number, number] = [0, 1];
  #isLog = false;
  #isSeen = false;
  #isDue = false;

  constructor(place: HTMLElement, heightPx: number) {
    [this.#place, this.#heightPx] = [place, heightPx];
    this.#crosshair.className = "plot-crosshair";
    this.#tip.className = "plot-tip";
    this.#chosen.className = "plot-chosen";
    this.#crosshair.append(this.#tip);
    this.#forgetPalette = onPaletteChange(() => this.#drawSoon());
    this.#seen = new IntersectionObserver((entries) => {
      this.#isSeen = entries.at(-1)!.isIntersecting;
      if (this.#isSeen) this.#drawSoon();
    });
    this.#seen.observe(place);
    this.#sizes = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width);
      if (width > 0 && this.#plot !== undefined && width !== this.#plot.width)
        this.#plot.setSize({ width, height: this.#heightPx });
    });
    this.#sizes.observe(place);
    document.addEventListener("visibilitychange", this.#onVisible);
  }

  close(): void {
    this.#seen.disconnect();
    this.#sizes.disconnect();
    this.#forgetPalette();
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#model = undefined;
  }

  show(model: PlotModel): void {
    this.#model = model;
    this.#drawSoon();
  }

  /** Where the values lie, for the pointer. */
  get over(): HTMLElement | undefined {
    return this.#plot?.over;
  }

  /** Undefined: nowhere. */
  point(timeMs: number | undefined): void {
    const widthPx = this.#plot?.over.clientWidth ?? 0;
    const left = timeMs === undefined ? -1 : this.#leftPx(timeMs);
    const isShown = this.#plot !== undefined && left >= 0 && left <= widthPx;
    this.#crosshair.hidden = !isShown;
    if (!isShown) return;
    const { range } = this.#model!;
    const nearMs = (NEAR_PX / widthPx) * (range.toMs - range.fromMs);
    const isLeft = left > widthPx / 2;
    const roomPx = (isLeft ? left : widthPx - left) - TIP_APART_PX;
    this.#crosshair.style.transform = `translateX(${left}px)`;
    this.#tip.dataset["side"] = isLeft ? "left" : "right";
    this.#tip.style.maxWidth = `${Math.min(TIP_WIDTH_PX_MAX, roomPx)}px`;
    this.#tip.textContent = [timeText(timeMs!, range.toMs), ...marksAt(this.#model!, timeMs!, nearMs)].join("\n");
  }

  choose(range: PlotRange | undefined): void {
    this.#chosen.hidden = range === undefined;
    if (range === undefined) return;
    const [left, right] = [this.#leftPx(range.fromMs), this.#leftPx(range.toMs)];
    Object.assign(this.#chosen.style, { left: `${left}px`, width: `${right - left}px` });
  }

  /** What it looks like now, in pixels of the screen; undefined: nothing was drawn. */
  get canvas(): HTMLCanvasElement | undefined {
    return this.#plot?.ctx.canvas;
  }

  /** What has come meanwhile, also out of view. */
  drawNow(): void {
    this.#isDue = false;
    const model = this.#model;
    const width = this.#place.clientWidth;
    if (model === undefined || width === 0) return;
    this.#extent = valueExtent(model);
    const isLog = model.logScale === true;
    if (this.#plot === undefined || this.#isLog !== isLog) this.#build(width, isLog);
    else this.#plot.setData(this.#frame());
  }

  /** Called when it was drawn, where values may lie elsewhere. */
  onDrawn: (() => void) | undefined;

  /** How far below the upper edge of {@link over} a value lies; NaN where it cannot. */
  topPxOf(value: number): number {
    return this.#plot === undefined ? NaN : this.#plot.valToPos(value, "y");
  }

  /** Inverse of {@link topPxOf}, beyond the edges, too; NaN before anything was drawn. */
  valueAtPx(topPx: number): number {
    return this.#plot === undefined ? NaN : this.#plot.posToVal(topPx, "y");
  }

  readonly #onVisible = () => this.#drawSoon();

  #leftPx(timeMs: number): number {
    const { range } = this.#model ?? { range: { fromMs: 0, toMs: 1 } };
    return ((timeMs - range.fromMs) / (range.toMs - range.fromMs)) * (this.#plot?.over.clientWidth ?? 0);
  }

  #drawSoon(): void {
    if (this.#isDue || !this.#isSeen || document.hidden || this.#model === undefined) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#isDue && this.drawNow());
  }

  #frame(): uPlot.AlignedData {
    const { fromMs, toMs } = this.#model!.range;
    return [
      [fromMs, toMs],
      [null, null],
    ];
  }

  #build(width: number, isLog: boolean): void {
    this.#plot?.destroy();
    this.#isLog = isLog;
    // uPlot asks while it draws: the colours are those of the theme then.
    const grid = { stroke: () => palette().line, width: 1 };
    const axis = {
      show: this.#heightPx >= AXES_FROM_PX,
      stroke: () => palette().dim,
      grid,
      ticks: grid,
      font: "12px system-ui, sans-serif",
    };
    const plot = new uPlot(
      {
        ...{ width, height: this.#heightPx, ms: 1, legend: { show: false }, cursor: { show: false } },
        padding: [8, RIGHT_PX, 0, 0],
        scales: {
          x: { time: true, range: () => [this.#model!.range.fromMs, this.#model!.range.toMs] },
          y: { distr: isLog ? 3 : 1, range: () => this.#extent },
        },
        axes: [
          {
            ...axis,
            values: (u, ticks, _, __, stepMs) => this.#timeTicks(u, ticks, stepMs),
            space: (_, __, fromMs, toMs, px) => timeTickSpacePx((toMs - fromMs) / px, CHARACTER_PX, timeZone()),
          },
          {
            ...axis,
            values: (_, ticks, __, ___, step) => (isLog ? logTicks(ticks) : valueTicks(ticks, step)),
            size: (_, texts) =>
              Math.max(VALUE_AXIS_PX, 16 + CHARACTER_PX * Math.max(0, ...(texts ?? []).map(({ length }) => length))),
            // Of a long log axis lines at powers of ten are enough.
            ...(isLog && { grid: { ...grid, filter: (_: uPlot, ticks: number[]) => this.#decades(ticks) } }),
          },
        ],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: { drawClear: [(u) => this.#drawBelow(u)], draw: [(u) => this.#drawOver(u)] },
      },
      this.#frame(),
      this.#place,
    );
    plot.over.append(this.#chosen, this.#crosshair);
    this.#chosen.hidden = this.#crosshair.hidden = true;
    this.#plot = plot;
    this.onBuilt?.(plot.over);
  }

  /** Called with where the values lie, each time that is another element. */
  onBuilt: ((over: HTMLElement) => void) | undefined;

  /** One at the edge would be cut off. */
  #timeTicks({ over }: uPlot, ticks: number[], stepMs: number): string[] {
    const { fromMs, toMs } = this.#model!.range;
    const msOfPx = (toMs - fromMs) / (over.clientWidth || this.#place.clientWidth);
    const texts = timeTicks(ticks, stepMs, timeZone());
    const halfPx = (text: string) => (CHARACTER_PX / 2) * Math.max(...text.split("\n").map(({ length }) => length));
    return texts.map((text, i) => (ticks[i] > toMs - (halfPx(text) - RIGHT_PX) * msOfPx ? "" : text));
  }

  #decades(ticks: number[]): (number | null)[] {
    const [low, high] = this.#extent;
    return high / low < 100 ? ticks : ticks.map(decade);
  }

  #drawBelow(plot: uPlot): void {
    const { episodes = [], series, hidden } = this.#model!;
    const [projection, box, colours] = [this.#projection(plot), plot.bbox, palette()];
    within(plot.ctx, box, () => {
      drawEpisodes(plot.ctx, episodes, projection, box, colours, devicePixelRatio);
      const drawn = series.filter(({ key }) => !hidden?.has(key));
      for (const { gaps = [] } of drawn)
        drawGaps(plot.ctx, gaps, projection, box, colours, devicePixelRatio, drawn.length > 1);
    });
  }

  #drawOver(plot: uPlot): void {
    const { series, hidden, thresholds = [], annotations = [] } = this.#model!;
    const [projection, box, colours] = [this.#projection(plot), plot.bbox, palette()];
    within(plot.ctx, box, () => {
      const widthPx = LINE_WIDTH_PX * devicePixelRatio;
      series.forEach((each, i) => {
        if (hidden?.has(each.key)) return;
        const stroke = { colour: colours.series[i % colours.series.length], dash: seriesDash(i), widthPx };
        drawSeries(plot.ctx, each, projection, stroke);
      });
      drawThresholds(plot.ctx, thresholds, projection, box, colours, devicePixelRatio);
      drawAnnotations(plot.ctx, annotations, projection, box, colours, devicePixelRatio);
    });
    this.onDrawn?.();
  }

  #projection({ bbox: { left, top, width, height } }: uPlot): Projection {
    const { range } = this.#model!;
    const [low, high] = this.#extent;
    const perMs = width / (range.toMs - range.fromMs);
    const x = (timeMs: number) => left + (timeMs - range.fromMs) * perMs;
    if (!this.#isLog) {
      const perUnit = height / (high - low);
      return { range, x, y: (value) => top + (high - value) * perUnit };
    }
    const [logLow, logHigh] = [Math.log10(low), Math.log10(high)];
    const perDecade = height / (logHigh - logLow);
    return { range, x, y: (value) => (value > 0 ? top + (logHigh - Math.log10(value)) * perDecade : NaN) };
  }
}

function decade(tick: number): number | null {
  return Number.isInteger(Number(Math.log10(tick).toFixed(9))) ? tick : null;
}

function within(canvas: CanvasRenderingContext2D, { left, top, width, height }: Box, draw: () => void): void {
  canvas.save();
  canvas.beginPath();
  canvas.rect(left, top, width, height);
  canvas.clip();
  draw();
  canvas.restore();
}

function timeZone(): string | undefined {
  return isUtc.peek() ? "UTC" : undefined;
}
