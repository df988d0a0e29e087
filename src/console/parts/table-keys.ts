import type { ToldKey } from "../key-sequence.ts";

/** Of a table whose row has the focus, as `table.tsx` listens for them. */
export const TABLE_KEYS: readonly ToldKey[] = [
  { keys: "↑ ↓", label: "To the next row" },
  { keys: "PageUp PageDown", label: "A page of rows" },
  { keys: "Home End", label: "To the first row, or the last" },
  { keys: "Space", label: "Choose the row, with Shift all up to it" },
  { keys: "Enter", label: "Open the row" },
];
