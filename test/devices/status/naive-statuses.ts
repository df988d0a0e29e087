/**
 * Statuses of one device by silence, as docs/device-status.md tells them and as plainly as can be: everything is worked out
 * anew from all that was ever heard. It imports nothing of what it judges.
 */

/** The newest event time of a reading, Unix milliseconds; it is taken to arrive when nothing newer has come before. */
export type EventTimes = readonly number[];

export interface NaiveChange {
  readonly atMs: number;
  readonly status: string;
  readonly previous: string;
  readonly isFlapping: boolean;
  readonly omitted: number;
}

/** Arrival is the running maximum of event time; until `endMs`, that included. */
export function naiveChanges(eventTimes: EventTimes, endMs: number): NaiveChange[] {
  const arrivals: number[] = [];
  for (const timeMs of eventTimes) if (timeMs > (arrivals.at(-1) ?? -Infinity)) arrivals.push(timeMs);
  return toldOf(changesOf(arrivals, endMs), endMs);
}

interface Change {
  readonly atMs: number;
  readonly status: string;
}

function changesOf(arrivals: readonly number[], endMs: number): Change[] {
  const changes: Change[] = [];
  let status = "never_seen";
  const become = (next: string, atMs: number) => {
    if (next !== status) changes.push({ atMs, status: (status = next) });
  };
  for (let i = 0; i < arrivals.length; i++) {
    become("online", arrivals[i]);
    const intervalMs = intervalOf(gapsOf(arrivals.slice(0, i + 1)));
    const untilMs = i + 1 < arrivals.length ? arrivals[i + 1] : endMs;
    const lateMs = arrivals[i] + Math.round(1.5 * intervalMs);
    const offlineMs = arrivals[i] + Math.round(3 * intervalMs);
    if (lateMs <= untilMs) become("late", lateMs);
    if (offlineMs <= untilMs) become("offline", offlineMs);
  }
  return changes;
}

/** Those that come within a second are one. */
function gapsOf(arrivals: readonly number[]): number[] {
  const gaps: number[] = [];
  let from = arrivals[0];
  for (const arrival of arrivals) {
    if (arrival - from < 1_000) continue;
    gaps.push(arrival - from);
    from = arrival;
  }
  return gaps;
}

function intervalOf(gaps: readonly number[]): number {
  const recent = gaps.slice(-64).sort((a, b) => a - b);
  if (recent.length < 4) return 48 * 3_600_000;
  const rank = 0.95 * (recent.length - 1);
  const [low, high] = [recent[Math.floor(rank)], recent[Math.ceil(rank)]];
  const p95Ms = low + (high - low) * (rank - Math.floor(rank));
  return Math.min(Math.max(p95Ms, 30_000), 48 * 3_600_000);
}

/** Of a flapping device at most one a minute is told. */
function toldOf(changes: readonly Change[], endMs: number): NaiveChange[] {
  const told: NaiveChange[] = [];
  let isFlapping = false;
  let toldStatus = "never_seen";
  let toldAtMs = -Infinity;
  let omitted = 0;
  const tell = (status: string, atMs: number) => {
    told.push({ atMs, status, previous: toldStatus, isFlapping, omitted });
    [toldStatus, toldAtMs, omitted] = [status, atMs, 0];
  };
  for (let i = 0; i < changes.length; i++) {
    const { atMs, status } = changes[i];
    const score = (ms: number) => {
      const past = changes.slice(1, i + 1);
      return past.reduce((sum, change) => sum + 2 ** ((change.atMs - ms) / 3_600_000), 0);
    };
    const wasFlapping = isFlapping;
    if (score(atMs) > 6) isFlapping = true;
    if (!wasFlapping || atMs >= toldAtMs + 60_000) tell(status, atMs);
    else omitted++;
    const untilMs = i + 1 < changes.length ? changes[i + 1].atMs : endMs + 1;
    // The end of the flapping, and what was held back, come before the next change where they are due by then.
    const calmMs = isFlapping ? atMs + Math.max(0, 3_600_000 * Math.log2(score(atMs) / 2)) : Infinity;
    const heldMs = isFlapping && status !== toldStatus ? toldAtMs + 60_000 : Infinity;
    if (heldMs < untilMs && heldMs < calmMs) {
      omitted--;
      tell(status, heldMs);
    }
    if (calmMs >= untilMs) continue;
    isFlapping = false;
    if (status !== toldStatus) omitted--;
    tell(status, calmMs);
  }
  return told;
}
