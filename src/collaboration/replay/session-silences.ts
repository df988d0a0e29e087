/** Silences that a session had to do with. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry } from "../../model/journal.ts";
import { SilenceSchema, type Alert, type Silence } from "../../wire/gen/alerts_pb.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { SILENCE_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { unreadable } from "./about.ts";
import { entriesOf } from "./journal-pages.ts";
import type { Recording } from "./recording.ts";

/** Silences that are told of, and alerts that are looked at for them. */
const [SILENCES_MAX, ALERTS_MAX] = [1_000, 10_000];

/** What an entry of kind "silence" tells. */
export interface ReplayedSilence {
  readonly silence: MessageInitShape<typeof SilenceSchema>;
  meets(alert: Alert): boolean;
}

export interface SilenceDeps {
  readonly journal: CollaborationJournal;
  /** Throws for an entry that cannot be read. */
  replayedSilence(entry: JournalEntry): ReplayedSilence;
}

interface Kept extends ReplayedSilence {
  readonly silence: Silence;
}

/**
 * Those that were made, extended or ended in the session, or held back one of its alerts, in its range; as they were at its
 * end, by their start.
 */
export async function silencesOf(
  { range, messages, alerts }: Pick<Recording, "range" | "messages" | "alerts">,
  missing: Set<string>,
  { journal, replayedSilence }: SilenceDeps,
  signal: AbortSignal,
): Promise<Silence[]> {
  const [fromMs, toMs] = [range.fromUs / 1_000, range.toUs / 1_000];
  const own = new Set<string>();
  for await (const { what } of messages(range)) {
    if (what.messageType === "action" && what.metadata["silence_id"]) own.add(what.metadata["silence_id"]);
  }
  const during = new Map<string, Kept>();
  for await (const entry of entriesOf(journal, { kind: SILENCE_EVENT }, 0, signal)) {
    if (entry.atMs >= toMs) continue;
    try {
      const { silence: said, meets } = replayedSilence(entry);
      const silence = create(SilenceSchema, said);
      const { startMs, endMs } = timesOf(silence);
      if (own.has(silence.id) || (startMs < toMs && endMs > fromMs)) during.set(silence.id, { silence, meets });
      else during.delete(silence.id);
    } catch {
      missing.add(unreadable(entry));
    }
  }
  if (during.size === 0) return [];
  const byId = new Map<string, Alert>();
  for await (const { what } of alerts(range)) {
    const { alert } = what;
    if (alert === undefined) continue;
    if (byId.has(alert.id) || byId.size < ALERTS_MAX) byId.set(alert.id, alert);
    else missing.add(`silences of more than ${ALERTS_MAX} alerts are left out`);
  }
  const told = [...during.values()].filter(
    (kept) => own.has(kept.silence.id) || byId.values().some((alert) => hasHeld(kept, alert)),
  );
  if (told.length > SILENCES_MAX) missing.add(`silences but the first ${SILENCES_MAX} are left out`);
  return told
    .map(({ silence }) => silence)
    .sort((a, b) => timesOf(a).startMs - timesOf(b).startMs || (a.id < b.id ? -1 : 1))
    .slice(0, SILENCES_MAX);
}

function hasHeld({ silence, meets }: Kept, alert: Alert): boolean {
  const { startMs, endMs } = timesOf(silence);
  const firedMs = alert.createdAt === undefined ? -Infinity : msOfTimestamp(alert.createdAt);
  const clearedMs = alert.clearedAt === undefined ? Infinity : msOfTimestamp(alert.clearedAt);
  return startMs <= clearedMs && endMs > firedMs && endMs > startMs && meets(alert);
}

function timesOf({ startsAt, endsAt }: Silence): { readonly startMs: number; readonly endMs: number } {
  return {
    startMs: startsAt === undefined ? NaN : msOfTimestamp(startsAt),
    endMs: endsAt === undefined ? NaN : msOfTimestamp(endsAt),
  };
}
