/** Changes of alerts as a replay tells them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry } from "../model/journal.ts";
import type { ReplayAlertSchema } from "../wire/gen/replay_pb.ts";
import { messageOf, WIRE_CHANGES } from "./alert-message.ts";
import { eventFromJson } from "./alert.ts";

/** What an entry of kind "alert" says. Throws where it cannot be read. */
export function replayedAlert({ payload, actor }: JournalEntry): MessageInitShape<typeof ReplayAlertSchema> {
  const { change, text, alert } = eventFromJson(payload);
  return { alert: { ...messageOf(alert), change: WIRE_CHANGES[change] }, userId: actor, text };
}
