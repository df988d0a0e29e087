import { DamagedChunkError } from "./damaged.ts";

/** Reads what a ByteWriter wrote. Never leaves its bytes: what would is a {@link DamagedChunkError}. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** Steps over `count` bytes and returns where they start. */
  take(count: number): number {
    // Called for every number: the sentence is made only where it is needed.
    if (!(count >= 0 && count <= this.left)) {
      throw new DamagedChunkError(`${count} bytes wanted, ${this.left} are left`);
    }
    const from = this.at;
    this.at += count;
    return from;
  }

  u8(): number {
    return this.bytes[this.take(1)];
  }

  u32(): number {
    return this.#view.getUint32(this.take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.take(8), true);
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    throw new DamagedChunkError("a varint of more than eight bytes");
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
