/** A part of a long answer of points: as far as all nodes have told, each a part of its own. */
import { SeriesRows } from "../../store/series-rows.ts";
import type { RangeQuery, RangeResult } from "../../store/store-client.ts";
import type { AskedNodes, HistoryDeps } from "./asked-nodes.ts";
import { firstNotBefore } from "../../store/column.ts";
import { mergeRows, type NodeRows } from "./merge-rows.ts";
import type { SeriesAsk } from "./series-part.ts";
import { readArrivals } from "./shared-series.ts";
import { seriesWithNodes, slotsByNode } from "./split-series.ts";

interface Place {
  readonly slot: number;
  readonly fromUs: number;
}

export async function pointsPart(
  { places, nodeId: ownId }: HistoryDeps,
  query: RangeQuery & { readonly partRows: number },
  nodes: AskedNodes,
): Promise<Pick<RangeResult, "slots" | "offsets" | "timesUs" | "values" | "next">> {
  const { seriesIds, fromUs, toUs, asOfS, partRows } = query;
  const series = seriesWithNodes(seriesIds, places, ownId);
  const ask: SeriesAsk = { reading: "rows", fromUs, toUs, partRows, ...(asOfS !== undefined && { asOfS }) };

  const bySlot = new Map<number, NodeRows[]>();
  const ends = await Promise.all(
    [...slotsByNode(series)].map(async ([nodeId, slots]): Promise<Place | null> => {
      for await (const part of nodes.partsOf(nodeId, slots, ask)) {
        let row = 0;
        for (const [i, slot] of part.slots.entries()) {
          const [timesUs, values] = part.columns.map((column) => column.subarray(row, row + part.rows[i]));
          row += part.rows[i];
          note(bySlot, slot, { nodeId, timesUs, values });
        }
        if (part.next !== null) return part.next;
      }
      return null;
    }),
  );
  const end = ends.reduce((first, each) => (each !== null && isBefore(each, first) ? each : first), null);
  const told = series.filter(({ slot }) => end === null || slot <= end.slot);
  if (end !== null)
    bySlot.set(
      end.slot,
      (bySlot.get(end.slot) ?? []).map((each) => before(each, end.fromUs)),
    );

  const of = (slot: number) => bySlot.get(slot) ?? [];
  const arrivals = await readArrivals(
    told.filter(({ nodeIds }) => nodeIds.length > 1),
    of,
    asOfS,
    nodes,
  );
  const rows = new SeriesRows();
  const [slots, offsets]: [number[], number[]] = [[], [0]];
  for (const { slot } of told) {
    const ofSlot = of(slot).filter(({ timesUs }) => timesUs.length > 0);
    if (ofSlot.length === 0) continue;
    mergeRows(ofSlot, (nodeId, timeUs) => arrivals.get(slot)?.get(nodeId)?.get(timeUs) ?? -Infinity, rows);
    slots.push(slot);
    offsets.push(rows.length);
  }
  const columns = { timesUs: rows.timesUs.slice(), values: rows.values.slice() };
  return { slots: Uint32Array.from(slots), offsets: Uint32Array.from(offsets), ...columns, next: end };
}

function isBefore(place: Place, other: Place | null): boolean {
  if (other === null) return true;
  return place.slot < other.slot || (place.slot === other.slot && place.fromUs < other.fromUs);
}

/** A series that goes on in the next message is one. */
function note(bySlot: Map<number, NodeRows[]>, slot: number, more: NodeRows): void {
  const ofSlot = bySlot.get(slot) ?? [];
  bySlot.set(slot, ofSlot);
  const at = ofSlot.findIndex(({ nodeId }) => nodeId === more.nodeId);
  if (at < 0) return void ofSlot.push(more);
  const rows = new SeriesRows(0);
  for (const { timesUs, values } of [ofSlot[at], more]) rows.append(timesUs, values);
  ofSlot[at] = { nodeId: more.nodeId, timesUs: rows.timesUs, values: rows.values };
}

function before({ nodeId, timesUs, values }: NodeRows, endUs: number): NodeRows {
  const to = firstNotBefore(timesUs, 0, timesUs.length, endUs);
  return { nodeId, timesUs: timesUs.subarray(0, to), values: values.subarray(0, to) };
}
