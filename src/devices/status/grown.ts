/** Columns that grow. */
type Column = Float64Array | Float32Array | Uint32Array | Int32Array | Uint8Array;

/** The column itself where it is long enough; otherwise a longer copy, what is new holding `fill`. */
export function grown<T extends Column>(column: T, length: number, fill = 0): T {
  if (column.length >= length) return column;
  const longer = new (column.constructor as new (length: number) => T)(length);
  longer.set(column);
  if (fill !== 0) longer.fill(fill, column.length);
  return longer;
}
