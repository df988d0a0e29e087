/** The time under the pointer, one for all charts that share a key. */
import { signal, type Signal } from "@preact/signals";

export type Crosshair = Signal<number | undefined>;

const shared = new Map<string, Crosshair>();

/** Charts without a key have one of their own. */
export function crosshairOf(syncKey: string | undefined): Crosshair {
  if (syncKey === undefined) return signal<number | undefined>(undefined);
  let crosshair = shared.get(syncKey);
  if (crosshair === undefined) shared.set(syncKey, (crosshair = signal<number | undefined>(undefined)));
  return crosshair;
}
