import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { useState } from "preact/hooks";
import { suggestMetrics, suggestTagKeys, suggestValues as suggestTagValues } from "../../data/suggestions.ts";
import { AGGREGATIONS, FUNCTIONS } from "../../data/chart-query.ts";
import { Suggest, type Suggestions } from "../../parts/suggest.tsx";
import { PanelQuerySchema, type DashboardVariable, type PanelQuery } from "../../../wire/gen/saved_dashboards_pb.ts";
import { formatDurationMs } from "../../../model/duration.ts";
import { durationOf } from "../../data/typed-duration.ts";
import { resolved, type Choices } from "./variables.ts";

interface QueryFieldsProps {
  readonly query: PanelQuery;
  readonly variables: readonly DashboardVariable[];
  readonly choices: Choices;
  /** Of devices there are only filters. */
  readonly hasMetric: boolean;
  onChange(query: PanelQuery): void;
  onRemove(): void;
}

/** What is asked for: a metric, which of its series, and what becomes of them. */
export function QueryFields({ query, variables, choices, hasMetric, onChange, onRemove }: QueryFieldsProps) {
  const change = (changed: Partial<PanelQuery>) => onChange({ ...query, ...changed });
  return (
    <fieldset class="dash-query">
      {hasMetric && (
        <div class="fields">
          <Suggest
            label="Metric"
            value={query.metric}
            onChange={(metric) => change({ metric })}
            suggest={(typed, options) => suggestMetrics(typed, resolved(query, choices).filters, options)}
          />
          <label class="field">
            Function
            <select
              value={query.function}
              onChange={({ currentTarget }) => change({ function: Number(currentTarget.value) })}
            >
              <option value={0}>as fits</option>
              <Options names={FUNCTIONS} />
            </select>
          </label>
          <label class="field">
            Step
            <input
              value={query.stepMs === 0n ? "" : formatDurationMs(Number(query.stepMs))}
              placeholder="as fits"
              size={8}
              onChange={({ currentTarget }) =>
                change({ stepMs: BigInt(Math.round(durationOf(currentTarget.value) ?? 0)) })
              }
            />
          </label>
        </div>
      )}
      <Filters {...{ query, variables, choices }} onChange={(filters) => change({ filters })} />
      {hasMetric && (
        <div class="fields">
          <label class="field">
            Group by
            <input
              value={query.groupBy.join(", ")}
              placeholder="tags, such as site, line"
              onChange={({ currentTarget }) => change({ groupBy: tagsOf(currentTarget.value) })}
            />
          </label>
          <label class="field">
            Of each group
            <select
              value={query.aggregation}
              onChange={({ currentTarget }) => change({ aggregation: Number(currentTarget.value) })}
            >
              <option value={0}>{query.groupBy.length > 0 ? "avg" : "every series"}</option>
              <Options names={AGGREGATIONS} />
            </select>
          </label>
          <button type="button" class="dash-remove-query" onClick={onRemove}>
            Remove this metric
          </button>
        </div>
      )}
    </fieldset>
  );
}

function Options({ names }: { names: Readonly<Record<string, number>> }) {
  return (
    <>
      {Object.entries(names).map(([name, value]) => (
        <option key={name} value={value}>
          {name}
        </option>
      ))}
    </>
  );
}

interface FiltersProps {
  readonly query: PanelQuery;
  readonly variables: readonly DashboardVariable[];
  readonly choices: Choices;
  onChange(filters: Record<string, string>): void;
}

function Filters({ query, variables, choices, onChange }: FiltersProps) {
  const entries = Object.entries(query.filters);
  /** The key that was added last: its value is chosen next. */
  const [added, setAdded] = useState("");
  const set = (at: number, entry: readonly [string, string] | undefined) => {
    const next = entry === undefined ? entries.toSpliced(at, 1) : entries.toSpliced(at, 1, [...entry]);
    onChange(Object.fromEntries(next));
  };
  const suggest = async (key: string, typed: string, options: { signal: AbortSignal }): Promise<Suggestions> => {
    const own = variables.filter(({ name }) => `$${name}`.startsWith(typed));
    const { items, more } = await suggestTagValues(key, typed, resolved(query, choices), options);
    const names = own.map(({ name, label }) => ({ value: `$${name}`, detail: label || "variable" }));
    return { items: [...names, ...items], more };
  };
  return (
    <>
      {entries.map(([key, value], i) => (
        <div key={key} class="dash-filter">
          <code>{key}</code>
          <Suggest
            isLabelHidden
            label={`Filter by ${key}`}
            placeholder="any"
            value={value}
            isFocused={key === added}
            onChange={(next) => set(i, [key, next])}
            suggest={(typed, options) => suggest(key, typed, options)}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove the filter by ${key}`}
            onClick={() => set(i, undefined)}
          >
            ✕
          </button>
        </div>
      ))}
      <Suggest
        label="Add a filter by"
        isAdding
        placeholder="site, device, any tag"
        value=""
        size={18}
        onChange={(key, hasFocus) => {
          if (key === "" || query.filters[key] !== undefined) return;
          setAdded(hasFocus ? key : "");
          set(entries.length, [key, ""]);
        }}
        suggest={(typed, options) => suggestTagKeys(typed, resolved(query, choices).metric, options)}
      />
    </>
  );
}

export function newQuery(init: MessageInitShape<typeof PanelQuerySchema> = {}): PanelQuery {
  return create(PanelQuerySchema, init);
}

function tagsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((tag) => tag !== "");
}
