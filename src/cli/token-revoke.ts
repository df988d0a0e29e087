/** `watchpost token revoke`. */
import { Command } from "commander";
import pc from "picocolors";
import { revokeToken } from "../client/access.ts";
import { messageOf } from "../model/errors.ts";
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
        // Whoever revokes several is in a hurry: none stays good since another one could not be.
        const failures: unknown[] = [];
        for (const token of tokens) {
          try {
            const { name, tokenId } = await revokeToken(connection, { token, userId: userOf(flags) }, { signal });
            console.log(`${printable(name)} (${tokenId}) is revoked`);
          } catch (error) {
            failures.push(error);
          }
        }
        const [first, ...others] = failures;
        for (const other of others) console.error(`${pc.red("error:")} ${messageOf(other)}`);
        if (first !== undefined) throw first;
      } finally {
        connection.close();
      }
    });
}
