/** An instance as it is written down. */
import type { SavedLifecycle } from "./lifecycle.ts";
import type { SavedSpent } from "./spent-series.ts";

export interface SavedInstance extends SavedLifecycle {
  readonly clockUs: number;
  /** How long ago that was. */
  readonly silentMs: number;
  readonly gapMs: number;
  readonly isStale: boolean;
  /** When it began to fire; null, as -Infinity is written: never. */
  readonly firedUs: number | null;
  /** Series of a group whose samples up to a time count no more. */
  readonly spent: SavedSpent;
}
