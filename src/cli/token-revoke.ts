/** `watchpost token revoke`. */
import { Command } from "commander";
import { revokeToken } from "../client/access.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

export function tokenRevokeCommand(): Command {
  return addUserOption(addServerOption(new Command("revoke")))
    .summary("take tokens back")
    .description("Takes tokens back, at once: whatever is open with them ends.")
    .argument("<token...>", "ids or names of tokens")
    .action(async (tokens: string[], flags: { server: string; user?: string }) => {
      const connection = connectTo(flags.server);
      const signal = interruptSignal();
      try {
        for (const token of tokens) {
          const { name, tokenId } = await revokeToken(connection, { token, userId: userOf(flags) }, { signal });
          console.log(`${printable(name)} (${tokenId}) is revoked`);
        }
      } finally {
        connection.close();
      }
    });
}
