import { create } from "@bufbuild/protobuf";
import { PanelThresholdSchema, type PanelThreshold } from "../../../wire/gen/saved_dashboards_pb.ts";
import { severityMark } from "../../parts/status.tsx";
import { inOrder, SEVERITIES } from "./thresholds.ts";

const THRESHOLDS_MAX = 20;

interface ThresholdFieldsProps {
  readonly thresholds: readonly PanelThreshold[];
  onChange(thresholds: PanelThreshold[]): void;
}

/** From which values upwards what is how grave. */
export function ThresholdFields({ thresholds, onChange }: ThresholdFieldsProps) {
  const set = (at: number, changed: Partial<PanelThreshold>) =>
    onChange(thresholds.map((each, i) => (i === at ? { ...each, ...changed } : each)));
  const add = () => {
    const value = inOrder(thresholds).at(-1)?.value ?? 0;
    onChange([...thresholds, create(PanelThresholdSchema, { value, severity: "medium" })]);
  };
  return (
    <fieldset>
      <legend>Thresholds</legend>
      {thresholds.map(({ value, severity }, i) => (
        <div key={i} class="dash-filter">
          <label>
            from{" "}
            <input
              type="number"
              step="any"
              required
              value={value}
              onChange={({ currentTarget }) => set(i, { value: currentTarget.valueAsNumber || 0 })}
            />
          </label>
          <select
            aria-label="it is"
            value={severity}
            onChange={({ currentTarget }) => set(i, { severity: currentTarget.value })}
          >
            {SEVERITIES.map((each) => (
              <option key={each} value={each}>
                {severityMark(each)} {each}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="quiet"
            aria-label={`Remove the threshold ${value}`}
            onClick={() => onChange(thresholds.filter((_, j) => j !== i))}
          >
            ✕
          </button>
        </div>
      ))}
      {thresholds.length < THRESHOLDS_MAX && (
        <button type="button" onClick={add}>
          Add a threshold
        </button>
      )}
    </fieldset>
  );
}
