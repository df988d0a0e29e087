/** Chance that is the same for the same seed. */

/** 2π. */
const TURN = 2 * Math.PI;

/**
 * Uniform 32-bit numbers (sfc32 of PractRand), seeded with a name. A part that {@link split} gives depends on the names on the
 * way to it alone, not on what was drawn before: whatever is added beside a device, its readings stay.
 */
export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;
  #spare: number | undefined;

  constructor(name: string) {
    this.#name = name;
    [this.#a, this.#b, this.#c] = [hashOf(name, 0x9e3779b9), hashOf(name, 0x85ebca6b), hashOf(name, 0xc2b2ae35)];
    for (let i = 0; i < 12; i++) this.#draw();
  }

  split(name: string | number): Random {
    return new Random(`${this.#name}/${name}`);
  }

  /** Uniform in [0, 1), with 32 bits. */
  uniform(): number {
    return this.#draw() / 2 ** 32;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.uniform();
  }

  /** A whole number of [0, count). */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Mean 0, deviation 1 (Box and Muller). */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = TURN * this.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Of a mean above 0: the time until what happens by chance at a constant rate. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform());
  }

  #draw(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }
}

/** FNV-1a over UTF-16 units, mixed at the end as MurmurHash3 does. */
function hashOf(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}
