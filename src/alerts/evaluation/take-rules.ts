/** Rules that another node evaluated are evaluated here from now on. */
import type { Clock } from "../../model/clock.ts";
import { messageOf } from "../../model/errors.ts";
import type { Frame } from "../../model/frame.ts";
import type { RuleState } from "../../wire/gen/evaluation_pb.ts";
import type { BoundRule } from "../bound-rule.ts";
import type { Engine } from "../engine.ts";
import type { LatestValues } from "../restore-alerts.ts";
import { restorePast } from "../restore-past.ts";
import type { HourlyHistory, SeasonalProfiles } from "../seasonal-profiles.ts";
import type { History, PastEngine } from "../warm-up.ts";
import { restoreSilences } from "./rule-states.ts";

export interface TakeRulesDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  onTrouble(sentence: string): void;
  readonly profiles: SeasonalProfiles;
  readonly history: History & HourlyHistory;
  /** The newest point of a series; undefined: there is none, or nobody knows. */
  latestOf(seriesId: number): { readonly timeUs: number; readonly value: number } | undefined;
}

/** Why nobody is heard meanwhile. */
const MOVING = "rules move";
/** All rules of the engine wait for the past of these. A node that is gone and is asked for it may take longer to be found out. */
const PAST_MS = 3_000;

/**
 * Open instances go on as they stand. `evaluated`: what came since then was evaluated by nobody; left out: everything was. Frames are to be held back until it resolves, which is soon. Never rejects: where the past cannot
 * be read until then, rules begin without.
 */
export async function takeRules(
  rules: readonly BoundRule[],
  states: readonly RuleState[],
  deps: TakeRulesDeps,
  evaluated?: { readonly untilMs: number; framesAfter(arrivalMs: number): Iterable<Frame> },
): Promise<void> {
  const { engine, clock, profiles, onTrouble } = deps;
  const before = clock.nowMs();
  engine.setHearing(false, MOVING);
  try {
    for (const bound of rules) {
      try {
        engine.reclaim(bound);
      } catch (error) {
        onTrouble(`rule ${JSON.stringify(bound.rule.name)} does not go on where it was: ${messageOf(error)}`);
      }
    }
    // Before more comes, which is held back and still to be evaluated.
    const latest = latestOf(rules, deps);
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => {});
    const cancel = clock.after(PAST_MS, () => over.reject(new Error("the past is not read in time")));
    const history = historyUntil(deps.history, over.promise);
    await Promise.race([profiles.load(before, false), over.promise]).catch(() => {});
    await restorePast({
      ...{ engine: engineOf(engine, new Set(rules)), history, clock, latest },
      evaluatedMs: evaluated?.untilMs ?? NaN,
      livedAfterMs: (timeMs) => Math.max(0, before - timeMs),
      framesAfter: (arrivalMs) => evaluated?.framesAfter(arrivalMs) ?? [],
    }).catch(() => {});
    cancel();
    const bound = new Map(rules.map((each) => [each.rule.name, each]));
    for (const { rule, silences } of states) {
      const taken = bound.get(rule);
      if (taken !== undefined) restoreSilences(engine, taken, silences);
    }
  } finally {
    engine.setHearing(true, MOVING);
  }
}

/** Nothing of it comes once that has rejected. */
function historyUntil(history: History, over: Promise<never>): History {
  return {
    pointsFrom: (...asked) => Promise.race([history.pointsFrom(...asked), over]),
    firstTimes: (...asked) => Promise.race([history.firstTimes(...asked), over]),
    usualGapsMs: (...asked) => Promise.race([history.usualGapsMs(...asked), over]),
  };
}

/** Through which these rules alone are seen: what others have heard they have evaluated. */
function engineOf(engine: Engine, rules: ReadonlySet<object>): PastEngine {
  return {
    probesOf: (seriesId) => engine.probesOf(seriesId).filter(({ instance }) => rules.has(instance.shared)),
    atMs: () => engine.atMs(),
    schedule: (instance) => engine.schedule(instance),
    replay: (frame, agoMs) => engine.replay(frame, agoMs, rules),
  };
}

function latestOf(rules: readonly BoundRule[], { latestOf: newest }: TakeRulesDeps): LatestValues {
  const ids = new Set<number>();
  for (const { instances } of rules) {
    for (const { probes } of instances.values()) for (const { seriesId } of probes) ids.add(seriesId);
  }
  const known = [...ids]
    .sort((a, b) => a - b)
    .flatMap((id) => {
      const point = newest(id);
      return point === undefined ? [] : [{ id, ...point }];
    });
  return {
    seriesIds: Uint32Array.from(known, ({ id }) => id),
    timesUs: Float64Array.from(known, ({ timeUs }) => timeUs),
    values: Float64Array.from(known, ({ value }) => value),
  };
}
