/**
 * From the raw bytes of a point's metric and tags to its series id, in front of the canonical key.
 *
 * Map order on the wire is arbitrary, so a series has many byte forms; the cache holds forms, not series. It is bounded:
 * two generations of open-addressed tables, of which the older is dropped when the younger is full, and a form that is
 * hit in the older moves to the younger. The hash is seeded, so a sender cannot choose forms that collide.
 */

const ENTRIES_MIN = 1 << 10;
const ARENA_BYTES_MIN = 1 << 16;

/** Where a point's identity lies in the message: the metric's bytes and its tag entries, framing included. */
export interface FormRange {
  metricAt: number;
  metricEnd: number;
  tagsAt: number;
  tagsEnd: number;
}

export interface SeriesCacheLimits {
  /** Forms in each of the two generations. */
  readonly entriesMax: number;
  /** Bytes of forms in each of the two generations. */
  readonly arenaBytesMax: number;
}

export class SeriesCache {
  readonly #limits: SeriesCacheLimits;
  readonly #seed: number;
  #young: Generation;
  #old: Generation | undefined;
  /** Entry of the young generation that answered last: senders repeat their order, so its successor is tried first. */
  #previous = -1;
  #hits = 0;
  #misses = 0;

  constructor(seed: number, limits: SeriesCacheLimits = { entriesMax: 1 << 19, arenaBytesMax: 48 << 20 }) {
    this.#seed = seed | 0;
    this.#limits = limits;
    this.#young = new Generation(limits);
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  /** The series id of a form sent by source number `source`, or 0. */
  find(view: DataView, form: FormRange, source: number): number {
    const young = this.#young;
    const guess = this.#previous < 0 ? -1 : young.successor[this.#previous]!;
    if (guess >= 0 && young.equals(guess, view, form, source)) {
      this.#previous = guess;
      this.#hits++;
      return young.ids[guess]!;
    }
    const hash = hashOf(view, form, source, this.#seed);
    let entry = young.find(hash, view, form, source);
    if (entry < 0 && this.#old) {
      const aged = this.#old.find(hash, view, form, source);
      if (aged >= 0) entry = this.#insert(hash, view, form, source, this.#old.ids[aged]!);
    }
    if (entry < 0) {
      this.#misses++;
      return 0;
    }
    this.#follow(entry);
    this.#hits++;
    return this.#young.ids[entry]!;
  }

  add(view: DataView, form: FormRange, source: number, id: number): void {
    this.#follow(this.#insert(hashOf(view, form, source, this.#seed), view, form, source, id));
  }

  clear(): void {
    this.#young = new Generation(this.#limits);
    this.#old = undefined;
    this.#previous = -1;
  }

  #insert(hash: number, view: DataView, form: FormRange, source: number, id: number): number {
    const entry = this.#young.insert(hash, view, form, source, id);
    if (entry >= 0) return entry;
    this.#old = this.#young;
    this.#young = new Generation(this.#limits);
    this.#previous = -1;
    return this.#young.insert(hash, view, form, source, id);
  }

  #follow(entry: number): void {
    if (this.#previous >= 0) this.#young.successor[this.#previous] = entry;
    this.#previous = entry;
  }
}

/** One open-addressed table: entries in columns, their bytes in one arena. Grows by doubling up to the limits. */
class Generation {
  readonly #limits: SeriesCacheLimits;
  #count = 0;
  #arenaUsed = 0;
  #slots = new Int32Array(ENTRIES_MIN * 2).fill(-1);
  #hashes = new Int32Array(ENTRIES_MIN);
  #sources = new Int32Array(ENTRIES_MIN);
  #offsets = new Int32Array(ENTRIES_MIN);
  #metricBytes = new Int32Array(ENTRIES_MIN);
  #tagBytes = new Int32Array(ENTRIES_MIN);
  #arena = new DataView(new ArrayBuffer(ARENA_BYTES_MIN));
  ids = new Uint32Array(ENTRIES_MIN);
  successor = new Int32Array(ENTRIES_MIN).fill(-1);

  constructor(limits: SeriesCacheLimits) {
    this.#limits = limits;
  }

  find(hash: number, view: DataView, form: FormRange, source: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry < 0) return -1;
      if (this.#hashes[entry] === hash && this.equals(entry, view, form, source)) return entry;
    }
  }

  equals(entry: number, view: DataView, form: FormRange, source: number): boolean {
    const metricBytes = form.metricEnd - form.metricAt;
    const tagBytes = form.tagsEnd - form.tagsAt;
    if (this.#metricBytes[entry] !== metricBytes || this.#tagBytes[entry] !== tagBytes) return false;
    if (this.#sources[entry] !== source) return false;
    const offset = this.#offsets[entry]!;
    const arena = this.#arena;
    return (
      sameBytes(arena, offset, view, form.metricAt, metricBytes) &&
      sameBytes(arena, offset + metricBytes, view, form.tagsAt, tagBytes)
    );
  }

  /** The new entry, or -1 when the generation is full. */
  insert(hash: number, view: DataView, form: FormRange, source: number, id: number): number {
    const metricBytes = form.metricEnd - form.metricAt;
    const tagBytes = form.tagsEnd - form.tagsAt;
    if (!this.#hasRoom(metricBytes + tagBytes)) return -1;
    const entry = this.#count++;
    const offset = this.#arenaUsed;
    this.#arenaUsed += metricBytes + tagBytes;
    const arena = new Uint8Array(this.#arena.buffer);
    arena.set(bytesOf(view, form.metricAt, metricBytes), offset);
    arena.set(bytesOf(view, form.tagsAt, tagBytes), offset + metricBytes);
    this.#hashes[entry] = hash;
    this.#sources[entry] = source;
    this.#offsets[entry] = offset;
    this.#metricBytes[entry] = metricBytes;
    this.#tagBytes[entry] = tagBytes;
    this.ids[entry] = id;
    this.successor[entry] = -1;
    this.#place(entry);
    return entry;
  }

  #place(entry: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hashes[entry]! & mask;
    while (slots[slot]! >= 0) slot = (slot + 1) & mask;
    slots[slot] = entry;
  }

  #hasRoom(bytes: number): boolean {
    const capacity = this.#hashes.length;
    if (this.#count === capacity) {
      if (capacity * 2 > this.#limits.entriesMax) return false;
      this.#hashes = grown(this.#hashes, new Int32Array(capacity * 2));
      this.#sources = grown(this.#sources, new Int32Array(capacity * 2));
      this.#offsets = grown(this.#offsets, new Int32Array(capacity * 2));
      this.#metricBytes = grown(this.#metricBytes, new Int32Array(capacity * 2));
      this.#tagBytes = grown(this.#tagBytes, new Int32Array(capacity * 2));
      this.ids = grown(this.ids, new Uint32Array(capacity * 2));
      this.successor = grown(this.successor, new Int32Array(capacity * 2));
      this.#slots = new Int32Array(capacity * 4).fill(-1);
      for (let entry = 0; entry < this.#count; entry++) this.#place(entry);
    }
    const needed = this.#arenaUsed + bytes;
    if (needed > this.#arena.byteLength) {
      const size = Math.max(this.#arena.byteLength * 2, needed);
      if (size > this.#limits.arenaBytesMax) return this.#count === 0 && this.#growArena(size);
      this.#growArena(size);
    }
    return true;
  }

  #growArena(size: number): true {
    const arena = new Uint8Array(size);
    arena.set(new Uint8Array(this.#arena.buffer, 0, this.#arenaUsed));
    this.#arena = new DataView(arena.buffer);
    return true;
  }
}

function grown<T extends Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function bytesOf(view: DataView, at: number, count: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, count);
}

/**
 * Eight bytes at a time, the last eight though some of them were compared before. As doubles, which are compared as they
 * are loaded: two that are equal have equal bits unless they are zero, and what is no number equals nothing.
 */
function sameBytes(a: DataView, aAt: number, b: DataView, bAt: number, count: number): boolean {
  if (count < 8) return sameWords(a, aAt, b, bAt, count);
  const last = count - 8;
  for (let i = 0; ; i = Math.min(i + 8, last)) {
    const word = a.getFloat64(aAt + i, true);
    if (word !== b.getFloat64(bAt + i, true) || word === 0) return sameWords(a, aAt, b, bAt, count);
    if (i === last) return true;
  }
}

function sameWords(a: DataView, aAt: number, b: DataView, bAt: number, count: number): boolean {
  if (count >= 4) {
    const last = count - 4;
    for (let i = 0; i < last; i += 4) if (a.getInt32(aAt + i, true) !== b.getInt32(bAt + i, true)) return false;
    return a.getInt32(aAt + last, true) === b.getInt32(bAt + last, true);
  }
  for (let i = 0; i < count; i++) if (a.getUint8(aAt + i) !== b.getUint8(bAt + i)) return false;
  return true;
}

function hashOf(view: DataView, form: FormRange, source: number, seed: number): number {
  const h = hashRange(view, form.metricAt, form.metricEnd, seed ^ Math.imul(source, 0x9e3779b1));
  return mixed(hashRange(view, form.tagsAt, form.tagsEnd, h));
}

function hashRange(view: DataView, at: number, end: number, seed: number): number {
  let h = seed ^ (end - at);
  let i = at;
  for (; i + 4 <= end; i += 4) h = step(h, view.getInt32(i, true));
  let rest = 0;
  for (; i < end; i++) rest = (rest << 8) | view.getUint8(i);
  return step(h, rest);
}

/** One round of MurmurHash3's 32-bit mixing (Austin Appleby, public domain). */
function step(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
