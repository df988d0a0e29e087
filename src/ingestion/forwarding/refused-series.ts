/** Why series of a stream are refused: many are for the same reason, so each is a number, whatever its name was. */
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";

export interface Refusal {
  /** Under which its points are counted. */
  readonly source: string;
  readonly reason: string;
  /** Why it may be made known now; undefined: it may still not. Missing: it never may. */
  over?(): string | undefined;
  /** What that remembers, beside source and reason, in characters. */
  readonly overLength?: number;
}

/** Reasons name what is wrong with a name, so there may be one for each. */
const REASONS_MAX = 1_000;
const REFUSAL_BYTES = 200;
const OF_A_SOURCE = "is one of too many series of a stream that are refused; each was refused for a reason of its own";
const ONE_OF_MANY: Refusal = { source: OTHER_SOURCES, reason: OF_A_SOURCE };

export class RefusedSeries {
  /** Of these at most {@link REASONS_MAX}, and one more for each of at most {@link LEDGER_SOURCES_MAX} sources. */
  readonly #refusals: Refusal[] = [ONE_OF_MANY];
  readonly #codes = new Map<string, number>();
  readonly #hasRoom: (bytes: number) => boolean;

  /** `hasRoom`: whether there is so much memory, which then is taken. */
  constructor(hasRoom: (bytes: number) => boolean) {
    this.#hasRoom = hasRoom;
  }

  /** 0 or less. */
  codeOf(refusal: Refusal): number {
    const ofSource = { source: refusal.source, reason: OF_A_SOURCE };
    return this.#kept(refusal, REASONS_MAX) ?? this.#kept(ofSource, REASONS_MAX + LEDGER_SOURCES_MAX) ?? 0;
  }

  of(code: number): Refusal {
    return this.#refusals[-code];
  }

  #kept(refusal: Refusal, countMax: number): number | undefined {
    const { source, reason, overLength = 0 } = refusal;
    const key = `${source}\0${reason}`;
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    const isRoom = this.#refusals.length <= countMax && this.#hasRoom(REFUSAL_BYTES + 4 * (key.length + overLength));
    if (!isRoom) return undefined;
    const code = -this.#refusals.length;
    this.#refusals.push(refusal);
    this.#codes.set(key, code);
    return code;
  }
}
