import { unitOfValue } from "../../data/alert-value.ts";
import type { AlertRow } from "../../data/alert-row.ts";
import { devices } from "../../data/devices.ts";
import { ruleOf } from "../../data/rule-of.ts";
import { numberText } from "../../format.ts";

/** What met the condition last, with its unit where that is known. */
export function AlertValue({ row: { alert, device } }: { row: AlertRow }) {
  // Whoever publishes an alert without a value leaves it 0.
  if (!Number.isFinite(alert.value) || (alert.published && alert.value === 0)) return null;
  const metric = alert.context["metric"] ?? "";
  const sensor = devices.value.get(device)?.sensors.find(({ metricName }) => metricName === metric);
  const unit = alert.published ? "" : unitOfValue(ruleOf(alert.rule), sensor?.unit ?? "");
  return (
    <>
      {numberText(alert.value)} <span class="unit">{unit}</span>
    </>
  );
}
