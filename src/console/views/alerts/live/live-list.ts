/** What the list of alerts shows: follows the book, and keeps still while somebody is at it. */
import type { AlertDelta } from "../../../data/alert-book.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { IncidentList, keyOfLine, type ListLine } from "../../../data/incident-list.ts";

/** Alerts that came while the list was held. */
export interface HeldBack {
  readonly count: number;
  /** The least rank, the gravest. */
  readonly rank: number;
}

const NOTHING: HeldBack = { count: 0, rank: Infinity };

export class LiveList {
  readonly #list: IncidentList;
  readonly #isUnfolded: (incidentId: string) => boolean;
  #lines: readonly ListLine[] = [];
  #isStale = true;
  #isHeld = false;
  #heldBack = NOTHING;

  constructor(
    all: Iterable<AlertRow>,
    takes: (row: AlertRow) => boolean,
    isGrouped: boolean,
    isUnfolded: (incidentId: string) => boolean,
  ) {
    this.#list = new IncidentList(all, takes, isGrouped);
    this.#isUnfolded = isUnfolded;
  }

  /** How many alerts there are in it, held back or not. */
  get size(): number {
    return this.#list.size;
  }

  get heldBack(): HeldBack {
    return this.#heldBack;
  }

  /** Where each stands. While the list is held, those that have gone are still there, and those that came are not. */
  get lines(): readonly ListLine[] {
    if (this.#isStale && !this.#isHeld) {
      this.#lines = this.#list.lines(({ id }) => this.#isUnfolded(id));
      this.#isStale = false;
      this.#heldBack = NOTHING;
    }
    return this.#lines;
  }

  /** All alerts that the filter takes. */
  get ids(): string[] {
    return [...this.#list.ids];
  }

  take(deltas: readonly AlertDelta[]): void {
    for (const { id, after } of deltas) {
      const isNew = !this.#list.has(id);
      if (!this.#list.put(id, after)) continue;
      this.#isStale = true;
      if (!this.#isHeld || !isNew || after === undefined) continue;
      const { count, rank } = this.#heldBack;
      this.#heldBack = { count: count + 1, rank: Math.min(rank, after.rank) };
    }
  }

  /** The order stays as it is until `release`. */
  hold(): void {
    void this.lines;
    this.#isHeld = true;
  }

  /** Returns whether the lines change by that. */
  release(): boolean {
    this.#isHeld = false;
    return this.#isStale;
  }

  /** What somebody has folded or unfolded shows at once, with all that was held back. */
  refold(): void {
    this.#isStale = true;
    const wasHeld = this.#isHeld;
    this.#isHeld = false;
    void this.lines;
    this.#isHeld = wasHeld;
  }
}

/** Ids of the alerts that a line stands for. */
export function idsOfLine(line: ListLine): string[] {
  return line.kind === "alert" ? [line.row.id] : line.group.rows.map(({ id }) => id);
}

/** Where a line with this key is; -1: nowhere. */
export function placeOfKey(lines: readonly ListLine[], key: string | undefined): number {
  return key === undefined ? -1 : lines.findIndex((line) => keyOfLine(line) === key);
}
