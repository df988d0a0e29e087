/** Bytes that are not what was written. The message names what is wrong; nothing of the chunk may be served. */
export class DamagedChunkError extends Error {
  override readonly name = "DamagedChunkError";
}

/** Throws {@link DamagedChunkError} unless `holds`. */
export function expectIntact(holds: boolean, wrong: string): void {
  if (!holds) throw new DamagedChunkError(wrong);
}
