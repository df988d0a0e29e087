/** All silences: which one holds back an alert, and when one begins, is about to end, ends and is forgotten. */
import { scopeOf, type Scope } from "../../model/access.ts";
import { WatchpostError } from "../../model/errors.ts";
import { compileMatchers, labelOf, type Labels, type LabelTest } from "./label-matcher.ts";
import { checkedSilence, stateOfSilence, type Silence } from "./silence.ts";

/** As it is written down. */
export interface StoredSilence {
  readonly silence: Silence;
  /** Its end was announced. */
  readonly isAnnounced: boolean;
  /** For good: a clock that goes back does not bring it back. */
  readonly isOver: boolean;
}

/** Whether the labels of an alert are in a scope, as things stand. */
export type TestOfScope = (scope: Scope) => LabelTest;

/** Nothing is in any. */
const IN_NO_SCOPE: TestOfScope = () => () => false;

interface Kept extends StoredSilence {
  readonly matches: LabelTest;
}

/** What time has done. */
export interface SilenceChange {
  readonly kind: "ending" | "ended" | "forgotten";
  readonly silence: Silence;
}

/** How long those that are over can still be listed. */
const KEPT_MS = 5 * 86_400_000;

export class Silences {
  readonly #noticeMs: number;
  readonly #isIn: TestOfScope;
  readonly #all = new Map<string, Kept>();
  /** Those that are not over, by a label that has to be equal, its name and then its value; the rest under "" and "". */
  readonly #byLabel = new Map<string, Map<string, Set<Kept>>>();
  #nextMs = Infinity;

  /** Without `isIn` those with a scope hold nothing back. */
  constructor(noticeMs: number, isIn = IN_NO_SCOPE) {
    this.#noticeMs = noticeMs;
    this.#isIn = isIn;
  }

  /** When {@link advance} next has something to do, or a silence begins. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** In no order. */
  *list(): Generator<Silence> {
    for (const { silence } of this.#all.values()) yield silence;
  }

  stored(id: string): StoredSilence | undefined {
    const kept = this.#all.get(id);
    return kept && { silence: kept.silence, isAnnounced: kept.isAnnounced, isOver: kept.isOver };
  }

  restore(stored: StoredSilence): void {
    this.#set(stored, -Infinity);
  }

  /**
   * Makes one, or changes the one with its id. Throws as {@link checkedSilence} does, and FAILED_PRECONDITION where that
   * one is over; then nothing has changed.
   */
  put(given: Silence, nowMs: number): Silence {
    const before = this.#all.get(given.id);
    if (before?.isOver === true) {
      const ended = `silence ${given.id} ended at ${new Date(before.silence.endsAtMs).toISOString()}`;
      throw new WatchpostError("FAILED_PRECONDITION", `${ended}; wanted one that is not over, or a new one`);
    }
    const silence = checkedSilence(given, before?.silence, nowMs);
    // One that is short is not announced to end as soon as it begins.
    const isAnnounced = silence.endsAtMs - this.#noticeMs <= Math.max(nowMs, silence.startsAtMs);
    this.#set({ silence, isAnnounced, isOver: false }, nowMs);
    return silence;
  }

  /** Ends it now; one that is over stays as it is. Throws NOT_FOUND. */
  expire(id: string, nowMs: number): Silence {
    const kept = this.#all.get(id);
    if (kept === undefined) throw noSilence(id);
    if (kept.isOver) return kept.silence;
    const startsAtMs = Math.min(kept.silence.startsAtMs, nowMs);
    const silence = { ...kept.silence, startsAtMs, endsAtMs: nowMs };
    this.#set({ silence, isAnnounced: true, isOver: true }, nowMs);
    return silence;
  }

  /** One that is active and that the labels meet. */
  silencing(labels: Labels, nowMs: number): Silence | undefined {
    for (const [name, byValue] of this.#byLabel) {
      for (const { silence, matches } of byValue.get(labelOf(labels, name)) ?? []) {
        if (stateOfSilence(silence, nowMs) === "active" && matches(labels)) return silence;
      }
    }
    return undefined;
  }

  /** Of any that is not over: what it holds back goes with where alerts are. */
  get hasScopes(): boolean {
    for (const { silence, isOver } of this.#all.values()) if (silence.scope !== undefined && !isOver) return true;
    return false;
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  /** Whether labels meet a silence, whatever the time. */
  matches(id: string, labels: Labels): boolean {
    return this.#all.get(id)?.matches(labels) ?? false;
  }

  /** Goes on to a time, and says what has come of it. */
  advance(nowMs: number): SilenceChange[] {
    if (nowMs < this.#nextMs) return [];
    const changes: SilenceChange[] = [];
    for (const kept of [...this.#all.values()]) {
      const { silence, isAnnounced, isOver } = kept;
      const isEnd = stateOfSilence(silence, nowMs) === "expired";
      if (isOver && silence.endsAtMs + KEPT_MS <= nowMs) {
        this.#all.delete(silence.id);
        changes.push({ kind: "forgotten", silence });
      } else if (isEnd && !isOver) {
        this.#set({ silence, isAnnounced: true, isOver: true }, nowMs);
        changes.push({ kind: "ended", silence });
      } else if (!isAnnounced && silence.endsAtMs - this.#noticeMs <= nowMs) {
        this.#set({ silence, isAnnounced: true, isOver }, nowMs);
        changes.push({ kind: "ending", silence });
      }
    }
    this.#nextMs = Infinity;
    for (const kept of this.#all.values()) this.#nextMs = Math.min(this.#nextMs, this.#nextOf(kept, nowMs));
    return changes;
  }

  #nextOf({ silence, isAnnounced, isOver }: StoredSilence, nowMs: number): number {
    if (isOver) return silence.endsAtMs + KEPT_MS;
    // Whoever escalates has to look then, though there is nothing to be told.
    if (silence.startsAtMs > nowMs) return silence.startsAtMs;
    return isAnnounced ? silence.endsAtMs : silence.endsAtMs - this.#noticeMs;
  }

  #set(stored: StoredSilence, nowMs: number): void {
    const { id, matchers } = stored.silence;
    const before = this.#all.get(id);
    if (before !== undefined) this.#unlist(before);
    const kept = {
      ...stored,
      matches: before?.silence.matchers === matchers ? before.matches : testOfSilence(stored.silence, this.#isIn),
    };
    this.#all.set(id, kept);
    this.#nextMs = Math.min(this.#nextMs, this.#nextOf(kept, nowMs));
    if (kept.isOver) return;
    const [name, value] = listingLabel(kept.silence);
    let byValue = this.#byLabel.get(name);
    if (byValue === undefined) this.#byLabel.set(name, (byValue = new Map()));
    const listed = byValue.get(value);
    if (listed === undefined) byValue.set(value, new Set([kept]));
    else listed.add(kept);
  }

  #unlist(kept: Kept): void {
    const [name, value] = listingLabel(kept.silence);
    const byValue = this.#byLabel.get(name);
    const listed = byValue?.get(value);
    listed?.delete(kept);
    if (listed?.size === 0) byValue!.delete(value);
    if (byValue?.size === 0) this.#byLabel.delete(name);
  }
}

/** Whether it holds back an alert with these labels, whatever the time. */
export function testOfSilence({ matchers, scope }: Pick<Silence, "matchers" | "scope">, isIn: TestOfScope): LabelTest {
  const matches = compileMatchers(matchers);
  if (scope === undefined) return matches;
  const isInScope = isIn(scopeOf(scope));
  return (labels) => matches(labels) && isInScope(labels);
}

export function noSilence(id: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `there is no silence ${JSON.stringify(id)}`);
}

/** A label that is not there has the value "", as that without a name always has. */
function listingLabel({ matchers }: Silence): readonly [name: string, value: string] {
  const equal = matchers.find(({ operator }) => operator === "=");
  return equal === undefined ? ["", ""] : [equal.name, equal.value];
}
