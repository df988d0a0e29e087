/** Silences as the recording of a session has them. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry } from "../model/journal.ts";
import type { Alert, SilenceSchema } from "../wire/gen/alerts_pb.ts";
import { matchedLabels } from "./alert-silences.ts";
import type { Silence } from "./notify/silence.ts";
import { testOfSilence, type TestOfScope } from "./notify/silences.ts";
import { messageOfSilence } from "./silence-message.ts";

export interface ReplayedSilence {
  /** As it was from then on; its state goes with the time, and is left out. */
  readonly silence: MessageInitShape<typeof SilenceSchema>;
  /** Whether it meets the alert, whatever the time. */
  meets(alert: Alert): boolean;
}

/** What an entry of kind "silence" says. Throws where it cannot be read. */
export function replayedSilence({ payload, atMs }: JournalEntry, isIn: TestOfScope): ReplayedSilence {
  const { silence } = JSON.parse(payload) as { readonly silence: Silence };
  const { state: _, ...message } = messageOfSilence(silence, atMs);
  const meets = testOfSilence(silence, isIn);
  return {
    silence: message,
    meets: (alert) => meets(matchedLabels(alert)),
  };
}
