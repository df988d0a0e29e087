/** Files of what a chart shows. */
import { fileName } from "../parts/file-name.ts";
import { saveFile } from "../parts/save-file.ts";
import { longTimeText } from "../format.ts";
import { csvOf } from "./csv.ts";
import { palette } from "./palette.ts";
import type { PlotRange, PlotSeries } from "./plot-model.ts";

export interface Shown {
  readonly title: string;
  readonly series: readonly ShownSeries[];
  readonly range: PlotRange;
}

export interface ShownSeries extends PlotSeries {
  /** Its place among all, those that are hidden too: of its colour. */
  readonly index: number;
}

const [LINE_PX, MARGIN_PX, KEY_PX] = [20, 16, 10];

export function saveCsv({ title, series, range }: Shown): void {
  saveFile(`${fileName(title, "chart")}.csv`, new Blob([csvOf(series, range)], { type: "text/csv" }));
}

/** `plot`: as it is drawn. Throws where the browser makes no picture of it. */
export async function savePng(plot: HTMLCanvasElement, { title, series, range }: Shown): Promise<void> {
  const ratio = devicePixelRatio;
  const { ink, dim, surface, series: colours } = palette();
  const width = plot.width / ratio + 2 * MARGIN_PX;
  const picture = document.createElement("canvas");
  const canvas = picture.getContext("2d")!;
  const font = (weight: number) => (canvas.font = `${weight} 13px system-ui, sans-serif`);
  font(400);
  const places = wrapped(series, width - 2 * MARGIN_PX, (text) => canvas.measureText(text).width);
  const lines = (places.at(-1)?.line ?? -1) + 1;
  const top = MARGIN_PX + 2 * LINE_PX + 4;
  const bottom = top + plot.height / ratio + 8;
  picture.width = width * ratio;
  picture.height = (bottom + lines * LINE_PX + MARGIN_PX) * ratio;
  canvas.scale(ratio, ratio);
  canvas.fillStyle = surface;
  canvas.fillRect(0, 0, picture.width, picture.height);
  canvas.textBaseline = "top";
  canvas.fillStyle = ink;
  font(600);
  canvas.fillText(title, MARGIN_PX, MARGIN_PX);
  canvas.fillStyle = dim;
  font(400);
  canvas.fillText(rangeText(range), MARGIN_PX, MARGIN_PX + LINE_PX);
  canvas.drawImage(plot, MARGIN_PX, top, plot.width / ratio, plot.height / ratio);
  for (const { series: each, left, line } of places) {
    const y = bottom + line * LINE_PX;
    canvas.fillStyle = colours[each.index % colours.length];
    canvas.fillRect(MARGIN_PX + left, y + 3, KEY_PX, KEY_PX);
    canvas.fillStyle = ink;
    canvas.fillText(each.label, MARGIN_PX + left + KEY_PX + 6, y);
  }
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the browser makes no picture of so large a chart");
  saveFile(`${fileName(title, "chart")}.png`, blob);
}

function rangeText({ fromMs, toMs }: PlotRange): string {
  return `${longTimeText(fromMs)} – ${longTimeText(toMs)}`;
}

/** The names of series in lines no wider than `width`. */
function wrapped(series: readonly ShownSeries[], width: number, widthOf: (text: string) => number) {
  let [left, line] = [0, 0];
  return series.map((each) => {
    const needed = widthOf(each.label) + KEY_PX + 6 + 18;
    if (left > 0 && left + needed > width) [left, line] = [0, line + 1];
    const place = { series: each, left, line };
    left += needed;
    return place;
  });
}
