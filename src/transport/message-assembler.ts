/**
 * Puts the messages of a gRPC stream together from its data frames, in place of grpc-js's own decoder: that copies each
 * message into a new buffer, this one copies only what came in several frames, into buffers that are used again.
 */
import type { BufferPool } from "../model/buffer-pool.ts";

/** A byte that tells whether the message is compressed, and its length: u32, big endian. */
const PREFIX_BYTES = 5;

export class MessageAssembler {
  readonly #messageBytesMax: number;
  readonly #pool: BufferPool;
  /** Of the message that has not arrived whole, its prefix included. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  #ended = false;
  readonly #lent = new Set<ArrayBufferLike>();

  constructor(messageBytesMax: number, pool: BufferPool) {
    this.#messageBytesMax = messageBytesMax;
    this.#pool = pool;
  }

  /** The messages that `data` makes whole, each with its prefix. Throws where one says that it is too large. */
  write(data: Buffer): Buffer[] {
    const whole: Buffer[] = [];
    let rest = data;
    while (rest.length > 0 && !this.#ended) {
      const wanted = this.#bytesWanted(rest);
      const part = rest.subarray(0, wanted);
      rest = rest.subarray(part.length);
      if (this.#partBytes === 0 && part.length === wanted && wanted >= PREFIX_BYTES) {
        whole.push(part);
        continue;
      }
      this.#parts.push(part);
      this.#partBytes += part.length;
      if (this.#partBytes >= PREFIX_BYTES && this.#bytesWanted(rest) === 0) whole.push(this.#take());
    }
    return whole;
  }

  /** Nobody uses a message any more. */
  release(message: Buffer): void {
    if (this.#lent.delete(message.buffer)) this.#pool.give(message.buffer as ArrayBuffer);
  }

  /** Forgets what has arrived, and takes no more. */
  end(): void {
    this.#ended = true;
    this.#parts = [];
  }

  /** How many bytes the present message lacks, as far as what has arrived and `next` tell. */
  #bytesWanted(next: Buffer): number {
    if (this.#partBytes === 0 && next.length >= PREFIX_BYTES) return this.#checked(next.readUInt32BE(1)) + PREFIX_BYTES;
    if (this.#partBytes < PREFIX_BYTES) return PREFIX_BYTES - this.#partBytes;
    return PREFIX_BYTES + this.#checked(this.#prefix().readUInt32BE(1)) - this.#partBytes;
  }

  /** The first part holds it, unless it came in pieces. */
  #prefix(): Buffer {
    if (this.#parts[0].length < PREFIX_BYTES) this.#parts = [Buffer.concat(this.#parts)];
    return this.#parts[0];
  }

  #checked(bytes: number): number {
    if (bytes <= this.#messageBytesMax) return bytes;
    throw new Error(`Received message larger than max (${bytes} vs ${this.#messageBytesMax})`);
  }

  #take(): Buffer {
    const parts = this.#parts;
    const bytes = this.#partBytes;
    this.#parts = [];
    this.#partBytes = 0;
    if (parts.length === 1) return parts[0];
    const buffer = this.#pool.take(bytes);
    this.#lent.add(buffer);
    const message = Buffer.from(buffer, 0, bytes);
    let at = 0;
    for (const part of parts) at += part.copy(message, at);
    return message;
  }
}
