import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { palette } from "../../../charts/palette.ts";
import type { Severity } from "../../../charts/plot-model.ts";
import { timeText, decimalText } from "../../../format.ts";
import type { ToldKey } from "../../../key-sequence.ts";
import { useKeys } from "../../../keys.ts";
import { severityOf } from "../thresholds.ts";
import { cellAfter, heatCells, strengthOf, type CellPlace, type HeatCells } from "./heat-cells.ts";
import { Label } from "./label.tsx";
import { More } from "./more.tsx";
import { unitOf, type PanelProps } from "./panel-props.ts";
import { TimeLine } from "./time-line.tsx";

const HEAT_KEYS: readonly ToldKey[] = [
  { keys: "← → ↑ ↓", label: "Look at a value of the heat map that has the focus" },
  { keys: "Home End", label: "The first of its series, or the newest" },
];
const SHOWN_MAX = 60;
const WEAKEST = 0.08;
/** Smaller cells touch. */
const GAP_FROM_PX = 8;
const MARK_PX = 2;

/** A row a series, a column a step: the stronger the colour, the higher the value. */
export function HeatMapPanel({ panel, data }: PanelProps) {
  const { fromMs, toMs, stepMs } = data;
  const series = data.series.slice(0, SHOWN_MAX);
  const alignedMs = Math.floor(fromMs / stepMs) * stepMs;
  const cells = useMemo(() => heatCells(series, alignedMs, toMs, stepMs), [data.series, alignedMs, toMs, stepMs]);
  const canvas = useRef<HTMLCanvasElement>(null);
  useKeys("Heat maps", [], HEAT_KEYS);
  const [at, setAt] = useState<CellPlace>();
  const [isByKeys, setByKeys] = useState(false);
  const marked = isByKeys ? at : undefined;
  const min = panel.min ?? cells.min;
  const max = panel.max ?? cells.max;
  const strength = (value: number) => strengthOf(value, min, max, panel.logScale);
  useEffect(() => {
    const place = canvas.current!;
    const lookOf = (value: number) => [strength(value), severityOf(value, panel.thresholds)] as const;
    const draw = () => drawCells(place, cells, lookOf, marked);
    // Its first call comes at once.
    const sizes = new ResizeObserver(draw);
    sizes.observe(place);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    const theme = new MutationObserver(draw);
    theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      sizes.disconnect();
      theme.disconnect();
      dark.removeEventListener("change", draw);
    };
  }, [cells, panel, min, max, marked]);
  const unit = series.length > 0 ? unitOf(panel, series[0]) : "";
  const tellCell = ({ offsetX, offsetY, currentTarget }: PointerEvent) => {
    const { clientWidth, clientHeight } = currentTarget as HTMLCanvasElement;
    setByKeys(false);
    setAt({
      row: Math.floor((offsetY / clientHeight) * cells.rows),
      column: Math.floor((offsetX / clientWidth) * cells.columns),
    });
  };
  const goOn = (event: KeyboardEvent) => {
    const next = cellAfter(event.key, at, cells);
    if (next === undefined) return;
    event.preventDefault();
    setByKeys(true);
    setAt(next);
  };
  const textOf = ({ row, column }: CellPlace) => {
    const value = cells.values[row * cells.columns + column];
    if (series[row] === undefined || value === undefined) return "";
    const time = timeText(alignedMs + column * stepMs, toMs);
    const known = Number.isNaN(value) ? "nothing is known" : `${decimalText(value, panel.decimals)} ${unit}`;
    return `${series[row].label}, ${time}: ${known}`;
  };
  return (
    <div class="dash-heat">
      <ul class="dash-heat-names" style={{ "--dash-heat-rows": series.length }}>
        {series.map((each) => (
          <li key={each.key}>
            <Label series={each} />
          </li>
        ))}
      </ul>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${cells.rows} series, from ${decimalText(cells.min, panel.decimals)} to ${decimalText(cells.max, panel.decimals)} ${unit}. Arrows look at a value`}
        tabIndex={0}
        aria-keyshortcuts="ArrowLeft ArrowRight ArrowUp ArrowDown Home End"
        onKeyDown={goOn}
        onBlur={() => setAt(undefined)}
        onPointerMove={tellCell}
        onPointerLeave={() => setAt(undefined)}
      />
      <TimeLine {...{ fromMs: alignedMs, toMs }} />
      <p class="dash-scale dim" aria-live={isByKeys ? "polite" : "off"}>
        {(at && textOf(at)) || (
          <>
            {decimalText(min, panel.decimals)} <span class="dash-ramp" aria-hidden="true" />{" "}
            {decimalText(max, panel.decimals)} {unit}
          </>
        )}
      </p>
      <More count={data.series.length - SHOWN_MAX} />
    </div>
  );
}

function drawCells(
  canvas: HTMLCanvasElement,
  { columns, rows, values }: HeatCells,
  lookOf: (value: number) => readonly [strength: number, severity: Severity | undefined],
  marked: CellPlace | undefined,
): void {
  const { clientWidth, clientHeight } = canvas;
  canvas.width = Math.round(clientWidth * devicePixelRatio);
  canvas.height = Math.round(clientHeight * devicePixelRatio);
  const { accent, ink, severities } = palette();
  const context = canvas.getContext("2d")!;
  const [width, height] = [canvas.width / columns, canvas.height / rows];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column];
      if (Number.isNaN(value)) continue;
      const [strength, severity] = lookOf(value);
      context.globalAlpha = severity === undefined ? WEAKEST + (1 - WEAKEST) * strength : 1;
      context.fillStyle = severity === undefined ? accent : severities[severity];
      const [x, y] = [Math.floor(column * width), Math.floor(row * height)];
      const [right, bottom] = [Math.floor((column + 1) * width), Math.floor((row + 1) * height)];
      context.fillRect(x, y, right - x - gapOf(width), bottom - y - gapOf(height));
    }
  }
  if (marked === undefined) return;
  context.globalAlpha = 1;
  context.strokeStyle = ink;
  context.lineWidth = MARK_PX * devicePixelRatio;
  context.strokeRect(marked.column * width, marked.row * height, width, height);
}

function gapOf(sizePx: number): number {
  return sizePx < GAP_FROM_PX ? 0 : 1;
}
