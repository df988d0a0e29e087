import { useEffect, useState } from "preact/hooks";
import { dashboardApi } from "../../api.ts";

const METRICS_MAX = 1_000;

/** All that a device measures; undefined until it is known. "": of none. */
export function useDeviceMetrics(device: string): readonly string[] | undefined {
  const [names, setNames] = useState<readonly string[]>();
  useEffect(() => {
    setNames(undefined);
    if (device === "") return;
    const controller = new AbortController();
    const { signal } = controller;
    const request = { key: "metric", filters: { device }, limit: METRICS_MAX };
    dashboardApi.listTagValues(request, { signal }).then(
      ({ values }) => setNames(values.map(({ value }) => value)),
      () => !signal.aborted && setNames([]),
    );
    return () => controller.abort();
  }, [device]);
  return names;
}
