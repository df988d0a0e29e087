/** `watchpost certificate reinstate`. */
import { Command } from "commander";
import { reinstateCertificate } from "../client/access.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { printable } from "./watch-table.ts";

export function certificateReinstateCommand(): Command {
  return addServerOption(new Command("reinstate"))
    .summary("believe revoked ones again")
    .description("Has revoked certificates believed again.")
    .argument("<certificate...>", "names or fingerprints, as they were revoked")
    .action(async (certificates: string[], { server }: { server: string }) => {
      const connection = connectTo(server);
      const signal = interruptSignal();
      try {
        for (const wanted of certificates) {
          const { certificate } = await reinstateCertificate(connection, wanted, { signal });
          console.log(`${printable(certificate)} is believed again`);
        }
      } finally {
        connection.close();
      }
    });
}
