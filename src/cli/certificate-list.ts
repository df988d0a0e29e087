/** `watchpost certificate list`. */
import { toJson } from "@bufbuild/protobuf";
import { Command } from "commander";
import pc from "picocolors";
import { listRevokedCertificates } from "../client/access.ts";
import { RevokedCertificateSchema, type RevokedCertificate } from "../wire/gen/access_pb.ts";
import { secondOf } from "./alert-text.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

export function certificateListCommand(): Command {
  return addServerOption(new Command("list"))
    .summary("which are revoked")
    .description("Lists the certificates that are revoked. Times are UTC.")
    .option("--json", "a JSON line for every one")
    .action(async ({ server, json }: { server: string; json?: boolean }) => {
      const connection = connectTo(server);
      try {
        const revoked = await listRevokedCertificates(connection, { signal: interruptSignal() });
        if (json) {
          for (const one of revoked) console.log(JSON.stringify(toJson(RevokedCertificateSchema, one)));
        } else if (revoked.length === 0) console.log("no certificate is revoked");
        else process.stdout.write(revokedTable(revoked));
      } finally {
        connection.close();
      }
    });
}

function revokedTable(revoked: readonly RevokedCertificate[]): string {
  const table = textTable(
    [
      { title: "NAME OR FINGERPRINT", cell: ({ certificate }: RevokedCertificate) => printable(certificate) },
      { title: "REVOKED", cell: ({ revokedAt }) => (revokedAt === undefined ? "" : secondOf(revokedAt)) },
      { title: "BY", cell: ({ revokedBy }) => printable(revokedBy) },
    ],
    revoked,
  );
  const [titles, ...lines] = table.split("\n");
  return [pc.bold(titles), ...lines].join("\n");
}
