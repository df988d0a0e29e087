import type { AlertFacts } from "./alert-facts.ts";
import type { Group } from "./group.ts";

/** An alert as the notifier keeps it: while it fires, and until all who have to have heard that it is over. */
export interface TrackedAlert {
  readonly id: string;
  facts: AlertFacts;
  /** From when its grace counts: when it fired, or when what is above it came back. */
  graceFromMs: number;
  /** It was critical while nothing held it back, so somebody has to hear of it even when it is over. */
  isOwed: boolean;
  /** Those that it is a member of. */
  groups: Group[];
}

export function isFiring({ facts }: TrackedAlert): boolean {
  return facts.status === "firing";
}
