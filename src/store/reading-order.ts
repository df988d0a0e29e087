/**
 * The order in which a query reads its series: by id, as they lie in blocks, where neighbours share what is unpacked. Asked
 * for by name they may lie far from each other.
 */
import { isAscending } from "./column.ts";
import type { RangeQuery } from "./protocol.ts";

export interface ReadingOrder {
  /** With its series by id, unless its answer goes on in parts: these are in the order asked for. */
  readonly query: RangeQuery;
  /** The position among the asked series, or groups, of one of `query`. */
  slotOf(position: number): number;
}

export function readingOrderOf(asked: RangeQuery): ReadingOrder {
  const { seriesIds, grouping, partRows } = asked;
  if (partRows !== undefined || isAscending(seriesIds)) return { query: asked, slotOf: (position) => position };
  const slots = slotsById(seriesIds);
  const query = { ...asked, seriesIds: seriesIds.slice() };
  for (let i = 0; i < slots.length; i++) query.seriesIds[i] = seriesIds[slots[i]];
  if (grouping === undefined) return { query, slotOf: (position) => slots[position] };
  const groupOf = Uint32Array.from(slots, (slot) => grouping.groupOf[slot]);
  return { query: { ...query, grouping: { ...grouping, groupOf } }, slotOf: (group) => group };
}

/** Sorted as numbers of both: a comparing function would take several times as long. Exact below two million series. */
function slotsById(ids: Uint32Array): Uint32Array {
  const count = ids.length;
  const both = new Float64Array(count);
  for (let slot = 0; slot < count; slot++) both[slot] = ids[slot] * count + slot;
  return Uint32Array.from(both.sort(), (each) => each % count);
}
