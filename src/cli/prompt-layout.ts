/** How a prompt with what is typed behind it stands on a terminal: rows that fit, and where the cursor is. Pure. */
import { printable } from "./watch-table.ts";

export interface PromptLayout {
  /** At least one, each at most `columns` wide. */
  readonly rows: readonly string[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

export interface PromptSize {
  readonly columns: number;
  /** Rows that it may take; with more of them those around the cursor are shown. */
  readonly rowsMax: number;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** `label` may have colours, and has to leave room for a few characters; `at` is in UTF-16. */
export function layoutPrompt(label: string, text: string, at: number, { columns, rowsMax }: PromptSize): PromptLayout {
  const rows = [label];
  let width = Bun.stringWidth(label);
  let cursorRow = 0;
  let cursorColumn = width;
  const wrap = () => {
    rows.push("");
    width = 0;
  };
  const place = () => {
    if (width >= columns) wrap();
    cursorRow = rows.length - 1;
    cursorColumn = width;
  };
  let isPlaced = false;
  for (const { segment, index } of graphemes.segment(text)) {
    if (segment === "\n") {
      if (index === at) isPlaced = (place(), true);
      wrap();
      continue;
    }
    const shown = shownGrapheme(segment);
    const takes = Bun.stringWidth(shown);
    if (width + takes > columns) wrap();
    if (index === at) isPlaced = (place(), true);
    rows[rows.length - 1] += shown;
    width += takes;
  }
  if (!isPlaced) place();
  const first = Math.min(Math.max(0, cursorRow - rowsMax + 1), Math.max(0, rows.length - rowsMax));
  return { rows: rows.slice(first, first + rowsMax), cursorRow: cursorRow - first, cursorColumn };
}

/** Without what terminals do not agree on the width of. */
function shownGrapheme(segment: string): string {
  if (segment === "\t") return " ";
  return printable(segment.replaceAll(/[\u200c\u200d\ufe0e\ufe0f]/g, ""));
}
