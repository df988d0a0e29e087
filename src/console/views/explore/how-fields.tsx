/** How points become lines: function, step, groups, log scale, band. */
import { useEffect, useState } from "preact/hooks";
import { formatDurationMs } from "../../../model/duration.ts";
import { AGGREGATIONS, FUNCTIONS, planOf } from "../../data/chart-query.ts";
import type { Failure } from "../../data/failure.ts";
import { suggestTagKeys } from "../../data/suggestions.ts";
import { Suggest } from "../../parts/suggest.tsx";
import { setParams } from "../../route.ts";
import { listParam, queryOf, stepMsOf, type ExploreState } from "../../data/explore-state.ts";

export function HowFields({ state, failure }: { state: ExploreState; failure: Failure | undefined }) {
  const { groupBy, aggregation, logScale, metrics } = state;
  const { stepMs, hasBand } = planOf(queryOf(state, ""));
  const set = (params: Readonly<Record<string, string>>) => setParams(params);
  return (
    <>
      <label>
        Function{" "}
        <select value={state.function ?? ""} onChange={({ currentTarget }) => set({ fn: currentTarget.value })}>
          <option value="">{stepMs === 0 ? "points as they are" : "avg"}</option>
          {Object.keys(FUNCTIONS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <StepField state={state} stepMs={stepMs} failure={failure} />
      <Suggest
        label="Group by"
        value={groupBy.join(",")}
        placeholder="each series"
        size={14}
        onChange={(value) =>
          set({ by: listParam(value.split(",").map((each) => each.trim())), ...(value === "" && { agg: "" }) })
        }
        suggest={(typed, options) =>
          suggestTagKeys(typed === groupBy.join(",") ? "" : typed, metrics.join("|"), options)
        }
        {...(failure?.field.startsWith("group_by") && { error: failure.text })}
      />
      <label>
        Aggregate{" "}
        <select value={aggregation ?? ""} onChange={({ currentTarget }) => set({ agg: currentTarget.value })}>
          <option value="">{groupBy.length > 0 ? "avg" : "none"}</option>
          {Object.keys(AGGREGATIONS).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="check">
        <input type="checkbox" checked={logScale} onChange={() => set({ log: logScale ? "" : "1" })} /> log
      </label>
      <label class="check" title="Minimum and maximum of each step">
        <input
          type="checkbox"
          checked={hasBand}
          onChange={() =>
            set({ band: planOf(queryOf({ ...state, band: !hasBand }, "")).hasBand ? (hasBand ? "0" : "1") : "0" })
          }
        />{" "}
        band
      </label>
    </>
  );
}

function StepField({ state, stepMs, failure }: { state: ExploreState; stepMs: number; failure: Failure | undefined }) {
  const [typed, setTyped] = useState(state.step);
  useEffect(() => setTyped(state.step), [state.step]);
  const isWrong = Number.isNaN(stepMsOf({ step: typed }));
  const error = isWrong ? `such as 10s or 5m` : failure?.field === "step_ms" ? failure.text : "";
  const leave = () => typed !== state.step && !isWrong && setParams({ step: typed });
  return (
    <label>
      Step{" "}
      <input
        class="explore-step"
        value={typed}
        placeholder={stepMs === 0 ? "none" : formatDurationMs(stepMs)}
        aria-invalid={error !== ""}
        onInput={({ currentTarget }) => setTyped(currentTarget.value.trim())}
        onBlur={leave}
        onKeyDown={({ key }) => key === "Enter" && leave()}
      />{" "}
      {error !== "" && <span class="field-error">{error}</span>}
    </label>
  );
}
