/** The order of a table's rows, as addresses name it: "name", or "-name" for the largest first. */

export interface Sort {
  readonly by: string;
  readonly isDown: boolean;
}

export function parseSort(sort: string): Sort {
  return sort.startsWith("-") ? { by: sort.slice(1), isDown: true } : { by: sort, isDown: false };
}

export function sortName(by: string, isDown: boolean): string {
  return isDown ? `-${by}` : by;
}

type SortKey = string | number | undefined;

interface Sortable<T> {
  readonly name: string;
  sortKey?(row: T): SortKey;
}

const texts = new Intl.Collator(undefined, { numeric: true });

/** Equal ones stay in their order; undefined stands last either way. */
export function sortedBy<T>(rows: readonly T[], columns: readonly Sortable<T>[], sort: string): readonly T[] {
  const { by, isDown } = parseSort(sort);
  const keyOf = columns.find(({ name }) => name === by)?.sortKey;
  if (keyOf === undefined) return rows;
  const keyed = rows.map((row) => ({ row, key: keyOf(row) }));
  keyed.sort((a, b) => {
    if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined);
    return isDown ? compare(b.key, a.key) : compare(a.key, b.key);
  });
  return keyed.map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number" ? a - b : texts.compare(String(a), String(b));
}
