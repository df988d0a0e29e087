/** What grouping has to know of an alert. */
import type { NotifiedAlert } from "./notification.ts";

export interface AlertFacts extends NotifiedAlert {
  /** False outside the active times of its rule: the alert is held back until they begin. */
  readonly isRuleActive: boolean;
  /** An episode in points that came late, of a rule without notify_late: never notified, and inhibits nothing. */
  readonly isLateSilent: boolean;
  /** The device that is silent; "" where the alert is not about silence. */
  readonly absenceOf: string;
  /**
   * Of an alert about silence: how long it waits to learn whether a gateway or a site above is silent too, and is given
   * to be heard again once that is back. 0 where it is known already.
   */
  readonly graceMs: number;
  /** It is over, nobody was told that it fires, and it is to be heard of all the same: an episode in points that came late. */
  readonly isOwed?: boolean;
}

/** Why an alert is left out of notifications. */
export type Mute =
  /** Outside the active times of its rule. */
  | { readonly kind: "inactive" }
  /** `by`: a silence. */
  | { readonly kind: "silenced"; readonly by: string }
  /** `by`: an alert. `waitsFor` names what has to end for it to be looked at again. */
  | { readonly kind: "inhibited"; readonly by: string; readonly waitsFor: string }
  /** A silent device whose gateway may be silent too. */
  | { readonly kind: "held"; readonly untilMs: number };

export type MuteKind = Mute["kind"];
