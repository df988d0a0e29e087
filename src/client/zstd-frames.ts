/**
 * Follows zstd frames without unpacking them (RFC 8878, section 3.1): the unpacker here takes a file that was cut, or goes
 * on with something else behind its last frame, for a whole one. Pure.
 */
import { WatchpostError } from "../model/errors.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What `zstd -d` takes without being asked, too. */
const WINDOW_BYTES_MAX = 128 * 1024 * 1024;
const RESERVED_BLOCK = 3;
const RLE_BLOCK = 1;

/** Bytes wanted next: to look at, or to pass over. */
type Wanted = { readonly look: number } | { readonly pass: number };

export class ZstdFrames {
  readonly #parser = parser();
  #wanted: Wanted;
  #gathered: number[] = [];

  constructor() {
    this.#wanted = this.#parser.next().value as Wanted;
  }

  /** Throws DATA_LOSS where no frame goes on like this, or one wants more than 128 MiB of memory. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if ("pass" in this.#wanted) {
        const passed = Math.min(this.#wanted.pass, bytes.length - at);
        this.#wanted = { pass: this.#wanted.pass - passed };
        at += passed;
      } else this.#gathered.push(bytes[at++]);
      this.#advance();
    }
  }

  /** Throws DATA_LOSS where a frame has not ended. */
  end(): void {
    if (this.#gathered.length > 0 || this.#parser.next(undefined).value !== "between frames") {
      throw new WatchpostError("DATA_LOSS", "it ends within a zstd frame");
    }
  }

  #advance(): void {
    for (;;) {
      const isOver = "pass" in this.#wanted ? this.#wanted.pass === 0 : this.#gathered.length === this.#wanted.look;
      if (!isOver) return;
      const seen = this.#gathered;
      this.#gathered = [];
      this.#wanted = this.#parser.next(seen).value as Wanted;
    }
  }
}

/** Yields what it wants; when it is given undefined the input has ended, and it answers with where that was. */
function* parser(): Generator<Wanted | string, string, number[] | undefined> {
  for (;;) {
    const start = yield { look: 4 };
    if (start === undefined) return "between frames";
    const magic = littleEndian(start);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
      const size = yield { look: 4 };
      if (size === undefined || (yield { pass: littleEndian(size) }) === undefined) return "within a frame";
      continue;
    }
    if (magic !== MAGIC) throw new WatchpostError("DATA_LOSS", "it goes on with something that is no zstd frame");
    if ((yield* header()) === undefined) return "within a frame";
  }
}

/** From behind the magic number to the end of the frame. Undefined where the input ends before. */
function* header(): Generator<Wanted | string, true | undefined, number[] | undefined> {
  const descriptor = (yield { look: 1 })?.[0];
  if (descriptor === undefined) return undefined;
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const idBytes = [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  const fields = yield { look: (isSingle ? 0 : 1) + idBytes + sizeBytes };
  if (fields === undefined) return undefined;
  const contentBytes = littleEndian(fields.slice(fields.length - sizeBytes)) + (sizeFlag === 1 ? 256 : 0);
  const windowBytes = isSingle ? contentBytes : windowOf(fields[0]);
  if (windowBytes > WINDOW_BYTES_MAX) {
    const message = `a zstd frame wants ${windowBytes} bytes of memory; wanted at most ${WINDOW_BYTES_MAX}`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }
  for (let isLast = false; !isLast;) {
    const block = yield { look: 3 };
    if (block === undefined) return undefined;
    const bits = littleEndian(block);
    isLast = (bits & 1) === 1;
    const type = (bits >> 1) & 3;
    if (type === RESERVED_BLOCK) throw new WatchpostError("DATA_LOSS", "a zstd frame has a block of no known type");
    if ((yield { pass: type === RLE_BLOCK ? 1 : bits >> 3 }) === undefined) return undefined;
  }
  const hasChecksum = (descriptor & 4) !== 0;
  return (yield { pass: hasChecksum ? 4 : 0 }) === undefined ? undefined : true;
}

function windowOf(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function littleEndian(bytes: readonly number[]): number {
  return bytes.reduceRight((number, byte) => number * 256 + byte, 0);
}
