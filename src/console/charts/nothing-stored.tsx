import { useEffect, useState } from "preact/hooks";
import { latestOf } from "../data/suggestions.ts";
import { Age, Time } from "../parts/time.tsx";
import { addressOf } from "../route.ts";

interface NothingStoredProps {
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
}

type Why = { readonly isNamed: boolean } | { readonly latestMs: number };

/** Why a chart is empty: a name that there is not, and one that was heard last before the range, look the same otherwise. */
export function NothingStored({ metric, filters }: NothingStoredProps) {
  const [why, setWhy] = useState<Why>();
  const key = JSON.stringify([metric, filters]);
  useEffect(() => {
    setWhy(undefined);
    const over = new AbortController();
    const ask = async () => {
      const latestMs = await latestOf(metric, filters, over);
      if (latestMs !== undefined) return setWhy({ latestMs });
      const isNamed = Object.keys(filters).length > 0 && (await latestOf(metric, {}, over)) !== undefined;
      if (!over.signal.aborted) setWhy({ isNamed });
    };
    // Without an answer it is said that nothing is stored, which is true as well.
    ask().catch(() => undefined);
    return () => over.abort();
  }, [key]);
  return <p class="dim chart-note">{why === undefined ? "Nothing is stored in this range" : words(metric, why)}</p>;
}

function words(metric: string, why: Why) {
  if ("latestMs" in why) {
    return (
      <>
        Nothing is stored in this range; the latest point is of <Time ms={why.latestMs} />, <Age ms={why.latestMs} />{" "}
        ago
      </>
    );
  }
  if (why.isNamed) return `No series of ${metric} passes the filters`;
  return (
    <>
      There is no metric {metric}. <a href={addressOf("/explore", {})}>Those that there are</a>
    </>
  );
}
