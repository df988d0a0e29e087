/** `watchpost certificate`: of clients that show one, which are not believed any more. */
import { Command } from "commander";
import { certificateListCommand } from "./certificate-list.ts";
import { certificateReinstateCommand } from "./certificate-reinstate.ts";
import { certificateRevokeCommand } from "./certificate-revoke.ts";

const HELP = `
A client that shows a certificate of the authority in tls.client_ca is known by the common name in it, without a token.
watchpost init makes such certificates. See docs/security.md.`;

export function certificateCommand(): Command {
  return new Command("certificate")
    .summary("certificates of clients: revoke, reinstate, list those that are revoked")
    .description("Revokes certificates of clients, reinstates and lists them.")
    .addCommand(certificateRevokeCommand())
    .addCommand(certificateReinstateCommand())
    .addCommand(certificateListCommand())
    .addHelpText("after", HELP);
}
