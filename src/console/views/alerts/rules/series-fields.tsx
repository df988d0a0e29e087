/** Which series a rule is about. */
import { suggestMetrics, suggestTagKeys } from "../../../data/suggestions.ts";
import { Suggest } from "../../../parts/suggest.tsx";
import { hasMetric } from "./condition-kinds.ts";
import { ListField } from "../../../parts/fields.tsx";
import { problemAt, type Problem } from "../problems.ts";
import { suggestConditions } from "./suggest-conditions.ts";
import type { RuleForm } from "./rule-form.ts";

export interface PartProps {
  readonly form: RuleForm;
  readonly problems: readonly Problem[];
  onChange(changes: Partial<RuleForm>): void;
}

export function SeriesFields({ form, problems, onChange }: PartProps) {
  const { kind, metric, where, groupBy } = form;
  if (kind === "watchdog") return null;
  const isOfDevices = kind === "device";
  return (
    <fieldset>
      <legend>{isOfDevices ? "Of which devices" : "Of which series"}</legend>
      <div class="form">
        {hasMetric(kind) && (
          <div class="field">
            <Suggest
              label="Metric"
              value={metric}
              placeholder="temperature_c, temp*"
              suggest={(typed, options) => suggestMetrics(typed, {}, options)}
              onChange={(changed) => onChange({ metric: changed })}
              error={problemAt(problems, "rule.metric")}
            />
            <span class="field-help">An exact name, or a glob such as temperature_*.</span>
          </div>
        )}
        <ListField
          label="Where"
          values={where}
          onChange={(changed) => onChange({ where: changed })}
          suggest={(typed, options) => suggestConditions(metric, typed, options)}
          placeholder="device=pump-*"
          more="condition"
          help={
            where.length === 0
              ? "All of them."
              : "All must hold: key=glob, key!=glob, key=~expression, key!~expression."
          }
          errorOf={(i) => problemAt(problems, `rule.where[${i}]`)}
          error={problemAt(problems, "rule.where")}
        />
        {!isOfDevices && (
          <ListField
            label="One alert for each"
            values={groupBy}
            onChange={(changed) => onChange({ groupBy: changed })}
            suggest={(typed, options) => suggestTagKeys(typed, metric.trim(), options)}
            placeholder="site"
            more="key"
            help={groupBy.length === 0 ? (kind === "absence" ? "Device." : "Series.") : "Set of values of these."}
            errorOf={(i) => problemAt(problems, `rule.group_by[${i}]`)}
            error={problemAt(problems, "rule.group_by")}
          />
        )}
      </div>
    </fieldset>
  );
}
