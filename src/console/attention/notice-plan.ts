/** Which notifications are shown and which go: one for an incident, and of floods a count. Pure. */
import type { AlertDelta } from "../data/alert-book.ts";
import { needsSomebody, type AlertRow } from "../data/alert-row.ts";

export interface Notice {
  /** Of two with the same the later one takes the place of the earlier one. */
  readonly tag: string;
  readonly title: string;
  readonly body: string;
  /** Stays until somebody looks after it; others go after a while, as the desktop has it. */
  readonly stays: boolean;
  /** What it leads to; "": the list. */
  readonly alertId: string;
}

export interface NoticeChanges {
  readonly show: readonly Notice[];
  /** Tags. */
  readonly close: readonly string[];
}

export const MORE_TAG = "more";
/** So many in so long; what is past that is counted, and told once in that time. */
export const [NOTICES_MAX, NOTICES_WITHIN_MS] = [3, 10_000];
const INCIDENTS_MAX = 1_000;
const CRITICAL = 0;

interface Shown {
  readonly open: Set<string>;
  rank: number;
}

export class NoticePlan {
  /** By incident, the one that was shown first, first. */
  readonly #shown = new Map<string, Shown>();
  #times: number[] = [];
  /** Alerts that are counted and not shown, as long as they need somebody. */
  readonly #counted = new Set<string>();
  #isCountTold = true;
  #countMs = -Infinity;

  /** Nothing has to be told later. */
  get isSettled(): boolean {
    return this.#isCountTold;
  }

  /** `isWanted`: whether somebody wants to hear of it. With nothing that changed, what waits is told when it is due. */
  take(deltas: readonly AlertDelta[], isWanted: (row: AlertRow) => boolean, nowMs: number): NoticeChanges {
    const show: Notice[] = [];
    const close = this.#closed(deltas);
    this.#times = this.#times.filter((ms) => nowMs - ms < NOTICES_WITHIN_MS);
    for (const { before, after } of deltas) {
      const isNews =
        after !== undefined && needsSomebody(after) && (!before || !needsSomebody(before) || after.rank < before.rank);
      if (!isNews || !isWanted(after)) continue;
      const shown = this.#shown.get(after.incidentId);
      shown?.open.add(after.id);
      if (shown !== undefined && shown.rank <= after.rank) continue;
      if (this.#times.length >= NOTICES_MAX) {
        this.#counted.add(after.id);
        this.#isCountTold = false;
        continue;
      }
      this.#times.push(nowMs);
      show.push(noticeOf(after));
      this.#note(after, shown);
    }
    const more = this.#moreNotice(nowMs);
    return { show: more === undefined ? show : [...show, more], close };
  }

  #closed(deltas: readonly AlertDelta[]): string[] {
    const close: string[] = [];
    for (const { id, before, after } of deltas) {
      if (before === undefined || (after !== undefined && needsSomebody(after))) continue;
      if (this.#counted.delete(id) && this.#counted.size === 0) {
        this.#isCountTold = true;
        close.push(MORE_TAG);
      }
      const shown = this.#shown.get(before.incidentId);
      if (!shown?.open.delete(id) || shown.open.size > 0) continue;
      this.#shown.delete(before.incidentId);
      close.push(before.incidentId);
    }
    return close;
  }

  #note(row: AlertRow, shown: Shown | undefined): void {
    this.#counted.delete(row.id);
    if (shown !== undefined) shown.rank = row.rank;
    else this.#shown.set(row.incidentId, { open: new Set([row.id]), rank: row.rank });
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > INCIDENTS_MAX) this.#shown.delete(oldest);
  }

  #moreNotice(nowMs: number): Notice | undefined {
    if (this.#isCountTold || nowMs - this.#countMs < NOTICES_WITHIN_MS) return undefined;
    this.#countMs = nowMs;
    this.#isCountTold = true;
    const title = `and ${this.#counted.size.toLocaleString()} more`;
    return { tag: MORE_TAG, title, body: "More alerts fire than are told one by one.", stays: false, alertId: "" };
  }
}

function noticeOf({ id, incidentId, rank, alert }: AlertRow): Notice {
  const { severity, title, description } = alert;
  return {
    ...{ tag: incidentId, title: `${severity}: ${title}`, body: withoutMarkup(description) },
    ...{ stays: rank === CRITICAL, alertId: id },
  };
}

/** Desktops may take the text of a notification for HTML, and browsers hand it on as it is: what would begin a tag does not. */
function withoutMarkup(text: string): string {
  return text.replace(/<(?=[a-z/!?])/gi, "‹");
}
