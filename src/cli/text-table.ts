/** Columns of text for people: as wide as what they hold, without frames, so that rows fit a terminal and can be cut. */
export interface Column<R> {
  readonly title: string;
  readonly right?: boolean;
  cell(row: R): string;
}

/** A line for the titles and one a row; "" where there is none. */
export function textTable<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  if (rows.length === 0) return "";
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map((column) => column.cell(row)))];
  const widths = columns.map((_, at) => cells.reduce((most, line) => Math.max(most, Bun.stringWidth(line[at])), 0));
  const lines = cells.map((line) =>
    line
      .map((text, at) => {
        const space = " ".repeat(widths[at] - Bun.stringWidth(text));
        return columns[at].right ? space + text : text + space;
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
