/** Many alerts as what is shaded for them: at each time the gravest. Pure. */
import type { PlotEpisode, Severity } from "./plot-model.ts";

export interface EpisodeSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly severity: Severity;
}

const GRAVITY: readonly Severity[] = ["good", "low", "medium", "high", "critical"];

/** Ascending; none touches another one of its severity. What goes on ends at Infinity. */
export function episodeSpans(episodes: readonly PlotEpisode[]): EpisodeSpan[] {
  const edges = episodes.flatMap(({ fromMs, toMs = Infinity, severity }) => {
    const level = GRAVITY.indexOf(severity);
    return toMs > fromMs
      ? [
          { atMs: fromMs, level, change: 1 },
          { atMs: toMs, level, change: -1 },
        ]
      : [];
  });
  edges.sort((a, b) => a.atMs - b.atMs);
  const counts = GRAVITY.map(() => 0);
  const spans: { fromMs: number; toMs: number; severity: Severity }[] = [];
  for (const [i, { atMs, level, change }] of edges.entries()) {
    counts[level] += change;
    const untilMs = edges[i + 1]?.atMs ?? atMs;
    const gravest = counts.findLastIndex((count) => count > 0);
    if (untilMs === atMs || gravest < 0) continue;
    const last = spans.at(-1);
    if (last?.toMs === atMs && last.severity === GRAVITY[gravest]) last.toMs = untilMs;
    else spans.push({ fromMs: atMs, toMs: untilMs, severity: GRAVITY[gravest] });
  }
  return spans;
}
