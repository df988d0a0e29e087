/** `watchpost token`: who may do what. */
import { Command } from "commander";
import { tokenCreateCommand } from "./token-create.ts";
import { tokenListCommand } from "./token-list.ts";
import { tokenRevokeCommand } from "./token-revoke.ts";

const HELP = `
Once there is a token every call must show one. The first must be an admin's:
  watchpost token create me --role admin

A token is shown in WATCHPOST_TOKEN, or in a file that --token-file names; over HTTP in the header
"authorization: Bearer wp_…". See docs/security.md.`;

export function tokenCommand(): Command {
  return new Command("token")
    .summary("who may do what: create, list, revoke tokens")
    .description("Makes tokens, lists and revokes them.")
    .addCommand(tokenCreateCommand())
    .addCommand(tokenListCommand())
    .addCommand(tokenRevokeCommand())
    .addHelpText("after", HELP);
}
