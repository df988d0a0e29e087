/** What happened in a replay, as marks on its scrubber. Pure. */
import { AlertChange } from "../../../wire/gen/alerts_pb.ts";
import { isSaid } from "../said.ts";
import type { ReplayBuffer } from "./replay-buffer.ts";

export interface ReplayMarkAt {
  readonly atMs: number;
  readonly kind: "said" | "noted" | "fired" | "over" | "changed";
  /** Of an alert. */
  readonly severity: string;
  /** What a screen reader says. */
  readonly text: string;
}

/** Those who come and go are left out. In order. */
export function marksOf(buffer: ReplayBuffer): ReplayMarkAt[] {
  const { messages, messagesAtMs, alerts, alertsAtMs } = buffer;
  const said = messages.flatMap((message, i): ReplayMarkAt[] => {
    if (!isSaid(message)) return [];
    const kind = message.messageType === "chat" ? "said" : "noted";
    return [{ atMs: messagesAtMs[i], kind, severity: "", text: `${message.userId}: ${message.message}` }];
  });
  const heard = alerts.flatMap(({ alert }, i): ReplayMarkAt[] => {
    if (alert === undefined) return [];
    const { change, severity, title } = alert;
    const kind = change === AlertChange.FIRED ? "fired" : change === AlertChange.CLEARED ? "over" : "changed";
    return [{ atMs: alertsAtMs[i], kind, severity, text: `${title}: ${kind}` }];
  });
  return [...said, ...heard].sort((a, b) => a.atMs - b.atMs);
}

const RANK: Readonly<Record<ReplayMarkAt["kind"], number>> = { fired: 4, over: 3, noted: 2, said: 1, changed: 0 };

interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where a time is in a span: 0 at its beginning and before, 1 at its end and behind; 0 in one without length. */
export function partOf({ fromMs, toMs }: TimeSpan, atMs: number): number {
  const part = (atMs - fromMs) / (toMs - fromMs || 1);
  return part > 0 ? Math.min(1, part) : 0;
}

/** Of those that would stand on one place the one that says most. */
export function spacedMarks(marks: readonly ReplayMarkAt[], span: TimeSpan, places: number): ReplayMarkAt[] {
  const byPlace = new Map<number, ReplayMarkAt>();
  for (const mark of marks) {
    const place = Math.floor(partOf(span, mark.atMs) * places);
    const before = byPlace.get(place);
    if (before === undefined || RANK[before.kind] < RANK[mark.kind]) byPlace.set(place, mark);
  }
  return [...byPlace.values()];
}

/** The next one behind a time, or the last one before it. */
export function markBeside(marks: readonly ReplayMarkAt[], atMs: number, step: 1 | -1): ReplayMarkAt | undefined {
  return step === 1 ? marks.find((mark) => mark.atMs > atMs) : marks.findLast((mark) => mark.atMs < atMs);
}
