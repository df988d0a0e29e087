/** A dashboard that is shown, and perhaps edited: what `draft.ts` makes of edits, of saves, and of what the server tells. */
import { computed, signal } from "@preact/signals";
import type { Panel, SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { followDashboard, getDashboard, putDashboard, violationsOf } from "../../data/dashboards.ts";
import * as drafts from "./draft.ts";
import { laidOut, tidied } from "./edits.ts";
import { mistakeOf, type Mistake } from "./save-words.ts";

export class DashboardState {
  readonly id: string;
  /** Undefined: it is not known yet, or there is none. */
  readonly draft = signal<drafts.Draft | undefined>(undefined);
  readonly isMissing = signal(false);
  readonly isSaving = signal(false);
  /** What kept the last save from being kept. */
  readonly mistakes = signal<readonly Mistake[]>([]);
  /** The same by panels as they were then: one that is changed since is not marked. */
  readonly mistakenPanels = signal<ReadonlyMap<Panel, string>>(new Map());
  readonly isChanged = computed(() => this.draft.value !== undefined && drafts.isChanged(this.draft.value));
  readonly #onTakenOver: (saved: SavedDashboard) => void;
  /** Forms that are open on what is there now. */
  #held = 0;
  /** Told while a save is under way: perhaps that save. */
  #told: SavedDashboard | undefined;

  /** `onTakenOver` hears of what somebody else has saved and is shown now. */
  constructor(id: string, onTakenOver: (saved: SavedDashboard) => void) {
    this.id = id;
    this.#onTakenOver = onTakenOver;
  }

  /** Returns what stops it. */
  follow(): () => void {
    return followDashboard(this.id, {
      onSaved: (saved) => (this.isSaving.peek() ? (this.#told = saved) : this.#hear(saved)),
      onDeleted: (by) => {
        const draft = this.draft.peek();
        if (draft === undefined) this.isMissing.value = true;
        else this.draft.value = drafts.heardDeleted(draft, by ?? draft.base);
      },
    });
  }

  edit(change: (present: SavedDashboard) => SavedDashboard, gesture = ""): void {
    const draft = this.draft.peek();
    if (draft === undefined) return;
    const present = change(draft.present);
    if (present !== draft.present) this.draft.value = drafts.edited(draft, present, gesture);
  }

  /** Until what it returns is called nothing is taken over: a form is open that would write over it. */
  hold(): () => void {
    this.#held++;
    return () => {
      this.#held--;
      const draft = this.draft.peek();
      if (this.#held === 0 && draft !== undefined) this.#show(draft, drafts.released(draft));
    };
  }

  undo(): void {
    const draft = this.draft.peek();
    if (draft !== undefined) this.#show(draft, drafts.released(drafts.undone(draft)));
  }

  /** Back to what is on the server. */
  discard(): void {
    const draft = this.draft.peek();
    if (draft !== undefined) this.draft.value = drafts.opened(draft.theirs ?? draft.base);
    this.#mark([]);
  }

  /**
   * Over what another has saved meanwhile, where `isDeliberate`. Otherwise a conflict is shown, and false is the answer.
   * Throws what the server says, and keeps what it finds wrong in `mistakes`.
   */
  async save(isDeliberate: boolean): Promise<boolean> {
    const draft = this.draft.peek();
    if (draft === undefined || this.isSaving.peek()) return false;
    const revision = isDeliberate ? drafts.revisionToReplace(draft) : draft.base.revision;
    this.isSaving.value = true;
    this.#mark([]);
    this.draft.value = drafts.saving(draft);
    const sent = tidied(draft.present);
    try {
      const answer = await putDashboard(sent, revision);
      this.draft.value = drafts.savedAs(this.draft.peek()!, draft.present, laidOut(answer));
      return true;
    } catch (error) {
      const mistakes = violationsOf(error).map((violation) => mistakeOf(violation, sent));
      this.#mark(mistakes);
      if (mistakes.length > 0) throw error;
      // Whoever was quicker is shown as a conflict, also before the stream tells of it; it may be this save, its answer lost.
      const theirs = await getDashboard(this.id).catch(() => undefined);
      if (theirs === undefined || theirs.revision === revision) throw error;
      const heard = drafts.heard(this.draft.peek()!, laidOut(theirs));
      this.draft.value = heard;
      return heard.theirs === undefined;
    } finally {
      this.isSaving.value = false;
      const told = this.#told;
      this.#told = undefined;
      if (told !== undefined) this.#hear(told);
    }
  }

  #mark(mistakes: readonly Mistake[]): void {
    this.mistakes.value = mistakes;
    const marked = new Map<Panel, string>();
    for (const panel of this.draft.peek()?.present.panels ?? []) {
      const own = mistakes.filter(({ panelId }) => panelId === panel.id).map(({ text }) => text);
      if (own.length > 0) marked.set(panel, own.join("; "));
    }
    this.mistakenPanels.value = marked;
  }

  #hear(told: SavedDashboard): void {
    const saved = laidOut(told);
    this.isMissing.value = false;
    const before = this.draft.peek();
    const after = before === undefined ? drafts.opened(saved) : drafts.heard(before, saved, this.#held > 0);
    // Of what is edited only one's own save takes the place.
    if (before !== undefined && drafts.isChanged(before)) this.draft.value = after;
    else this.#show(before, after);
  }

  #show(before: drafts.Draft | undefined, after: drafts.Draft): void {
    this.draft.value = after;
    if (before !== undefined && after.base !== before.base) this.#onTakenOver(after.base);
  }
}
