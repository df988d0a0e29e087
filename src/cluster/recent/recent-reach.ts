/** How far the recent window reaches, and in which order it is read. Pure. */
import { recentShardOf } from "../../store/recent-protocol.ts";
import type { RecentSlice } from "../../wire/gen/nodes_pb.ts";
import type { SeriesAsk } from "../history/series-part.ts";
import { RECENT_SHARDS } from "./recent-keys.ts";

type SliceFacts = Pick<RecentSlice, "afterSeq" | "throughSeq" | "beforeUs">;

export interface RecentReach {
  /** Points of later event times are all there, Unix microseconds; -1: all are; Infinity: of none it is known. */
  readonly beforeUs: number;
  /** Points that came before are, by the clock of the node: Unix milliseconds; Infinity: nothing came any more; 0: it is not known. */
  readonly untilMs: number;
}

/**
 * `slices` by the sequence they end with; some may have a part of others again. `throughSeq`: what the node has written last ends with it.
 * What lies in front of a gap reaches nowhere.
 */
export function reachOf(slices: readonly SliceFacts[], throughSeq: number, untilMs: number): RecentReach {
  let first = slices.at(-1);
  if (first === undefined || first.throughSeq < throughSeq) return { beforeUs: Infinity, untilMs: 0 };
  for (const slice of slices.toReversed()) {
    if (slice.throughSeq < first.afterSeq) break;
    if (slice.afterSeq < first.afterSeq) first = slice;
  }
  return { beforeUs: first.beforeUs, untilMs };
}

/** What is shown of a node all the same, as a part of a sentence. */
export function reachText({ beforeUs, untilMs }: RecentReach): string {
  const at = (ms: number) => `${new Date(Math.floor(ms)).toISOString().slice(0, 19)}Z`;
  if (untilMs === 0 || beforeUs === Infinity) return "some of its points are shown as Redis has them";
  const since = beforeUs < 0 ? "" : ` from ${at(beforeUs / 1_000)}`;
  return `its points${since}${untilMs === Infinity ? " on" : ` to ${at(untilMs)}`} are shown as Redis has them`;
}

/** Whether everything that the node would tell is there; of what stood, see {@link coversStanding}. */
export function covers(reach: RecentReach, ask: SeriesAsk): boolean {
  return ask.reading !== "standing" && reach.beforeUs < ask.fromUs && coversEnd(reach, ask);
}

/** Whether nothing later can have stood. */
export function coversStanding(reach: RecentReach, timeUs: number, ask: SeriesAsk): boolean {
  return timeUs > reach.beforeUs && coversEnd(reach, ask);
}

/** What comes after a time is of later times; what is asked as it was known then came before. */
function coversEnd({ untilMs }: RecentReach, { toUs, asOfS, toS, reading }: SeriesAsk): boolean {
  const isByArrival = reading === "arrivals" || reading === "standing";
  const arrivedBeforeS = isByArrival ? (toS ?? Infinity) : asOfS === undefined ? Infinity : asOfS + 1;
  return toUs <= untilMs * 1_000 || arrivedBeforeS * 1_000 <= untilMs;
}

/** Rows of points of this share of a group are expected, so that they find room in memory. */
const GROUP_ROWS = 2_000_000;

/**
 * Positions of `otherIds` in groups that are read one after the other. In the order of positions where an answer goes on in parts;
 * otherwise those of one shard are together.
 */
export function groupsOf(otherIds: Uint32Array, ask: SeriesAsk, rowsASeries: number): number[][] {
  const slots = Array.from(otherIds.keys());
  // By arrival all of them are one answer.
  if (ask.reading === "arrivals") return [slots];
  const shardOf = (slot: number) => recentShardOf(otherIds[slot], RECENT_SHARDS);
  if (!isInParts(ask)) slots.sort((a, b) => shardOf(a) - shardOf(b) || a - b);
  const rows = isInParts(ask) ? ask.partRows! : GROUP_ROWS;
  const size = Math.max(1, Math.floor(rows / Math.max(1, rowsASeries)));
  return Array.from({ length: Math.ceil(slots.length / size) }, (_, i) => slots.slice(i * size, (i + 1) * size));
}

/** Whether whoever asks goes on where a part has ended. */
export function isInParts({ reading, partRows }: SeriesAsk): boolean {
  return reading === "rows" && partRows !== undefined;
}
