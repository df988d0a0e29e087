/** The newest values of a node's own series, as frames for whoever begins to listen over a straight line. */
import type { Clock } from "../../model/clock.ts";
import type { SeriesRegistry } from "../../model/series-registry.ts";
import { Breather } from "../history/breather.ts";
import { encodeLiveFrame, liveFrameHead } from "./live-frame.ts";
import { ShardRows } from "./shard-rows.ts";
import type { ShardFrame } from "./straight-line.ts";

export interface NewestFramesDeps {
  readonly nodeId: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly registry: Pick<SeriesRegistry, "has">;
  valueOf(seriesId: number): { readonly timeUs: number; readonly value: number } | undefined;
  shardOf(seriesId: number): number;
}

const ROWS_MAX = 4_096;

/** Of series in `shards`, in pages. Values are read when a page is taken. */
export async function* newestFrames(
  shards: ReadonlySet<number>,
  own: Iterable<number>,
  deps: NewestFramesDeps,
): AsyncGenerator<ShardFrame, void> {
  const { clock, registry, valueOf, shardOf } = deps;
  const breather = new Breather(clock);
  const idsByShard = new Map<number, number[]>();
  for (const id of own) {
    if (breather.slice.over()) await breather.breathe();
    const shard = registry.has(id) ? shardOf(id) : -1;
    if (!shards.has(shard)) continue;
    const ids = idsByShard.get(shard);
    if (ids === undefined) idsByShard.set(shard, [id]);
    else ids.push(id);
  }
  const head = liveFrameHead(deps);
  for (const [shard, ids] of idsByShard) {
    for (let at = 0; at < ids.length; at += ROWS_MAX) {
      const rows = new ShardRows();
      for (const id of ids.slice(at, at + ROWS_MAX)) {
        const latest = valueOf(id);
        if (latest !== undefined) rows.add(id, latest.timeUs, latest.value);
      }
      if (rows.count === 0) continue;
      yield { shard, frame: encodeLiveFrame(head, { shardSeq: 0, arrivalMs: clock.nowMs() }, rows) };
      await breather.breathe();
    }
  }
}
