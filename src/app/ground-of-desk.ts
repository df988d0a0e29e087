import { WANTED_AFTER_MS } from "../alerts/evaluation/evaluator.ts";
import { sharedMarks } from "../alerts/series-marks.ts";
import type { MemoryBus } from "../bus/memory-bus.ts";
import type { Journal } from "../log/journal.ts";
import type { SeriesMatcher } from "../model/matcher.ts";
import type { Storage } from "./open-storage.ts";

/** The newest value of a series; undefined: there is none. */
export type ValueOf = (seriesId: number) => { readonly timeUs: number; readonly value: number } | undefined;

export interface LiveGround {
  /** Points of all nodes, as far as somebody here wants them. */
  readonly bus: MemoryBus;
  /** Those of which devices are heard here; others are told of. */
  readonly heardBus: Pick<MemoryBus, "subscribe">;
  readonly valueOf: ValueOf;
  /** What it matches is to come over the bus, until what this returns is called. */
  want(matcher: SeriesMatcher): () => void;
}

/**
 * What the desk of a node stands on, which is opened while points come: the newest values are those of now, and nothing is read from
 * the log.
 */
export function groundOfDesk(
  storage: Storage,
  nodeId: string,
  { journal, lasting }: { readonly journal: Journal; readonly lasting: NonNullable<Storage["lasting"]> },
  { bus, heardBus, valueOf, want }: LiveGround,
): Storage {
  const { registry, storeOpened, logOpened } = storage;
  const ids: number[] = [];
  const points: { readonly timeUs: number; readonly value: number }[] = [];
  for (let id = 1; id < registry.idEnd; id++) {
    const latest = registry.has(id) ? valueOf(id) : undefined;
    if (latest === undefined) continue;
    ids.push(id);
    points.push(latest);
  }
  const latest = {
    seriesIds: Uint32Array.from(ids),
    timesUs: Float64Array.from(points, ({ timeUs }) => timeUs),
    values: Float64Array.from(points, ({ value }) => value),
  };
  return {
    ...storage,
    seriesMarks: sharedMarks(registry),
    spreading: { nodeId, latestOf: valueOf, want, wantedAfterMs: WANTED_AFTER_MS },
    ...{ journal, lasting, bus, heardBus, letGoOfLog: () => {} },
    logOpened: { ...logOpened, segments: [] },
    storeOpened: { ...storeOpened, latest, newestArrivalMs: NaN },
  };
}
