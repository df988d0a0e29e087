/**
 * Statuses of one device by silence, as docs/device-status.md tells them and as plainly as can be: everything is worked out
 * anew from all that was ever heard. It imports nothing of what it judges.
 */

/** Milliseconds; what is repeated or older than what came before is left out. */
export interface NaiveReading {
  readonly eventMs: number;
  readonly arrivalMs: number;
}

export interface NaiveChange {
  readonly atMs: number;
  readonly status: string;
  readonly previous: string;
  readonly isFlapping: boolean;
  readonly omitted: number;
}

/** Arrival is the running maximum of event time. */
export function arrivedInOrder(eventTimes: readonly number[]): NaiveReading[] {
  let arrivalMs = -Infinity;
  return eventTimes.map((eventMs) => ({ eventMs, arrivalMs: (arrivalMs = Math.max(arrivalMs, eventMs)) }));
}

/** Of readings in the order of their arrival; until `endMs`, that included. */
export function naiveChanges(readings: readonly NaiveReading[], endMs: number): NaiveChange[] {
  return toldOf(changesOf(readings, endMs), endMs);
}

interface Change {
  readonly atMs: number;
  readonly status: string;
}

/** A reading that was newer than all before. */
interface Arrival extends NaiveReading {
  /** It says that the device is there. */
  readonly isLive: boolean;
}

function changesOf(readings: readonly NaiveReading[], endMs: number): Change[] {
  const changes: Change[] = [];
  const arrivals: Arrival[] = [];
  let [status, newestMs] = ["never_seen", -Infinity];
  const become = (next: string, atMs: number) => {
    if (next !== status) changes.push({ atMs, status: (status = next) });
  };
  const silentUntil = (untilMs: number) => {
    const last = arrivals.findLast(({ isLive }) => isLive);
    if (last === undefined) return;
    for (const [next, factor] of [
      ["late", 1.5],
      ["offline", 3],
    ] as const) {
      const atMs = last.arrivalMs + Math.round(factor * intervalOf(rhythmOf(arrivals).gaps));
      if (atMs <= untilMs && status !== "offline") become(next, atMs);
    }
  };
  for (const reading of readings) {
    const { eventMs, arrivalMs } = reading;
    if (eventMs <= newestMs) continue;
    newestMs = eventMs;
    silentUntil(arrivalMs);
    const { gaps, fromMs, fromLagMs } = rhythmOf(arrivals);
    const [gapMs, lagMs] = [arrivalMs - fromMs, arrivalMs - eventMs];
    const isSteady = gapMs >= 1_000 && gapMs < Infinity && Math.abs(lagMs - fromLagMs) <= Math.min(30_000, gapMs / 2);
    const isInTime = lagMs < Math.round(1.5 * intervalOf(gaps));
    const isLive = lagMs < 3_600_000 ? isInTime || isSteady : isInTime && gaps.length >= 4;
    arrivals.push({ ...reading, isLive });
    if (isLive) become("online", arrivalMs);
  }
  silentUntil(endMs);
  return changes;
}

/** Those that come within 0.9 seconds are one; what catches up, or is no sign of life, tells of no gap. */
function rhythmOf(arrivals: readonly Arrival[]): { gaps: number[]; fromMs: number; fromLagMs: number } {
  const gaps: number[] = [];
  let [fromMs, fromLagMs] = [-Infinity, 0];
  for (const { eventMs, arrivalMs, isLive } of arrivals) {
    const [gapMs, lagMs] = [arrivalMs - fromMs, arrivalMs - eventMs];
    if (gapMs < 900) {
      fromLagMs = Math.min(fromLagMs, lagMs);
      continue;
    }
    if (isLive && gapMs < Infinity && fromLagMs - lagMs <= 30_000) gaps.push(gapMs);
    [fromMs, fromLagMs] = [arrivalMs, lagMs];
  }
  return { gaps, fromMs, fromLagMs };
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
