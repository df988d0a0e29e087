import { severityOf } from "../thresholds.ts";
import { Label } from "./label.tsx";
import { More } from "./more.tsx";
import { unitOf, type PanelProps } from "./panel-props.ts";
import { Value } from "./value-mark.tsx";
import { scaleOf, shareOf } from "./value-scale.ts";

const SHOWN_MAX = 50;

/** The last value of each series, the largest first. */
export function BarPanel({ panel, data: { series } }: PanelProps) {
  const { thresholds, decimals, min, max, logScale } = panel;
  const inOrder = [...series].sort((a, b) => (b.now || 0) - (a.now || 0)).slice(0, SHOWN_MAX);
  const scale = scaleOf({ min, max, logScale, values: inOrder.map(({ now }) => now), thresholds });
  const zero = shareOf(0, scale);
  return (
    <>
      <ul class="dash-bars">
        {inOrder.map((each) => {
          const share = shareOf(each.now, scale);
          const [left, right] = [Math.min(zero, share), Math.max(zero, share)];
          return (
            <li key={each.key}>
              <Label series={each} />
              <Value value={each.now} unit={unitOf(panel, each)} isStale={each.isStale} {...{ decimals, thresholds }} />
              <span class="dash-bar" aria-hidden="true">
                <span
                  data-severity={severityOf(each.now, thresholds)}
                  style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }}
                />
                {thresholds.map(({ value }) => (
                  <i key={value} style={{ left: `${shareOf(value, scale) * 100}%` }} />
                ))}
              </span>
            </li>
          );
        })}
      </ul>
      <More count={series.length - SHOWN_MAX} />
    </>
  );
}
