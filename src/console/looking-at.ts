/** What this browser shows; the people of a session see it of each other. */
import { signal } from "@preact/signals";

export interface LookingAt {
  /** As in the menu. */
  readonly view: string;
  readonly metrics: readonly string[];
  readonly devices: readonly string[];
}

/** Views set it as they show something else. */
export const lookingAt = signal<LookingAt>({ view: "", metrics: [], devices: [] });
