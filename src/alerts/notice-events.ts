/** How silences, and what happens beside notifications, stand in the journal. */
import type { JournalEvent } from "../model/journal.ts";
import type { NotifyEvent } from "./notify/notify-event.ts";
import type { Silence } from "./notify/silence.ts";

const NOTICE_EVENT = "notice";
const SILENCE_EVENT = "silence";

export function silenceEvent(
  change: "put" | "expired",
  silence: Silence,
  { actor, atMs }: Pick<JournalEvent, "actor" | "atMs">,
): JournalEvent {
  return { atMs, kind: SILENCE_EVENT, subject: silence.id, actor, payload: JSON.stringify({ change, silence }) };
}

export function noticeEvent(event: NotifyEvent, atMs: number): JournalEvent {
  return { atMs, kind: NOTICE_EVENT, subject: event.kind, actor: "", payload: JSON.stringify(event) };
}
