/** Series of this node, part by part, as other nodes and this one ask for them alike. */
import type {
  ArrivalQuery,
  ArrivalResult,
  RangeQuery,
  RangeResult,
  RunsResult,
  StandingQuery,
  StandingResult,
} from "../../store/store-client.ts";
import { COLUMNS_OF, PART_ROWS_MAX, type SeriesAsk, type SeriesPart } from "./series-part.ts";

interface Asking {
  readonly signal?: AbortSignal;
}

/** The store of this node. */
export interface OwnStore {
  range(query: RangeQuery, options?: Asking): Promise<RangeResult>;
  runs(query: RangeQuery, options?: Asking): Promise<RunsResult>;
  arrivals(query: ArrivalQuery, options?: Asking): Promise<ArrivalResult>;
  standing(query: StandingQuery, options?: Asking): Promise<StandingResult>;
  extents(seriesIds: Uint32Array, options?: Asking): Promise<Float64Array>;
}

const NOTHING_ELSE = { resolutionUs: 0, isCoarse: false, isDamaged: false, pointsRead: 0, next: null };

/** Each part is asked of the store when the one before was taken. `ids[slot]`; 0: there is no such series here. */
export async function* ownSeries(
  store: OwnStore,
  ids: ArrayLike<number>,
  ask: SeriesAsk,
  signal: AbortSignal,
): AsyncGenerator<SeriesPart, void> {
  const slots = Uint32Array.from({ length: ids.length }, (_, slot) => slot).filter((slot) => ids[slot] !== 0);
  if (slots.length === 0) return;
  if (ask.reading === "rows" || ask.reading === "runs") return yield* ranges(store, ids, slots, ask, signal);
  slots.sort((a, b) => ids[a] - ids[b]);
  const seriesIds = Uint32Array.from(slots, (slot) => ids[slot]);
  if (ask.reading === "arrivals") return yield* arrivals(store, seriesIds, slots, ask, signal);
  if (ask.reading === "first_times") {
    const timesUs = await store.extents(seriesIds, { signal });
    return yield present(slots, [timesUs], false);
  }
  const standing = { seriesIds, arrivedBeforeS: ask.toS ?? Infinity, beforeUs: ask.toUs };
  const { timesUs, values, isDamaged } = await store.standing(standing, { signal });
  yield present(slots, [timesUs, values], isDamaged);
}

async function* ranges(
  store: OwnStore,
  ids: ArrayLike<number>,
  slots: Uint32Array,
  { reading, fromUs, toUs, stepUs = 0, func = "avg", maxPoints = 0, asOfS, partRows = PART_ROWS_MAX }: SeriesAsk,
  signal: AbortSignal,
): AsyncGenerator<SeriesPart, void> {
  const query = { toUs, stepUs, func, maxPoints, pointsMax: Infinity, partRows, ...(asOfS !== undefined && { asOfS }) };
  for (let [at, nextUs] = [0, fromUs]; at < slots.length;) {
    // The series that a part ended in goes on by itself: its rows begin later than those of the others.
    const end = nextUs > fromUs ? at + 1 : slots.length;
    const asked = slots.subarray(at, end);
    const part = { ...query, fromUs: nextUs, seriesIds: Uint32Array.from(asked, (slot) => ids[slot]) };
    const result = reading === "runs" ? await store.runs(part, { signal }) : await store.range(part, { signal });
    const { next } = result;
    at = next === null ? end : at + next.slot;
    nextUs = next?.fromUs ?? fromUs;
    const { resolutionUs, isCoarse, isDamaged, pointsRead } = result;
    yield {
      slots: result.slots.map((slot) => asked[slot]),
      rows: result.slots.map((_, i) => result.offsets[i + 1] - result.offsets[i]),
      columns: "runs" in result ? runColumns(result) : [result.timesUs, result.values],
      ...{ resolutionUs, isCoarse, isDamaged, pointsRead },
      next: at < slots.length ? { slot: slots[at], fromUs: nextUs } : null,
    };
  }
}

function runColumns({ runs }: RunsResult): Float64Array[] {
  return COLUMNS_OF.runs.map((name) => runs[name as keyof typeof runs]);
}

async function* arrivals(
  store: OwnStore,
  seriesIds: Uint32Array,
  slots: Uint32Array,
  { fromUs, toUs, fromS = 0, toS = Infinity, partRows = PART_ROWS_MAX }: SeriesAsk,
  signal: AbortSignal,
): AsyncGenerator<SeriesPart, void> {
  for (let next: ArrivalResult["next"] = { fromS, fromSlot: 0 }; next !== null;) {
    const query = { seriesIds, ...next, toS, fromUs, toUs, partRows };
    const result: ArrivalResult = await store.arrivals(query, { signal });
    next = result.next;
    const { timesUs, values, arrivalsS, isDamaged } = result;
    yield { ...slotRuns(result.slots, slots), columns: [timesUs, values, arrivalsS], ...NOTHING_ELSE, isDamaged };
  }
}

/** Rows one after the other of one series count together. */
function slotRuns(ofRows: Uint32Array, slots: Uint32Array): Pick<SeriesPart, "slots" | "rows"> {
  const found: number[] = [];
  const rows: number[] = [];
  for (let i = 0; i < ofRows.length; i++) {
    if (i > 0 && ofRows[i] === ofRows[i - 1]) rows[rows.length - 1]++;
    else {
      found.push(slots[ofRows[i]]);
      rows.push(1);
    }
  }
  return { slots: Uint32Array.from(found), rows: Uint32Array.from(rows) };
}

/** A row of each series that has one. */
function present(slots: Uint32Array, columns: readonly Float64Array[], isDamaged: boolean): SeriesPart {
  const isThere = (_: unknown, i: number) => !Number.isNaN(columns[0][i]);
  const found = slots.filter(isThere);
  return {
    ...{ ...NOTHING_ELSE, slots: found, rows: new Uint32Array(found.length).fill(1), isDamaged },
    columns: columns.map((column) => column.filter(isThere)),
  };
}
