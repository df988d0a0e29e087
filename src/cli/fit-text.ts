/** Text in columns of a terminal, in which some characters take two. */

/** The columns that the widest takes; 0 where there is none. */
export function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => Bun.stringWidth(text)));
}

/** To `width` columns: cut, or filled with spaces. */
export function pad(text: string, width: number): string {
  const fitting = cut(text, width);
  return fitting + " ".repeat(Math.max(0, width - Bun.stringWidth(fitting)));
}

/** At most `width` columns, with an ellipsis where it is cut. */
export function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  let fitting = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (Bun.stringWidth(fitting + segment) > width - 1) break;
    fitting += segment;
  }
  return `${fitting}…`;
}
