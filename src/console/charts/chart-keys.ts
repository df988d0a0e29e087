import type { ToldKey } from "../keys.ts";

/** Of a plot that has the focus and can be moved, as `gestures.ts` listens for them. */
export const CHART_KEYS: readonly ToldKey[] = [
  { keys: "← →", label: "Move the chart that has the focus" },
  { keys: "Shift+← Shift+→", label: "Look at a time in it" },
  { keys: "+ -", label: "Zoom it" },
  { keys: "0 Home", label: "Back to now" },
];
