/** How far apart the points of a series usually are, from what is stored: silence is judged by it, and what time decides. */
import type { History, PastEngine } from "./warm-up.ts";

/** Of those among some series of which it is not known; `firstsUs`: when each began, NaN where nothing is stored. */
export async function learnGaps(
  engine: PastEngine,
  history: History,
  seriesIds: Uint32Array,
  firstsUs: Float64Array,
): Promise<void> {
  const unknown = Uint32Array.from(seriesIds.keys()).filter((i) => {
    return engine.probesOf(seriesIds[i]).some(({ gapMs }) => gapMs === 0);
  });
  if (unknown.length === 0) return;
  const ids = unknown.map((i) => seriesIds[i]);
  const gapsMs = await history.usualGapsMs(
    ids,
    Float64Array.from(unknown, (i) => firstsUs[i]),
  );
  for (const [i, id] of ids.entries()) {
    for (const probe of engine.probesOf(id)) {
      if (probe.gapMs > 0 || Number.isNaN(gapsMs[i])) continue;
      probe.gapMs = gapsMs[i];
      engine.schedule(probe.instance);
    }
  }
}
