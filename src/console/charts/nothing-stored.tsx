import { useEffect, useState } from "preact/hooks";
import { isKnown } from "../data/suggestions.ts";

interface NothingStoredProps {
  readonly metric: string;
  readonly filters: Readonly<Record<string, string>>;
}

/** Why a chart is empty: a name that there is not looks like a range without points otherwise. */
export function NothingStored({ metric, filters }: NothingStoredProps) {
  const [why, setWhy] = useState("");
  const key = JSON.stringify([metric, filters]);
  useEffect(() => {
    setWhy("");
    const over = new AbortController();
    const ask = async () => {
      if (await isKnown(metric, filters, over)) return;
      const isThere = Object.keys(filters).length > 0 && (await isKnown(metric, {}, over));
      if (over.signal.aborted) return;
      setWhy(isThere ? `No series of ${metric} passes the filters` : `There is no metric ${metric}`);
    };
    // Without an answer it is said that nothing is stored, which is true as well.
    ask().catch(() => undefined);
    return () => over.abort();
  }, [key]);
  return <p class="dim chart-note">{why || "Nothing is stored in this range"}</p>;
}
