const ROOM_MIN = 16;
/** Seven binary digits after the first: buckets are less than 1 % wide. */
const DROPPED_BITS = 13;
const bits = new DataView(new ArrayBuffer(8));

/**
 * The number of a value's bucket, ascending with values: sign, exponent and first digits of the double. Values of a bucket
 * are within 1 % of each other, and zero has its own.
 */
export function bucketOf(value: number): number {
  bits.setFloat64(0, value);
  const high = bits.getInt32(0);
  const magnitude = (high & 0x7fff_ffff) >>> DROPPED_BITS;
  return high < 0 ? -magnitude : magnitude;
}

/** The bucket that stands for those whose numbers differ from it in their last `digits` binary digits only. */
export function coarser(bucket: number, digits: number): number {
  return bucket < 0 ? -((-bucket >>> digits) << digits) : (bucket >>> digits) << digits;
}

/**
 * Values counted in logarithmic buckets, so that quantiles are within 1 % (as in DDSketch, Masson et al. 2019, with the
 * digits of doubles for logarithms). A bucket stands for the first value that came into it: a sensor with few different
 * values has exact quantiles. Only buckets that hold something take room.
 */
export class LogHistogram {
  #buckets = new Int32Array(ROOM_MIN);
  #counts = new Float64Array(ROOM_MIN);
  #firsts = new Float64Array(ROOM_MIN);
  #length = 0;
  #total = 0;

  /** Buckets. */
  get length(): number {
    return this.#length;
  }

  /** Values. */
  get total(): number {
    return this.#total;
  }

  add(bucket: number, value: number): void {
    const at = this.#firstAtLeast(bucket);
    this.#total++;
    if (at < this.#length && this.#buckets[at] === bucket) {
      this.#counts[at]++;
      // What stood for several buckets need not stand for the one of them that is left.
      if (bucketOf(this.#firsts[at]) !== bucket) this.#firsts[at] = value;
      return;
    }
    if (this.#length === this.#buckets.length) this.#resize(2 * this.#length);
    for (const column of [this.#buckets, this.#counts, this.#firsts]) column.copyWithin(at + 1, at, this.#length);
    this.#length++;
    this.#buckets[at] = bucket;
    this.#counts[at] = 1;
    this.#firsts[at] = value;
  }

  /** Takes out what was added here and there. */
  subtract(other: LogHistogram): void {
    let kept = 0;
    let theirs = 0;
    for (let i = 0; i < this.#length; i++) {
      let count = this.#counts[i];
      if (theirs < other.#length && other.#buckets[theirs] === this.#buckets[i]) count -= other.#counts[theirs++];
      if (count > 0) this.#keep(kept++, this.#buckets[i], count, this.#firsts[i]);
    }
    this.#total -= other.#total;
    this.#shorten(kept);
  }

  /** Brings buckets together whose numbers differ in their last `digits` binary digits only. */
  coarsen(digits: number): void {
    let kept = 0;
    for (let i = 0; i < this.#length; i++) {
      const bucket = coarser(this.#buckets[i], digits);
      if (kept > 0 && this.#buckets[kept - 1] === bucket) this.#counts[kept - 1] += this.#counts[i];
      else this.#keep(kept++, bucket, this.#counts[i], this.#firsts[i]);
    }
    this.#shorten(kept);
  }

  /** Interpolated between closest ranks like `quantileOf`; NaN where there is no value. */
  quantile(q: number): number {
    const rank = q * (this.#total - 1);
    const below = Math.floor(rank);
    const above = Math.ceil(rank);
    let upper = NaN;
    let before = this.#total;
    // High quantiles are asked for.
    for (let i = this.#length - 1; i >= 0; i--) {
      before -= this.#counts[i];
      if (Number.isNaN(upper) && above >= before) upper = this.#firsts[i];
      if (below >= before) return this.#firsts[i] + (upper - this.#firsts[i]) * (rank - below);
    }
    return NaN;
  }

  #firstAtLeast(bucket: number): number {
    const buckets = this.#buckets;
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (buckets[middle] < bucket) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #keep(at: number, bucket: number, count: number, first: number): void {
    this.#buckets[at] = bucket;
    this.#counts[at] = count;
    this.#firsts[at] = first;
  }

  #shorten(length: number): void {
    this.#length = length;
    const room = this.#buckets.length;
    if (room > ROOM_MIN && 4 * length <= room) this.#resize(room / 2);
  }

  #resize(room: number): void {
    const [buckets, counts, firsts] = [new Int32Array(room), new Float64Array(room), new Float64Array(room)];
    buckets.set(this.#buckets.subarray(0, this.#length));
    counts.set(this.#counts.subarray(0, this.#length));
    firsts.set(this.#firsts.subarray(0, this.#length));
    [this.#buckets, this.#counts, this.#firsts] = [buckets, counts, firsts];
  }
}
