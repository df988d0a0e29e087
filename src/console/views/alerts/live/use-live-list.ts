import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { takes, type AlertFilter } from "../../../data/alert-filter.ts";
import { alertBook, alertsVersion, onAlerts } from "../../../data/alerts.ts";
import { LiveList } from "./live-list.ts";

/** After so long without a movement or key the list goes on by itself. */
const HELD_MS = 4_000;

/** The list of what a filter takes; `touch` has it keep still for a while. */
export function useLiveList(filter: AlertFilter, isGrouped: boolean) {
  const filterKey = JSON.stringify([filter, isGrouped]);
  const unfolded = useRef(new Set<string>());
  const [, setShown] = useState(0);
  const redraw = () => setShown((count) => count + 1);
  const list = useMemo(() => {
    return new LiveList(alertBook.rows(), takes(filter), isGrouped, (id) => unfolded.current.has(id));
  }, [filterKey]);
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
  const unfold = (id: string) => {
    if (!unfolded.current.delete(id)) unfolded.current.add(id);
    list.refold();
    redraw();
  };
  void alertsVersion.value;
  return { list, touch, letGo, unfold };
}
