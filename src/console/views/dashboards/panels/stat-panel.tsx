import { holdMsOf } from "./state-runs.ts";
import { sparkPath } from "./spark-path.ts";
import { unitOf, type PanelProps } from "./panel-props.ts";
import { Value } from "./value-mark.tsx";
import { Label } from "./label.tsx";
import { More } from "./more.tsx";

const SHOWN_MAX = 12;
const [WIDTH, HEIGHT] = [100, 30];

/** The last value of each series in large, its line below it in small. */
export function StatPanel({ panel, data }: PanelProps) {
  const { series, fromMs, toMs, stepMs } = data;
  const { thresholds, decimals } = panel;
  return (
    <>
      <ul class="dash-stats">
        {series.slice(0, SHOWN_MAX).map((each) => (
          <li key={each.key} class="dash-stat">
            <Value value={each.now} unit={unitOf(panel, each)} isStale={each.isStale} {...{ decimals, thresholds }} />
            {series.length > 1 && <Label series={each} />}
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" class="dash-spark">
              <path
                d={sparkPath(each, {
                  fromMs,
                  toMs,
                  width: WIDTH,
                  height: HEIGHT,
                  gapMs: holdMsOf(each.timesMs, stepMs),
                })}
              />
            </svg>
          </li>
        ))}
      </ul>
      <More count={series.length - SHOWN_MAX} />
    </>
  );
}
