import { useEffect, useRef, useState } from "preact/hooks";
import { inOrder, knownSeverity, severityOf, type Threshold } from "../thresholds.ts";
import { Label } from "./label.tsx";
import { More } from "./more.tsx";
import { unitOf, type PanelProps } from "./panel-props.ts";
import { Value } from "./value-mark.tsx";
import { scaleOf, shareOf, type Scale } from "./value-scale.ts";
import { decimalText } from "../../../format.ts";

const SHOWN_MAX = 12;
/** Smaller ones cannot be read. */
const [WIDTH_PX_MIN, HEIGHT_PX_MIN, GAP_PX] = [76, 66, 8];
/** Of a dial with its value and name below it. */
const WIDTH_TO_HEIGHT = 1.1;
const [RADIUS, BAND_RADIUS, CENTRE_X, CENTRE_Y] = [40, 48, 50, 52];

/** The last value of each series between two ends, with what its thresholds say around it; as many as there is room for. */
export function GaugePanel({ panel, data: { series } }: PanelProps) {
  const place = useRef<HTMLUListElement>(null);
  const [size, setSize] = useState<Size>();
  useEffect(() => {
    const sizes = new ResizeObserver(([{ contentRect }]) => setSize(contentRect));
    sizes.observe(place.current!);
    return () => sizes.disconnect();
  }, []);
  const room = size === undefined ? 0 : roomIn(size);
  const shown = series.slice(0, room);
  const { thresholds, decimals, min, max, logScale } = panel;
  const values = series.map(({ now }) => now);
  const scale = scaleOf({ min, max, logScale, values, thresholds });
  return (
    <>
      <ul
        ref={place}
        class="dash-gauges"
        style={size && { gridTemplateColumns: `repeat(${columnsFor(shown.length, size)}, minmax(0, 1fr))` }}
      >
        {shown.map((each) => (
          <li key={each.key} class="dash-gauge">
            <Dial value={each.now} {...{ scale, thresholds, decimals }} />
            <Value value={each.now} unit={unitOf(panel, each)} isStale={each.isStale} {...{ decimals, thresholds }} />
            {series.length > 1 && <Label series={each} />}
          </li>
        ))}
      </ul>
      {room > 0 && <More count={series.length - room} />}
    </>
  );
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function roomIn({ width, height }: Size): number {
  const along = (lengthPx: number, eachPx: number) => Math.max(1, Math.floor((lengthPx + GAP_PX) / (eachPx + GAP_PX)));
  return Math.min(SHOWN_MAX, along(width, WIDTH_PX_MIN) * along(height, HEIGHT_PX_MIN));
}

/** With which they are largest. */
function columnsFor(count: number, { width, height }: Size): number {
  let [best, bestPx] = [1, 0];
  for (let columns = 1; columns <= count; columns++) {
    const px = Math.min(width / columns, (height / Math.ceil(count / columns)) * WIDTH_TO_HEIGHT);
    if (px > bestPx) [best, bestPx] = [columns, px];
  }
  return best;
}

interface DialProps {
  readonly value: number;
  readonly scale: Scale;
  readonly thresholds: readonly Threshold[];
  readonly decimals: number | undefined;
}

function Dial({ value, scale, thresholds, decimals }: DialProps) {
  const bands = inOrder(thresholds);
  return (
    <svg viewBox="0 0 100 62" aria-hidden="true" class="dash-dial">
      <path d={arc(RADIUS, 0, 1)} class="dash-track" />
      {Number.isFinite(value) && (
        <path
          d={arc(RADIUS, 0, shareOf(value, scale))}
          class="dash-fill"
          data-severity={severityOf(value, thresholds)}
        />
      )}
      {bands.map((band, i) => (
        <path
          key={band.value}
          d={arc(
            BAND_RADIUS,
            shareOf(band.value, scale),
            i + 1 < bands.length ? shareOf(bands[i + 1].value, scale) : 1,
          )}
          class="dash-band"
          data-severity={knownSeverity(band.severity)}
        />
      ))}
      <text x={CENTRE_X - RADIUS} y={60}>
        {decimalText(scale.min, decimals)}
      </text>
      <text x={CENTRE_X + RADIUS} y={60}>
        {decimalText(scale.max, decimals)}
      </text>
    </svg>
  );
}

/** From the left over the top to the right: 0 to 1. */
function arc(radius: number, from: number, to: number): string {
  const at = (share: number) => {
    const angle = Math.PI * (1 - share);
    return `${(CENTRE_X + radius * Math.cos(angle)).toFixed(2)} ${(CENTRE_Y - radius * Math.sin(angle)).toFixed(2)}`;
  };
  return `M${at(from)}A${radius} ${radius} 0 0 1 ${at(to)}`;
}
