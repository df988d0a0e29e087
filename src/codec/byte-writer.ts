/** Growing bytes, written front to back; reused by {@link clear}. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;
  #view: DataView;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** A view of what was written; valid until the next write. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for `count` bytes, counts them as written, and returns where they start. */
  extend(count: number): number {
    const from = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, from));
      this.bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return from;
  }

  u8(value: number): void {
    const at = this.extend(1);
    this.bytes[at] = value;
  }

  u32(value: number): void {
    const at = this.extend(4);
    this.#view.setUint32(at, value, true);
  }

  f64(value: number): void {
    const at = this.extend(8);
    this.#view.setFloat64(at, value, true);
  }

  /** Whole numbers from 0 to 2^53 - 1, seven bits a byte, low ones first. */
  varint(value: number): void {
    let left = value;
    while (left >= 0x80) {
      this.u8((left % 0x80) | 0x80);
      left = Math.floor(left / 0x80);
    }
    this.u8(left);
  }

  /** Whole numbers whose double is below 2^53: 0, -1, 1, -2 … become 0, 1, 2, 3 … */
  zigzag(value: number): void {
    this.varint(value >= 0 ? 2 * value : -2 * value - 1);
  }

  append(bytes: Uint8Array): void {
    const at = this.extend(bytes.length);
    this.bytes.set(bytes, at);
  }
}
