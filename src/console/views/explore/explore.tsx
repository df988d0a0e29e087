import { useEffect, useState } from "preact/hooks";
import { dashboardApi } from "../../api.ts";
import { Chart } from "../../charts/chart.tsx";
import { Empty } from "../../parts/empty.tsx";
import { route, setParams } from "../../route.ts";

const RANGES: readonly (readonly [name: string, ms: number])[] = [
  ["5m", 300_000],
  ["15m", 900_000],
  ["1h", 3_600_000],
  ["6h", 21_600_000],
  ["24h", 86_400_000],
  ["7d", 604_800_000],
];
const METRICS_MAX = 1_000;

export function Explore() {
  const { params } = route.value;
  const [metric, device, source] = ["metric", "device", "source"].map((name) => params.get(name) ?? "");
  const range = RANGES.find(([name]) => name === params.get("range")) ?? RANGES[0];
  const names = useMetricNames(device);
  const shown = metric === "" && device !== "" ? names : [metric].filter((name) => name !== "");
  const filters = { ...(device !== "" && { device }), ...(source !== "" && { source }) };
  return (
    <>
      <h1>Explore</h1>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Metric{" "}
          <input
            data-hotkey="/"
            list="metrics"
            value={metric}
            onChange={({ currentTarget }) => setParams({ metric: currentTarget.value })}
          />
        </label>
        <datalist id="metrics">
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <label>
          Device <input value={device} onChange={({ currentTarget }) => setParams({ device: currentTarget.value })} />
        </label>
        <label>
          Source <input value={source} onChange={({ currentTarget }) => setParams({ source: currentTarget.value })} />
        </label>
        <label>
          Range{" "}
          <select value={range[0]} onChange={({ currentTarget }) => setParams({ range: currentTarget.value })}>
            {RANGES.map(([name]) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </form>
      {shown.length === 0 && (
        <Empty title="Choose a metric">
          Type a part of its name. {names.length === 0 && "Nothing is stored yet: send a reading first."}
        </Empty>
      )}
      <div class="charts">
        {shown.map((name) => (
          <Chart key={name} query={{ metric: name, filters, range: { lastMs: range[1] } }} syncKey="explore" />
        ))}
      </div>
    </>
  );
}

/** Of a device, where one is given. */
function useMetricNames(device: string): readonly string[] {
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const read = async () => {
      if (device === "") {
        const { metrics } = await dashboardApi.listMetrics({ limit: METRICS_MAX }, { signal });
        return metrics.map(({ name }) => name);
      }
      const { series } = await dashboardApi.listSeries(
        { metric: "*", filters: { device }, limit: METRICS_MAX },
        { signal },
      );
      return [...new Set(series.map(({ metric }) => metric))];
    };
    read().then(setNames, () => {});
    return () => controller.abort();
  }, [device]);
  return names;
}
