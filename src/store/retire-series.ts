/** Deletes series everywhere, in the order that a crash at any point leaves them either all there or all gone. */
import type { SeriesRegistry } from "../model/series-registry.ts";

export interface RetirePorts {
  readonly log: { retire(seriesIds: Uint32Array): Promise<void> };
  readonly store: { retire(seriesIds: Uint32Array): Promise<void> };
  readonly registry: SeriesRegistry;
  readonly cache: { clear(): void };
}

/** Forgotten between two turns of the event loop. */
const FORGOTTEN_AT_ONCE = 1_000;

/**
 * Resolves when it is durable, and no point can come to these series any more. Points that arrive meanwhile go with
 * them; later ones make new series. Fails with UNAVAILABLE, and nothing is deleted, where it cannot be made durable.
 */
export async function retireSeries(
  seriesIds: Uint32Array,
  { log, store, registry, cache }: RetirePorts,
): Promise<void> {
  await log.retire(seriesIds);
  for (let at = 0; at < seriesIds.length; at += FORGOTTEN_AT_ONCE) {
    if (at > 0) await new Promise<void>((resolve) => void setImmediate(resolve));
    registry.forget(seriesIds.subarray(at, at + FORGOTTEN_AT_ONCE));
  }
  // Last, for it finds series that are forgotten already.
  cache.clear();
  await store.retire(seriesIds);
}
