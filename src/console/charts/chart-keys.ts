import type { ToldKey } from "../key-sequence.ts";

const LOOK_KEYS: readonly ToldKey[] = [
  { keys: "Shift+← Shift+→", label: "Look at a time in the chart that has the focus" },
];

const MOVE_KEYS: readonly ToldKey[] = [
  { keys: "← →", label: "Move the chart" },
  { keys: "+ -", label: "Zoom it" },
  { keys: "0 Home", label: "Back to now" },
];

const LIMIT_KEYS: readonly ToldKey[] = [
  { keys: "↑ ↓", label: "Move the limit whose handle has the focus" },
  { keys: "PageUp PageDown", label: "Move it further" },
];

/** Of a plot that has the focus, as `gestures.ts` and `limit-handle.ts` listen for them. */
export function chartKeys(canMove: boolean, hasLimit: boolean): readonly ToldKey[] {
  return [...LOOK_KEYS, ...(canMove ? MOVE_KEYS : []), ...(hasLimit ? LIMIT_KEYS : [])];
}
