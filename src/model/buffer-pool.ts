/**
 * Buffers used again. Large ones that are made and dropped at a high rate go back to the kernel and come from it again,
 * and faulting their pages in costs more than what is done with them. Sizes are powers of two; what lies outside of
 * [bytesMin, bytesMax] is made and forgotten.
 */
export class BufferPool {
  readonly #bytesMin: number;
  readonly #bytesMax: number;
  readonly #keptBytesMax: number;
  readonly #kept = new Map<number, ArrayBuffer[]>();
  #keptBytes = 0;

  /** `bytesMin` and `bytesMax` are powers of two. At most `keptBytesMax` bytes wait to be used again. */
  constructor(bytesMin: number, bytesMax: number, keptBytesMax: number) {
    this.#bytesMin = bytesMin;
    this.#bytesMax = bytesMax;
    this.#keptBytesMax = keptBytesMax;
  }

  /** Of at least `bytes` bytes; what is in it is not defined. */
  take(bytes: number): ArrayBuffer {
    if (!this.#pools(bytes)) return new ArrayBuffer(bytes);
    const size = 2 ** Math.ceil(Math.log2(bytes));
    const kept = this.#kept.get(size)?.pop();
    if (kept === undefined) return new ArrayBuffer(size);
    this.#keptBytes -= size;
    return kept;
  }

  /** Nobody uses the buffer any more. One that did not come from here is forgotten. */
  give(buffer: ArrayBuffer): void {
    const { byteLength } = buffer;
    const isOurs = this.#pools(byteLength) && Number.isInteger(Math.log2(byteLength));
    if (!isOurs || this.#keptBytes + byteLength > this.#keptBytesMax) return;
    this.#keptBytes += byteLength;
    const kept = this.#kept.get(byteLength);
    if (kept === undefined) this.#kept.set(byteLength, [buffer]);
    else kept.push(buffer);
  }

  #pools(bytes: number): boolean {
    return bytes >= this.#bytesMin && bytes <= this.#bytesMax;
  }
}
