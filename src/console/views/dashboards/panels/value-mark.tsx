import { severityMark } from "../../../parts/status.tsx";
import { severityOf, type Threshold } from "../thresholds.ts";
import { decimalText } from "../../../format.ts";

interface ValueProps {
  readonly value: number;
  readonly unit: string;
  readonly decimals: number | undefined;
  readonly thresholds: readonly Threshold[];
  readonly isStale: boolean;
}

/** A value with its unit; what it means is told by colour, shape and, to those who listen, a word. */
export function Value({ value, unit, decimals, thresholds, isStale }: ValueProps) {
  const severity = severityOf(value, thresholds);
  return (
    <span
      class="dash-value"
      data-severity={severity}
      data-stale={isStale}
      title={isStale ? "silent: its last value" : severity}
    >
      {severity !== undefined && (
        <span class="dash-mark" role="img" aria-label={severity}>
          {severityMark(severity)}
        </span>
      )}
      <b>{decimalText(value, decimals)}</b>
      {unit !== "" && <span class="unit"> {unit}</span>}
      {isStale && <span class="dash-silent"> silent</span>}
    </span>
  );
}
