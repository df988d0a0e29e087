/** How far back a backtest looks: as the address says, else as far as there is something. */
import { useEffect, useState } from "preact/hooks";
import type { Rule } from "../../../../wire/gen/rules_pb.ts";
import { dashboardApi } from "../../../api.ts";
import { msOf } from "../../../format.ts";
import { serverNowMs } from "../../../now.ts";
import { route } from "../../../route.ts";
import { matchersOf } from "./preview-series.ts";
import { TESTED_RANGES, usualMs } from "./tested-range.ts";

const ASKED_AFTER_MS = 200;
/** Of more than these some are old. */
const SERIES_MAX = 1_000;

export function useTestedMs(rule: Rule | undefined): number {
  const [firstMs, setFirstMs] = useState<number>();
  const { metric = "", where = [] } = rule ?? {};
  const chosen = TESTED_RANGES.find(([name]) => name === route.value.params.get("range"))?.[2];
  useEffect(() => {
    if (metric === "") return;
    const over = new AbortController();
    const { signal } = over;
    const ask = async () => {
      try {
        const request = { metric, matchers: matchersOf(where), limit: SERIES_MAX };
        const { series, total } = await dashboardApi.listSeries(request, { signal });
        const times = series.map(({ firstSeen }) => msOf(firstSeen) ?? 0);
        if (!signal.aborted)
          setFirstMs(Number(total) > SERIES_MAX || times.length === 0 ? undefined : Math.min(...times));
      } catch {
        // The usual range it is; the test tells what is wrong with a condition.
        if (!signal.aborted) setFirstMs(undefined);
      }
    };
    const timer = setTimeout(ask, ASKED_AFTER_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [metric, where.join("\n")]);
  return chosen ?? usualMs(firstMs, serverNowMs());
}
