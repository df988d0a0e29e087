/**
 * Where panels stand in a grid of 12 columns, in cells. All functions are pure; what they return overlaps nowhere, lies within the
 * columns, keeps the order of its input, and has no room above a panel that it could rise into.
 */

export interface Rect {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const COLUMNS = 12;
const HEIGHT_MAX = 100;
/** Smaller ones cannot be taken hold of. */
const [WIDTH_MIN, HEIGHT_MIN] = [2, 2];

/** As they are shown: moved down where they overlap, up where there is room. Again it changes nothing. */
export function settled(rects: readonly Rect[]): Rect[] {
  return placed(rects.map(withinColumns), undefined);
}

/**
 * While a panel is moved or resized: it stands where it is wanted, and the others make room. One that it pushes goes to where
 * the panel was if it fits there. `rects` are those of before the gesture, so that what was pushed comes back.
 */
export function makingRoom(rects: readonly Rect[], wanted: Rect): Rect[] {
  const others = rects.filter(({ id }) => id !== wanted.id);
  const held = withinColumns({ ...wanted, y: Math.min(wanted.y, rowsOf(others)) });
  return placed(
    rects.map((rect) => (rect.id === wanted.id ? held : withinColumns(rect))),
    held,
  );
}

export function movedBy(rect: Rect, columns: number, rows: number): Rect {
  const x = clamp(rect.x + columns, 0, COLUMNS - rect.width);
  return { ...rect, x, y: Math.max(0, rect.y + rows) };
}

export function resizedBy(rect: Rect, columns: number, rows: number): Rect {
  const width = clamp(rect.width + columns, Math.min(WIDTH_MIN, rect.width), COLUMNS - rect.x);
  const height = clamp(rect.height + rows, Math.min(HEIGHT_MIN, rect.height), HEIGHT_MAX);
  return { ...rect, width, height };
}

/** The highest place with nothing below it, as far to the left as it goes. */
export function placeFor(rects: readonly Rect[], width: number, height: number): Omit<Rect, "id"> {
  const places = Array.from({ length: COLUMNS - width + 1 }, (_, x) => {
    const below = rects.filter((rect) => sharesColumns(rect, { id: "", x, y: 0, width, height }));
    return { x, y: rowsOf(below), width, height };
  });
  return places.reduce((best, place) => (place.y < best.y ? place : best));
}

/** As they are read: row by row. */
export function inReadingOrder<T extends Rect>(rects: readonly T[]): T[] {
  return [...rects].sort((a, b) => a.y - b.y || a.x - b.x);
}

export function rowsOf(rects: readonly Rect[]): number {
  return Math.max(0, ...rects.map(bottomOf));
}

export function overlaps(a: Rect, b: Rect): boolean {
  return sharesColumns(a, b) && a.y < bottomOf(b) && b.y < bottomOf(a);
}

/** `held` stays where it is. */
function placed(rects: readonly Rect[], held: Rect | undefined): Rect[] {
  const done = new Map<string, Rect>(held && [[held.id, held]]);
  for (const rect of inReadingOrder(rects)) {
    if (!done.has(rect.id)) done.set(rect.id, placeOf(rect, [...done.values()], held));
  }
  return rects.map(({ id }) => done.get(id)!);
}

function placeOf(rect: Rect, standing: readonly Rect[], held: Rect | undefined): Rect {
  const isFree = (y: number) => y >= 0 && !standing.some((other) => overlaps(other, { ...rect, y }));
  let { y } = rect;
  if (held !== undefined && overlaps(held, rect) && isFree(held.y - rect.height)) y = held.y - rect.height;
  while (!isFree(y)) y = Math.min(...standing.filter((other) => overlaps(other, { ...rect, y })).map(bottomOf));
  while (isFree(y - 1)) y--;
  return { ...rect, y };
}

function withinColumns(rect: Rect): Rect {
  const width = clamp(rect.width, 1, COLUMNS);
  const height = clamp(rect.height, 1, HEIGHT_MAX);
  return { ...rect, width, height, x: clamp(rect.x, 0, COLUMNS - width), y: Math.max(0, rect.y) };
}

function sharesColumns(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width;
}

function bottomOf({ y, height }: Rect): number {
  return y + height;
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
