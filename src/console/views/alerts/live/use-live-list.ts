import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { takes, type AlertFilter } from "../../../data/alert-filter.ts";
import { alertBook, alertsVersion, onAlerts } from "../../../data/alerts.ts";
import { LiveList } from "./live-list.ts";

/** After so long without a movement or key the list goes on by itself. */
const HELD_MS = 4_000;

/** The list of what a filter takes; `unfolded`: ids of incidents. `touch` has it keep still for a while. */
export function useLiveList(filter: AlertFilter, isGrouped: boolean, unfolded: readonly string[]) {
  const filterKey = JSON.stringify([filter, isGrouped]);
  const isUnfolded = useRef((id: string) => unfolded.includes(id));
  isUnfolded.current = (id) => unfolded.includes(id);
  const [, setShown] = useState(0);
  const redraw = () => setShown((count) => count + 1);
  const list = useMemo(() => {
    return new LiveList(alertBook.rows(), takes(filter), isGrouped, (id) => isUnfolded.current(id));
  }, [filterKey]);
  useMemo(() => list.refold(), [unfolded.join()]);
  useLayoutEffect(() => onAlerts(({ deltas }) => list.take(deltas)), [list]);

  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const letGo = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    if (list.release()) redraw();
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  const touch = () => {
    list.hold();
    clearTimeout(timer.current);
    timer.current = setTimeout(letGo, HELD_MS);
  };
  void alertsVersion.value;
  return { list, touch, letGo };
}
