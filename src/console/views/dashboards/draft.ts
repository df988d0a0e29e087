/** A dashboard while somebody works on it, and others save it, too. All functions are pure. */
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { isSameContent } from "./differences.ts";
import { laidOut } from "./edits.ts";

export interface Draft {
  /** As it was taken from the server: its revision is the one that a save replaces. */
  readonly base: SavedDashboard;
  readonly present: SavedDashboard;
  /** What it was before each of the last edits, the latest last. */
  readonly past: readonly SavedDashboard[];
  /** Edits of one gesture are undone together; "": of none. */
  readonly gesture: string;
  /** What somebody else has saved meanwhile, and is in the way of a save. */
  readonly theirs: SavedDashboard | undefined;
  /** Who deleted it meanwhile, and when. */
  readonly deleted: SavedDashboard | undefined;
  /** What was sent to be saved, until that is answered: an answer may be lost on its way. */
  readonly sent?: SavedDashboard;
}

const PAST_MAX = 50;

export function opened(dashboard: SavedDashboard): Draft {
  return { base: dashboard, present: dashboard, past: [], gesture: "", theirs: undefined, deleted: undefined };
}

export function isChanged({ base, present }: Draft): boolean {
  return base !== present;
}

export function edited(draft: Draft, present: SavedDashboard, gesture = ""): Draft {
  const goesOn = gesture !== "" && gesture === draft.gesture;
  const past = goesOn ? draft.past : [...draft.past, draft.present].slice(-PAST_MAX);
  return { ...draft, present, past, gesture };
}

/** The same where there is nothing to undo. */
export function undone(draft: Draft): Draft {
  const present = draft.past.at(-1);
  return present === undefined ? draft : { ...draft, present, past: draft.past.slice(0, -1), gesture: "" };
}

/**
 * What the server tells: taken over by itself where nothing is edited, nor held by a form that is open. Told again it changes
 * nothing, and what was sent from here is no conflict.
 */
export function heard(draft: Draft, saved: SavedDashboard, isHeld = false): Draft {
  if (saved.revision <= (draft.theirs ?? draft.base).revision && draft.deleted === undefined) return draft;
  if (draft.sent !== undefined && isSameContent(laidOut(draft.sent), saved)) return savedAs(draft, draft.sent, saved);
  return isHeld || isChanged(draft) ? { ...draft, theirs: saved, deleted: undefined } : opened(saved);
}

/** The form is closed: if it changed nothing, what came meanwhile is taken over. */
export function released(draft: Draft): Draft {
  return draft.theirs === undefined || isChanged(draft) ? draft : opened(draft.theirs);
}

export function heardDeleted(draft: Draft, deleted: SavedDashboard): Draft {
  return { ...draft, theirs: undefined, deleted };
}

/** Before `present` is sent. */
export function saving(draft: Draft): Draft {
  return { ...draft, sent: draft.present };
}

/** The answer to a save of `sent`; what was edited since stands on top of it. */
export function savedAs(draft: Draft, sent: SavedDashboard, answer: SavedDashboard): Draft {
  if (draft.present === sent) return opened(answer);
  return {
    ...opened(answer),
    present: draft.present,
    past: [...draft.past, answer].slice(-PAST_MAX),
    gesture: draft.gesture,
  };
}

/** The revision that a save has to name; 0: there is none. */
export function revisionToReplace({ base, theirs, deleted }: Draft): bigint {
  return deleted !== undefined ? 0n : (theirs ?? base).revision;
}
