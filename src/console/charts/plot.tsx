/** Lines over time with what belongs to them. It draws what it is given; `Chart` asks by itself. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import "./charts.css";
import { chartKeys } from "./chart-keys.ts";
import { crosshairOf } from "./crosshair.ts";
import { GapLegend } from "./gap-legend.tsx";
import { listenForGestures } from "./gestures.ts";
import { LimitHandle } from "./limit-handle.ts";
import { Legend } from "./legend.tsx";
import { PlotCanvas } from "./plot-canvas.ts";
import { saveCsv, savePng, type Shown, type ShownSeries } from "./save.ts";
import { unseenIn } from "./unseen.ts";
import { ValuesTable } from "./values-table.tsx";
import { useKeys } from "../keys.ts";
import { Menu } from "../parts/menu.tsx";
import { tellError } from "../parts/tell.ts";
import type { PlotModel, PlotOverlays, PlotRange, PlotSeries } from "./plot-model.ts";

const HEIGHT_PX = 240;

export interface PlotProps extends PlotOverlays {
  readonly series: readonly PlotSeries[];
  readonly range: PlotRange;
  /** What a screen reader says it is; by default the series' names. */
  readonly label?: string;
  /** Plots with the same key share a crosshair. */
  readonly syncKey?: string;
  readonly logScale?: boolean;
  /** In place of what the series say. */
  readonly unit?: string;
  readonly heightPx?: number;
  readonly min?: number;
  readonly max?: number;
  /** Where the crosshair stands while no pointer says otherwise: of a replay. */
  readonly cursorMs?: number;
  readonly hasLegend?: boolean;
  /** Above it, and in files that it is saved as, for which it has a menu then. */
  readonly title?: string;
  /** Beside the title: buttons. */
  readonly toolbar?: ComponentChildren;
  /** While true, drawing a range calls onSelect without Alt. */
  readonly isSelecting?: boolean;
  /** The first threshold was dragged, or moved with the keys; missing: none can be. */
  onThreshold?(value: number): void;
  /** A range was drawn with Alt, or while isSelecting. */
  onSelect?(range: PlotRange): void;
  /** A range was drawn, moved or zoomed; undefined: back to what is now. Missing: it cannot be. */
  onZoom?(range: PlotRange | undefined): void;
}

export function Plot(props: PlotProps) {
  const { series, range, syncKey, heightPx = HEIGHT_PX, unit = "", cursorMs, hasLegend = true } = props;
  const place = useRef<HTMLDivElement>(null);
  const limit = useRef<HTMLDivElement>(null);
  const canvas = useRef<PlotCanvas>(null);
  const present = useRef(props);
  present.current = props;
  const crosshair = useMemo(() => crosshairOf(syncKey), [syncKey]);
  useKeys("Charts", [], chartKeys(props.onZoom !== undefined, props.onThreshold !== undefined));
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [table, setTable] = useState<Shown>();
  /** Shown instead of the range while it is being moved. */
  const [movedTo, setMovedTo] = useState<PlotRange>();
  const shown = useRef(range);
  shown.current = movedTo ?? range;

  useEffect(() => {
    const made = new PlotCanvas(place.current!, heightPx);
    canvas.current = made;
    let listening = new AbortController();
    made.onBuilt = (over) => {
      listening.abort();
      listening = new AbortController();
      const gestures = {
        range: () => shown.current,
        hovered: () => crosshair.peek(),
        onHover: (timeMs: number | undefined) => (crosshair.value = timeMs),
        onDraw: (drawn: PlotRange | undefined) => made.choose(drawn),
        isMarking: () => present.current.isSelecting === true,
        onChosen: (chosen: PlotRange, isMarked: boolean) => {
          if (isMarked) present.current.onSelect?.(chosen);
          else present.current.onZoom?.(chosen);
        },
        onMoved: (moved: PlotRange, isDone: boolean) => {
          const { onZoom } = present.current;
          if (onZoom === undefined) return;
          setMovedTo(isDone ? undefined : moved);
          // The next key goes on from here, also before anything is drawn.
          shown.current = moved;
          if (isDone) onZoom(moved);
        },
        onUnmoved: () => {
          setMovedTo(undefined);
          shown.current = present.current.range;
        },
        canMove: () => present.current.onZoom !== undefined,
        onReset: () => present.current.onZoom?.(undefined),
      };
      listenForGestures(over, place.current!, gestures, listening.signal);
    };
    const handle = new LimitHandle(limit.current!, made, (value) => present.current.onThreshold?.(value));
    made.onDrawn = () => {
      const { onThreshold, thresholds = [] } = present.current;
      handle.show(onThreshold === undefined ? undefined : thresholds[0]);
    };
    const unpoint = crosshair.subscribe((timeMs) => made.point(timeMs ?? present.current.cursorMs));
    return () => {
      unpoint();
      listening.abort();
      made.close();
    };
  }, [crosshair, heightPx]);

  useEffect(() => {
    canvas.current!.show(modelOf({ ...props, range: shown.current, hidden }));
    canvas.current!.point(crosshair.peek() ?? cursorMs);
  });

  const { title = "" } = props;
  const visible = (): ShownSeries[] =>
    series.map((each, index) => ({ ...each, index })).filter(({ key }) => !hidden.has(key));
  const asShown = (): Shown => ({ title, series: visible(), range: shown.current });
  const toPng = async () => {
    canvas.current!.drawNow();
    // uPlot draws once this turn is over.
    await Promise.resolve();
    const picture = canvas.current!.canvas;
    if (picture !== undefined)
      savePng(picture, asShown()).catch((error) => tellError(error, "The picture was not saved"));
  };
  return (
    <div class="plot-frame">
      {(title !== "" || props.toolbar !== undefined) && (
        <div class="plot-head">
          <ChartTitle title={title} unit={unit || unitsOf(series)} />
          <div class="plot-toolbar">
            {props.toolbar}
            {title !== "" && (
              <Menu
                label={`More of ${title}`}
                class="quiet"
                items={[
                  { label: "Save as PNG", choose: () => void toPng() },
                  { label: "Save as CSV", choose: () => saveCsv(asShown()) },
                  { label: "Show as table", choose: () => setTable(asShown()) },
                ]}
              >
                ⋯
              </Menu>
            )}
          </div>
        </div>
      )}
      <div
        ref={place}
        class="plot"
        tabIndex={0}
        role="img"
        aria-label={labelOf(props)}
        aria-keyshortcuts={
          props.onZoom === undefined
            ? "Shift+ArrowLeft Shift+ArrowRight"
            : "ArrowLeft ArrowRight Shift+ArrowLeft Shift+ArrowRight + - 0"
        }
        style={{ height: `${heightPx}px` }}
      />
      <div ref={limit} class="plot-limit" hidden />
      {hasLegend && <GapLegend series={series.filter(({ key }) => !hidden.has(key))} range={shown.current} />}
      {hasLegend && <Unseen {...props} range={shown.current} hidden={hidden} />}
      {hasLegend && <Legend {...{ series, hidden, crosshair, unit }} onHidden={setHidden} />}
      {table !== undefined && <ValuesTable shown={table} onClose={() => setTable(undefined)} />}
    </div>
  );
}

/** What the lines do not show. */
function Unseen(props: PlotProps & { readonly hidden: ReadonlySet<string> }) {
  return unseenIn(modelOf(props)).map((note) => (
    <p class="dim chart-note" key={note}>
      {note}
    </p>
  ));
}

function modelOf(props: PlotProps & { readonly hidden: ReadonlySet<string> }): PlotModel {
  const { series, range, hidden, thresholds, episodes, annotations, logScale, min, max } = props;
  return {
    ...{ series, range, hidden },
    ...(thresholds && { thresholds }),
    ...(episodes && { episodes }),
    ...(annotations && { annotations }),
    ...(logScale && { logScale }),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

function ChartTitle({ title, unit }: { title: string; unit: string }) {
  return (
    <div class="plot-title">
      <strong>{title}</strong> {unit !== "" && <span class="unit">{unit}</span>}
    </div>
  );
}

function unitsOf(series: readonly PlotSeries[]): string {
  return [...new Set(series.map(({ unit }) => unit))].filter((unit) => unit !== "").join(", ");
}

function labelOf({ label, title, series, onZoom }: PlotProps): string {
  const what = label ?? title ?? series.map((each) => each.label).join(", ");
  return onZoom === undefined
    ? `${what}. Arrows with Shift look at a time`
    : `${what}. Arrows move, with Shift they look at a time; + and - zoom, 0 goes back to now`;
}
