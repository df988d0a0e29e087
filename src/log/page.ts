/** Pages of rows of `state.db`: appends wait while one is read, a millisecond or two. */
export const PAGE_ROWS_MAX = 500;
const PAGE_CHARS_MAX = 512 * 1024;

/** In words, of what stands in a damaged row. */
export function notServed(name: string): string {
  return `${name} does not match its checksum: it is not served`;
}

export interface RowPage<Row> {
  readonly rows: Row[];
  /** There are no more. A page before may be the last too, and not know. */
  readonly isLast: boolean;
}

/** The first of the rows, at most `limit`, and as many as go into a page, at least one. */
export function pageOf<Row>(rows: Iterable<Row>, limit: number, charsOf: (row: Row) => number): RowPage<Row> {
  const taken: Row[] = [];
  let chars = 0;
  for (const row of rows) {
    taken.push(row);
    chars += charsOf(row);
    if (taken.length >= Math.min(limit, PAGE_ROWS_MAX) || chars >= PAGE_CHARS_MAX)
      return { rows: taken, isLast: false };
  }
  return { rows: taken, isLast: true };
}
