/** Which rows of a long table are drawn. */

export interface RowWindow {
  /** Half open. */
  readonly from: number;
  readonly to: number;
}

/** So many above and below what is seen. */
const BEYOND = 8;

/** `topPx` is where the first row is from the top of what is seen, `seenPx` how high that is. */
export function rowWindow(topPx: number, seenPx: number, rowPx: number, count: number): RowWindow {
  const first = Math.floor(-topPx / rowPx);
  const from = Math.max(0, Math.min(count, first - BEYOND));
  return { from, to: Math.max(from, Math.min(count, first + Math.ceil(seenPx / rowPx) + BEYOND)) };
}

/** A row that is drawn, or the room of those that are not. */
export type RowOrRoom = { readonly row: number } | { readonly room: number };

/** The rows of the window, and `also` (the one with the focus) wherever it is, with room for all others. */
export function rowsDrawn({ from, to }: RowWindow, count: number, also: number): RowOrRoom[] {
  const drawn: RowOrRoom[] = [];
  let next = 0;
  const upTo = (row: number) => {
    if (row > next) drawn.push({ room: row - next });
    next = row;
  };
  const draw = (row: number) => {
    upTo(row);
    drawn.push({ row });
    next = row + 1;
  };
  if (also >= 0 && also < Math.min(from, count)) draw(also);
  for (let row = from; row < Math.min(to, count); row++) draw(row);
  if (also >= to && also < count) draw(also);
  upTo(count);
  return drawn;
}
