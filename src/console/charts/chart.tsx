/** Lines over time, on a canvas. The axis moves on also while nothing comes. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import {
  addValue,
  followValues,
  forgetBefore,
  LIVE_RANGE_MAX_MS,
  readRange,
  type ChartQuery,
  type ChartSeries,
} from "../data/range.ts";
import { ConnectError } from "@connectrpc/connect";
import { numberText } from "../format.ts";
import { nowMs } from "../now.ts";
import { Empty } from "../parts/empty.tsx";

/** Told apart also by people who see few colours (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a00", "#7f7f7f"];
const HEIGHT_PX = 260;

export function Chart({ query, syncKey }: { query: ChartQuery; syncKey?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const [series, setSeries] = useState<readonly ChartSeries[]>([]);
  const [isRead, setRead] = useState(false);
  const [failure, setFailure] = useState("");
  const queryKey = JSON.stringify(query);

  useEffect(() => {
    setRead(false);
    const chart = new LiveChart(place.current!, query, syncKey, {
      onSeries: (all) => setSeries([...all]),
      onRead: (error) => {
        setRead(true);
        setFailure(error);
      },
    });
    return () => chart.close();
  }, [queryKey]);

  const units = [...new Set(series.map(({ unit }) => unit))].join(", ");
  return (
    <figure class="chart">
      <figcaption>
        <strong>{query.metric}</strong> {units !== "" && <span class="unit">{units}</span>}
      </figcaption>
      <div ref={place} class="plot" />
      {failure !== "" && <p role="alert">{failure}</p>}
      {isRead && failure === "" && series.length === 0 && (
        <Empty title="Nothing in this range">Choose a longer range, or another metric or device.</Empty>
      )}
      <ul class="legend">
        {series.map(({ key, label, values, unit }, i) => (
          <li key={key}>
            <span class="key" style={{ background: COLOURS[i % COLOURS.length] }} /> {label}{" "}
            <b>
              {numberText(values.at(-1) ?? NaN)} {unit}
            </b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

interface ChartEvents {
  onSeries(series: readonly ChartSeries[]): void;
  /** "": it could be. */
  onRead(error: string): void;
}

class LiveChart {
  readonly #place: HTMLElement;
  readonly #query: ChartQuery;
  readonly #syncKey: string | undefined;
  readonly #events: ChartEvents;
  readonly #over = new AbortController();
  readonly #sizes: ResizeObserver;
  #series: ChartSeries[] = [];
  #plot: uPlot | undefined;
  #isChanged = false;

  constructor(place: HTMLElement, query: ChartQuery, syncKey: string | undefined, events: ChartEvents) {
    [this.#place, this.#query, this.#syncKey, this.#events] = [place, query, syncKey, events];
    const { signal } = this.#over;
    this.#sizes = new ResizeObserver(([{ contentRect }]) => {
      this.#plot?.setSize({ width: Math.floor(contentRect.width), height: HEIGHT_PX });
    });
    this.#sizes.observe(place);
    const isLive = query.rangeMs <= LIVE_RANGE_MAX_MS;
    // What comes while history is read is behind it: those that are in it already are left out.
    const early: Parameters<typeof addValue>[1][] = [];
    let isRead = false;
    const add = (value: (typeof early)[number]) => {
      if (addValue(this.#series, value)) this.#isChanged = true;
    };
    const unfollow = isLive ? followValues(query, (value) => (isRead ? add(value) : early.push(value))) : () => {};
    const read = async () => {
      try {
        this.#series = await readRange(query, signal);
        isRead = true;
        early.splice(0).forEach(add);
        this.#rebuild();
        this.#events.onRead("");
      } catch (error) {
        if (!signal.aborted) this.#events.onRead(ConnectError.from(error).rawMessage);
      }
    };
    void read();
    const again = isLive ? undefined : setInterval(read, Math.max(5_000, query.rangeMs / 800));
    const untick = nowMs.subscribe(() => this.#tick());
    signal.addEventListener("abort", () => {
      unfollow();
      untick();
      clearInterval(again);
    });
  }

  close(): void {
    this.#over.abort();
    this.#sizes.disconnect();
    this.#plot?.destroy();
  }

  #tick(): void {
    const plot = this.#plot;
    const toS = nowMs.peek() / 1_000;
    if (this.#isChanged) {
      this.#isChanged = false;
      forgetBefore(this.#series, nowMs.peek() - this.#query.rangeMs);
      if (plot === undefined || plot.series.length !== this.#series.length + 1) this.#rebuild();
      else plot.setData(alignedOf(this.#series), false);
      this.#events.onSeries(this.#series);
    }
    this.#plot?.setScale("x", { min: toS - this.#query.rangeMs / 1_000, max: toS });
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#events.onSeries(this.#series);
    this.#plot = undefined;
    if (this.#series.length === 0) return;
    // A canvas knows no variables: the colours are those of an element that has them.
    const { color, borderTopColor } = getComputedStyle(this.#place);
    const lines = { stroke: borderTopColor, width: 1 };
    const axis = { stroke: color, grid: lines, ticks: lines };
    const sync = this.#syncKey === undefined ? {} : { cursor: { sync: { key: this.#syncKey } } };
    this.#plot = new uPlot(
      {
        ...{ width: this.#place.clientWidth, height: HEIGHT_PX, legend: { show: false }, ...sync },
        scales: { x: { time: true } },
        axes: [axis, { ...axis, values: (_, ticks) => ticks.map(numberText), size: 64 }],
        series: [
          {},
          ...this.#series.map((_, i) => ({
            stroke: COLOURS[i % COLOURS.length],
            width: 1.5,
            points: { show: false },
            spanGaps: true,
          })),
        ],
      },
      alignedOf(this.#series),
      this.#place,
    );
  }
}

/** One axis of times for all. */
function alignedOf(series: readonly ChartSeries[]): uPlot.AlignedData {
  const tables = series.map(({ timesMs, values }): uPlot.AlignedData => [timesMs.map((ms) => ms / 1_000), values]);
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
}
