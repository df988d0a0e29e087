/** Which series are shown: metrics, and filters by tags. */
import { useState } from "preact/hooks";
import { suggestMetrics, suggestTagKeys, suggestValues } from "../../data/suggestions.ts";
import { Suggest } from "../../parts/suggest.tsx";
import { route, setParams } from "../../route.ts";
import { filterParams, listParam, type ExploreState } from "../../data/explore-state.ts";

interface FieldProps {
  readonly state: ExploreState;
  readonly error?: string;
}

export function MetricField({ state: { metrics, filters }, error }: FieldProps) {
  const set = (next: readonly string[]) => setParams({ metric: listParam(next) });
  return (
    <div class="explore-line">
      <Suggest
        label="Metric"
        value=""
        isAdding
        placeholder={metrics.length === 0 ? "a part of its name" : "one more"}
        hotkey="/"
        size={32}
        onChange={(chosen) =>
          chosen.trim() !== "" && set([...metrics, ...chosen.split(",").map((name) => name.trim())])
        }
        suggest={(typed, options) => suggestMetrics(typed, filters, options)}
        {...(error !== undefined && { error })}
      />
      {metrics.map((metric) => (
        <span class="chip" key={metric}>
          {metric}
          <button
            type="button"
            aria-label={`Take ${metric} away`}
            onClick={() => set(metrics.filter((each) => each !== metric))}
          >
            ✕
          </button>
        </span>
      ))}
    </div>
  );
}

export function FilterFields({ state: { metrics, filters }, error }: FieldProps) {
  const [key, setKey] = useState("");
  /** Whoever chose with the keys goes on with them. */
  const [goesOn, setGoesOn] = useState(false);
  const metric = metrics.join("|");
  const set = (next: Readonly<Record<string, string>>) => setParams(filterParams(next, route.peek().params));
  const values = { metric, filters };
  return (
    <div class="explore-line">
      {Object.entries(filters).map(([name, value]) => (
        <span class="explore-filter" key={name}>
          <Suggest
            label={name}
            value={value}
            size={Math.min(32, Math.max(10, value.length + 2))}
            onChange={(chosen) => set({ ...filters, [name]: chosen })}
            suggest={(typed, options) => suggestValues(name, typed === value ? "" : typed, values, options)}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Take the filter ${name} away`}
            onClick={() => set({ ...filters, [name]: "" })}
          >
            ✕
          </button>
        </span>
      ))}
      {key === "" ? (
        <Suggest
          label="Filter by"
          value=""
          placeholder="device, source or a tag"
          size={20}
          isFocused={goesOn}
          onChange={setKey}
          suggest={(typed, options) => suggestTagKeys(typed, metric, options)}
          {...(error !== undefined && { error })}
        />
      ) : (
        <Suggest
          key={key}
          label={key}
          value=""
          placeholder="a value, such as pump-*"
          size={20}
          isFocused
          onChange={(value, hasFocus) => {
            setGoesOn(hasFocus);
            setKey("");
            if (value !== "") set({ ...filters, [key]: value });
          }}
          suggest={(typed, options) => suggestValues(key, typed, values, options)}
        />
      )}
    </div>
  );
}
