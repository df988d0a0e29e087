/** What one chart shows of its queries, as it goes on. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { explained } from "../data/gaps.ts";
import { LiveRange, unread, type ChartQuery } from "../data/range.ts";
import { together, type RangeState } from "../data/range-state.ts";
import { isUtc } from "../format.ts";
import { deliveries, wantDeliveries } from "../data/watched-deliveries.ts";

/** Of at least one query, all of the same range. `isSeen`: otherwise what comes is not told. */
export function useLiveRanges(queries: readonly ChartQuery[], isSeen = true): RangeState {
  const [opened, setOpened] = useState<{ readonly of: string; readonly lives: readonly LiveRange[] }>();
  const key = JSON.stringify(queries);
  const of = JSON.stringify(queries.map((query) => ({ ...query, range: undefined, stepMs: undefined })));
  useEffect(() => {
    const lives = queries.map((query) => new LiveRange(query));
    setOpened({ of, lives });
    return () => lives.forEach((live) => live.close());
  }, [key]);
  const states =
    opened?.of === of
      ? opened.lives.map(({ state }) => (isSeen ? state.value : state.peek()))
      : queries.map((query) => unread(query));
  const present = useMemo(() => together(states), states);
  // Until another range of the same has come, what was there before stays.
  const before = useRef<{ readonly of: string; readonly state: RangeState }>(undefined);
  if (present.isRead) before.current = { of, state: present };
  const kept = before.current?.of === of ? before.current.state : present;
  return useExplainedGaps(present.isRead ? present : { ...kept, range: present.range });
}

/** Gaps with what is known of the way that their sources' points come. */
function useExplainedGaps(state: RangeState): RangeState {
  const hasGaps = state.series.some(({ gaps = [] }) => gaps.length > 0);
  useEffect(() => (hasGaps ? wantDeliveries() : undefined), [hasGaps]);
  const known = deliveries.value;
  return useMemo(() => {
    if (!hasGaps || known.size === 0) return state;
    const series = state.series.map((each, i) => {
      const delivery = known.get(state.names[i].source);
      return delivery === undefined ? each : { ...each, gaps: each.gaps!.flatMap((gap) => explained(gap, delivery)) };
    });
    return { ...state, series };
    // Reasons have times in them.
  }, [state, known, isUtc.value]);
}
