/** A session's messages as rows of a list: days, where what is new begins, those who come and go together. Pure. */
import type { CollaborationMessage } from "../../wire/gen/collaboration_pb.ts";
import { msOf } from "../format.ts";
import type { AlertNotice } from "./alert-notices.ts";
import { isComing } from "./said.ts";

export type RoomRow =
  | { readonly kind: "day"; readonly key: string; readonly atMs: number }
  | { readonly kind: "new"; readonly key: string }
  | { readonly kind: "alert"; readonly key: string; readonly notice: AlertNotice }
  | { readonly kind: "comings"; readonly key: string; readonly texts: readonly string[]; readonly atMs: number }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly message: CollaborationMessage;
      /** By the one before, a moment later: the name need not stand again. */
      readonly goesOn: boolean;
    };

const GOES_ON_WITHIN_MS = 120_000;

/**
 * `notices`: of alerts, between the messages of their time; those from before the first message are left out. `readUpTo`: number of the last message that was read; undefined: none is marked as new, nor is any from the first on that
 * `userId` wrote, who was there then. `dayOf`:
 * the day of a time, in the zone that is shown.
 */
export function roomRows(
  messages: readonly CollaborationMessage[],
  readUpTo: number | undefined,
  dayOf: (ms: number) => string,
  notices: readonly AlertNotice[] = [],
  userId?: string,
): RoomRow[] {
  const rows: RoomRow[] = [];
  let day = "";
  let isMarked = readUpTo === undefined;
  let before: CollaborationMessage | undefined;
  const waiting = notices.filter(({ atMs }) => atMs >= (msOf(messages[0]?.timestamp) ?? 0));
  const tellUntil = (atMs: number) => {
    while (waiting.length > 0 && waiting[0].atMs < atMs) {
      const notice = waiting.shift()!;
      rows.push({ kind: "alert", key: notice.key, notice });
      before = undefined;
    }
  };
  for (const message of messages) {
    const atMs = msOf(message.timestamp) ?? 0;
    tellUntil(atMs);
    const key = String(message.number);
    if (dayOf(atMs) !== day) {
      day = dayOf(atMs);
      rows.push({ kind: "day", key: `day ${key}`, atMs });
      before = undefined;
    }
    if (message.userId === userId && Number(message.number) > (readUpTo ?? 0) && !isComing(message)) isMarked = true;
    const isNew = !isMarked && Number(message.number) > readUpTo! && !isComing(message);
    if (isNew) {
      rows.push({ kind: "new", key: "new" });
      isMarked = true;
      before = undefined;
    }
    const last = rows.at(-1);
    if (!isComing(message)) {
      rows.push({ kind: "message", key, message, goesOn: goesOn(before, message) });
      before = message;
      continue;
    }
    before = undefined;
    if (last?.kind === "comings") rows[rows.length - 1] = { ...last, texts: [...last.texts, message.message], atMs };
    else rows.push({ kind: "comings", key, texts: [message.message], atMs });
  }
  tellUntil(Infinity);
  return rows;
}

function goesOn(before: CollaborationMessage | undefined, { messageType, userId, timestamp }: CollaborationMessage) {
  if (before?.messageType !== "chat" || messageType !== "chat" || before.userId !== userId) return false;
  return (msOf(timestamp) ?? 0) - (msOf(before.timestamp) ?? 0) < GOES_ON_WITHIN_MS;
}
