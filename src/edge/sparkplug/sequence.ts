/** Order of an edge node's messages by their sequence numbers 0 to 255. */

const NUMBERS = 256;

/**
 * "begun anew": the numbers went back, or 0 is missing, with which births begin: the birth of a session, or of the same one again, may
 * have been lost, and with it other aliases.
 */
export type Arrival = "in order" | "ahead" | "late" | "repeated" | "begun anew";

/** Messages that are missing may come late, for the reorder timeout of the specification; after it they are lost. */
export class Sequence {
  readonly #reorderMs: number;
  readonly #missing = new Set<number>();
  #expected: number | undefined;
  #dueMs = Infinity;

  constructor(reorderMs: number) {
    this.#reorderMs = reorderMs;
  }

  /** When what is missing counts as lost; Infinity: nothing is missing. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Undefined: any. */
  get expected(): number | undefined {
    return this.#expected;
  }

  /** A session begins with this number. */
  begin(number: number): void {
    this.#expected = (number + 1) % NUMBERS;
    this.#forgetMissing();
  }

  /** Whatever comes next is in order. */
  reset(): void {
    this.#expected = undefined;
    this.#forgetMissing();
  }

  take(number: number, nowMs: number): Arrival {
    const expected = this.#expected;
    if (expected === undefined) {
      this.begin(number);
      return "in order";
    }
    const ahead = (number - expected + NUMBERS) % NUMBERS;
    if (ahead === 0) {
      this.#advance(number);
      return "in order";
    }
    if (this.#missing.delete(number)) {
      if (this.#missing.size === 0) this.#dueMs = Infinity;
      return "late";
    }
    // A repeated delivery (QoS 1) of the message before.
    if (ahead === NUMBERS - 1) return "repeated";
    if (ahead >= NUMBERS / 2) {
      this.begin(number);
      return "begun anew";
    }
    for (let n = 0; n < ahead; n++) this.#missing.add((expected + n) % NUMBERS);
    this.#advance(number);
    if (expected === 0 || number < expected) {
      // Nothing is waited for: it is told at once.
      this.#dueMs = Infinity;
      return "begun anew";
    }
    this.#dueMs = Math.min(this.#dueMs, nowMs + this.#reorderMs);
    return "ahead";
  }

  /** Whether something was lost: it is missing for longer than the timeout. Told once. */
  isLost(nowMs: number): boolean {
    if (nowMs < this.#dueMs) return false;
    this.#forgetMissing();
    return true;
  }

  /** A number that comes round again was lost when it was missed. */
  #advance(number: number): void {
    this.#missing.delete(number);
    this.#expected = (number + 1) % NUMBERS;
  }

  #forgetMissing(): void {
    this.#missing.clear();
    this.#dueMs = Infinity;
  }
}
