/** How far apart the points of a series usually are, from what is stored: silence is judged by it. */
import { lookbackPoints } from "./conditions/condition-state-of.ts";
import type { Engine } from "./engine.ts";
import type { Probe } from "./probe.ts";
import type { Rule } from "./rule.ts";
import type { History } from "./warm-up.ts";

/** Of those among some series of which it is not known and matters. */
export async function learnGaps(engine: Engine, history: History, seriesIds: Uint32Array): Promise<void> {
  const unknown = seriesIds.filter((id) => engine.probesOf(id).some(isAsking));
  if (unknown.length === 0) return;
  const gapsMs = await history.usualGapsMs(unknown);
  for (const [i, id] of unknown.entries()) {
    for (const probe of engine.probesOf(id)) {
      if (probe.gapMs > 0 || Number.isNaN(gapsMs[i])) continue;
      probe.gapMs = gapsMs[i];
      engine.schedule(probe.instance);
    }
  }
}

function isAsking({ gapMs, instance }: Probe): boolean {
  return gapMs === 0 && dependsOnGaps(instance.rule);
}

function dependsOnGaps({ condition, noData }: Rule): boolean {
  if (condition.kind === "absence") return condition.afterMs === undefined;
  return noData === "fire" || lookbackPoints(condition) > 0;
}
