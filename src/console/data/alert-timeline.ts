/** What happened to an alert, line by line, for people. Pure. */
import { AlertChange, SilenceState, type AlertEvent, type Silence } from "../../wire/gen/alerts_pb.ts";
import type { DeliveryAttempt } from "../../wire/gen/receivers_pb.ts";
import { dateTimeText, msOf } from "../format.ts";

export interface TimelineEntry {
  readonly atMs: number;
  /** Who did it; "": nobody, the server. */
  readonly who: string;
  readonly what: string;
  /** In their own words. */
  readonly said: string;
  /** For a mark: "fired", "people", "told", "cleared". */
  readonly kind: "fired" | "people" | "told" | "cleared" | "minor";
  /** The same so often, one after the other. */
  readonly times: number;
}

/** What is known so much later than it was is told with its time. */
const LATE_MS = 60_000;

/**
 * In order of time; repeats of what no person did become one entry, with the time of the last. `createdMs`: when the alert fired, as its
 * points have it, which may have come late.
 */
export function timelineOf(
  events: readonly AlertEvent[],
  deliveries: readonly DeliveryAttempt[] = [],
  silences: readonly Silence[] = [],
  createdMs?: number,
): TimelineEntry[] {
  const spans = silences.flatMap((silence) => silenceEntries(silence, events));
  const all = [...events.map((event) => entryOf(event, createdMs)), ...deliveries.map(deliveryEntry), ...spans].sort(
    (a, b) => a.atMs - b.atMs,
  );
  const entries: TimelineEntry[] = [];
  for (const entry of all) {
    const before = entries.at(-1);
    const isSame = before?.who === "" && entry.who === "" && before.what === entry.what;
    if (isSame) entries[entries.length - 1] = { ...entry, times: before.times + 1 };
    else entries.push(entry);
  }
  return entries;
}

/** From when it held the alert back, and when it ceased to, if that came first. */
function silenceEntries({ startsAt, endsAt, state, author, comment }: Silence, events: readonly AlertEvent[]) {
  const [fromMs, toMs] = [msOf(startsAt) ?? 0, msOf(endsAt) ?? 0];
  const firedMs = msOf(events.find(({ change }) => change === AlertChange.FIRED)?.at) ?? 0;
  const clearedMs = msOf(events.findLast(({ change }) => change === AlertChange.CLEARED)?.at) ?? Infinity;
  const isOver = state === SilenceState.EXPIRED;
  const what = isOver ? "silenced it" : `silenced it until ${dateTimeText(toMs)}`;
  const one: TimelineEntry = {
    atMs: Math.max(fromMs, firedMs),
    who: author,
    what,
    said: comment,
    kind: "people",
    times: 1,
  };
  if (!isOver || toMs > clearedMs) return [one];
  const end = { atMs: toMs, who: "", what: "the silence ended", said: "", kind: "minor", times: 1 } as const;
  return [one, end];
}

function deliveryEntry({ at, receiver, channel, attempt, delivered, outcome, reason }: DeliveryAttempt): TimelineEntry {
  const why = WHY[reason] ?? "";
  const what = delivered
    ? `${receiver} was told by ${channel}${why}`
    : `${receiver} could not be told by ${channel}${why}`;
  const said = delivered ? "" : attempt > 1 ? `${outcome} (attempt ${attempt})` : outcome;
  return { atMs: msOf(at) ?? 0, who: "", what, said, kind: "told", times: 1 };
}

/** What does not go without saying. */
const WHY: Readonly<Record<string, string>> = {
  rose: ": it rose",
  fell: ": it fell",
  repeat: ", again",
  escalated: ": escalation",
  resolved: ": it is over",
};

function entryOf({ at, change, severity, userId, text }: AlertEvent, createdMs = Infinity): TimelineEntry {
  const entry = (kind: TimelineEntry["kind"], what: string, said = ""): TimelineEntry => {
    return { atMs: msOf(at) ?? 0, who: userId, what, said, kind, times: 1 };
  };
  switch (change) {
    case AlertChange.FIRED: {
      const isLate = (msOf(at) ?? 0) - createdMs > LATE_MS;
      return entry("fired", `fired: ${severity}${isLate ? `, as of ${dateTimeText(createdMs)}` : ""}`);
    }
    case AlertChange.SEVERITY_ROSE:
      return entry("fired", text === "escalated" ? `raised to ${severity} by escalation` : `rose to ${severity}`);
    case AlertChange.SEVERITY_FELL:
      return entry("minor", `fell to ${severity}`);
    case AlertChange.CLEARED:
      return entry("cleared", userId === "" ? "cleared" : "resolved it", text);
    case AlertChange.ACKNOWLEDGED:
      return entry("people", "acknowledged it", text);
    case AlertChange.ASSIGNED:
      return entry("people", text === "" ? "took it from whoever had it" : `gave it to ${text}`);
    case AlertChange.COMMENTED:
      return entry("people", "said", text);
    case AlertChange.STALE:
      return entry("minor", "its series fell silent");
    case AlertChange.HEARD:
      return entry("minor", "its series was heard again");
    case AlertChange.UPDATED:
      return entry("minor", "published anew");
    case AlertChange.LATE:
      return entry("fired", "found in points that came late");
    default:
      return entry("minor", "changed");
  }
}
