/** Sums of doubles without any rounding. */

/** 2^-1074, the smallest double, is one. */
const UNIT_BITS = 1_074n;
const cell = new DataView(new ArrayBuffer(8));

function unitsOf(value: number): bigint {
  cell.setFloat64(0, value);
  const bits = cell.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const digits = bits & 0xf_ffff_ffff_ffffn;
  const units = exponent === 0n ? digits : (digits | 0x10_0000_0000_0000n) << (exponent - 1n);
  return value < 0 ? -units : units;
}

export function exactSum(values: Iterable<number>): bigint {
  let sum = 0n;
  for (const value of values) sum += unitsOf(value);
  return sum;
}

/** The double nearest to sum / count. */
export function exactQuotient(sum: bigint, count: number): number {
  // So many digits that cutting off the rest does not matter to rounding.
  const scale = 200n;
  const quotient = (sum << scale) / BigInt(count);
  const magnitude = quotient < 0n ? -quotient : quotient;
  const excess = BigInt(Math.max(0, magnitude.toString(2).length - 64));
  // Number() rounds to even by the digits it sees; one that was cut off is kept in the last.
  const cut = (magnitude >> excess) | ((magnitude & ((1n << excess) - 1n)) === 0n ? 0n : 1n);
  const value = scaled(Number(cut), Number(excess - scale - UNIT_BITS));
  return quotient < 0n ? -value : value;
}

/** value × 2^exponent; in steps, for 2^exponent alone may be none that doubles have. */
function scaled(value: number, exponent: number): number {
  let out = value;
  for (let left = exponent; left !== 0;) {
    const step = Math.max(-1_000, Math.min(1_000, left));
    out *= 2 ** step;
    left -= step;
  }
  return out;
}
