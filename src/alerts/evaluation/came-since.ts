/** What came to any node after a time, out of what is stored: frames for rules that a node evaluated which is gone. */
import { messageOf } from "../../model/errors.ts";
import type { Clock } from "../../model/clock.ts";
import type { Frame } from "../../model/frame.ts";
import { OPEN_END_US, type ArrivalQuery, type ArrivalResult } from "../../store/protocol.ts";

export interface CameSinceDeps {
  readonly history: {
    arrivals(query: ArrivalQuery, options: { readonly signal: AbortSignal }): Promise<ArrivalResult>;
  };
  readonly clock: Clock;
  onTrouble(sentence: string): void;
}

const PART_ROWS = 65_536;
/** Past that, and after this time, rules go on with what has been read. */
const POINTS_MAX = 1_000_000;
const READ_MS = 3_000;
/** Points that are older by that when they come are not looked for: little of what is stored has to be read. */
const OLDER_MS_MAX = 600_000;

interface Row {
  readonly id: number;
  readonly timeUs: number;
  readonly value: number;
}

/**
 * In order of arrival, which is known to the second; within one by time. Of the second of `afterMs` those with a time after it.
 * Never rejects.
 */
export async function cameSince(seriesIds: Iterable<number>, afterMs: number, deps: CameSinceDeps): Promise<Frame[]> {
  const { history, clock, onTrouble } = deps;
  const ids = Uint32Array.from(new Set(seriesIds)).sort();
  const fromS = Math.floor(afterMs / 1_000);
  const range = { fromUs: (afterMs - OLDER_MS_MAX) * 1_000, toUs: OPEN_END_US, partRows: PART_ROWS };
  const bySecond = new Map<number, Row[]>();
  const over = new AbortController();
  const cancel = clock.after(READ_MS, () => over.abort(new Error(`it is not read within ${READ_MS / 1_000} s`)));
  try {
    let next: ArrivalResult["next"] = ids.length === 0 ? null : { fromS, fromSlot: 0 };
    for (let points = 0; next !== null;) {
      const query = { seriesIds: ids, ...range, ...next, toS: Math.floor(clock.nowMs() / 1_000) + 2 };
      const part: ArrivalResult = await unlessOver(history.arrivals(query, { signal: over.signal }), over.signal);
      for (const [row, slot] of part.slots.entries()) {
        const [timeUs, arrivalS] = [part.timesUs[row], part.arrivalsS[row]];
        if (arrivalS === fromS && timeUs <= afterMs * 1_000) continue;
        const rows = bySecond.get(arrivalS) ?? [];
        bySecond.set(arrivalS, rows);
        rows.push({ id: ids[slot], timeUs, value: part.values[row] });
        points++;
      }
      next = part.next;
      if (next !== null && points >= POINTS_MAX) throw new Error(`it is more than ${POINTS_MAX} points`);
    }
  } catch (error) {
    onTrouble(`what came to rules while nobody evaluated them is not all known: ${messageOf(error)}`);
  } finally {
    cancel();
  }
  const seconds = [...bySecond].sort(([a], [b]) => a - b);
  return seconds.map(([second, rows]) => frameOf(rows, Math.min((second + 1) * 1_000, clock.nowMs())));
}

function frameOf(rows: Row[], arrivalMs: number): Frame {
  rows.sort((a, b) => a.timeUs - b.timeUs);
  return {
    ...{ seq: 0, arrivalMs, count: rows.length },
    seriesIds: Uint32Array.from(rows, ({ id }) => id),
    timesUs: Float64Array.from(rows, ({ timeUs }) => timeUs),
    values: Float64Array.from(rows, ({ value }) => value),
  };
}

async function unlessOver<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason as Error);
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener("abort", end);
    answer.catch(() => {});
  }
}
