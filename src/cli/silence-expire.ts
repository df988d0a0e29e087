/** `watchpost silence expire`: silences end now. */
import { Command } from "commander";
import { expireSilence } from "../client/silences.ts";
import { addServerOption } from "./client-flags.ts";
import { toSilences } from "./silence-action.ts";
import { addUserOption, userOf } from "./user-flag.ts";

const HELP = `
The first letters of an ID are enough, as watchpost silence list shows them. What still fires is notified then.

Examples:
  watchpost silence expire 5e1f
  watchpost silence list --json | jq -r 'select(.author == "ann") | .id' | xargs -r watchpost silence expire`;

export function silenceExpireCommand(): Command {
  return addUserOption(addServerOption(new Command("expire")))
    .summary("end silences now")
    .description("Ends silences now.")
    .argument("<id...>", "ids of silences; their first letters are enough")
    .addHelpText("after", HELP)
    .action((ids: string[], flags: { server: string; user?: string }) =>
      toSilences(ids, flags.server, "expired", async (connection, { id }, signal) => {
        await expireSilence(connection, { id, userId: userOf(flags) }, { signal });
        return "";
      }),
    );
}
