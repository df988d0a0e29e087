/** `watchpost silence extend`: silences last longer, or end earlier. */
import { Command } from "commander";
import { putSilence } from "../client/silences.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { msOf } from "./alert-text.ts";
import { addServerOption } from "./client-flags.ts";
import { toSilences } from "./silence-action.ts";
import { stateWords } from "./silence-text.ts";
import { addEndOptions, endOf, type EndFlags } from "./silence-times.ts";
import { addUserOption, userOf } from "./user-flag.ts";

const HELP = `
The first letters of an ID are enough, as watchpost silence list shows them. --for is added to the time it has left. One
that is over stays over: make a new one.

Examples:
  watchpost silence extend 5e1f --for 1h
  watchpost silence extend 5e1f --until 2026-03-02T06:00Z`;

export function silenceExtendCommand(): Command {
  return addEndOptions(addUserOption(addServerOption(new Command("extend"))), "how much longer it lasts, such as 1h")
    .summary("let silences last longer, or until another time")
    .description("Lets silences last longer than they would, or until another time.")
    .argument("<id...>", "ids of silences; their first letters are enough")
    .addHelpText("after", HELP)
    .action((ids: string[], flags: EndFlags & { server: string; user?: string }) => {
      const nowMs = Date.now();
      // What is wrong with the flags is said before anything is asked.
      endOf(flags, nowMs, nowMs);
      return toSilences(ids, flags.server, "extended", async (connection, silence, signal) => {
        const { $typeName: _, endsAt: before, ...rest } = silence;
        const endsAt = timestampOfMs(endOf(flags, msOf(before), nowMs));
        return stateWords(await putSilence(connection, { ...rest, endsAt }, { signal, userId: userOf(flags) }), nowMs);
      });
    });
}
