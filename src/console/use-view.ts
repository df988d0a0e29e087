import { useEffect } from "preact/hooks";
import { lookingAt } from "./looking-at.ts";

/** Says what is looked at, of a view that is about no metric and no device. */
export function useView(view: string): void {
  useEffect(() => {
    lookingAt.value = { view, metrics: [], devices: [] };
  }, [view]);
}
