import { durationOf } from "../../data/typed-duration.ts";
import { timeText } from "../../format.ts";
import { serverNowMs } from "../../now.ts";
import { setParams } from "../../route.ts";
import { paramsOf, PRESETS, type TimeRange } from "./time-range.ts";

/** The time that all panels show: so long before now, or, once somebody has zoomed, from and to. */
export function RangeField({ range, defaultMs }: { range: TimeRange; defaultMs: number }) {
  const lastMs = "lastMs" in range ? range.lastMs : 0;
  const preset = PRESETS.find((each) => durationOf(each) === lastMs);
  const own = "lastMs" in range ? paramsOf(range, 1).range : rangeText(range);
  return (
    <label>
      Range{" "}
      <select
        value={preset ?? own}
        onChange={({ currentTarget }) => {
          const chosenMs = durationOf(currentTarget.value);
          if (chosenMs !== undefined) setParams(paramsOf({ lastMs: chosenMs }, defaultMs));
        }}
      >
        {preset === undefined && <option>{own}</option>}
        {PRESETS.map((each) => (
          <option key={each} value={each}>
            last {each}
          </option>
        ))}
      </select>
    </label>
  );
}

function rangeText({ fromMs, toMs }: { fromMs: number; toMs: number }): string {
  return `${timeText(fromMs, serverNowMs())} to ${timeText(toMs, serverNowMs())}`;
}
