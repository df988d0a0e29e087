/** `watchpost certificate revoke`. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { revokeCertificate } from "../client/access.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { collect } from "./collect.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

const HELP = `
By its name a certificate is revoked with all others of that name, also those that are made later; by its fingerprint or its file it
alone, so that the device can have a new one.

Examples:
  watchpost certificate revoke pump-7
  watchpost certificate revoke --file tls/pump-7.pem`;

interface RevokeFlags {
  server: string;
  user?: string;
  file?: string[];
}

export function certificateRevokeCommand(): Command {
  return addUserOption(addServerOption(new Command("revoke")))
    .summary("believe certificates no more")
    .description("Revokes certificates, at once: whatever is open with them ends.")
    .argument("[certificate...]", "common names, or SHA-256 fingerprints")
    .option("--file <path>", "a certificate in PEM; may be repeated", collect)
    .addHelpText("after", HELP)
    .action(async (given: string[], flags: RevokeFlags) => {
      const certificates = [...given, ...(flags.file ?? []).map(fingerprintIn)];
      if (certificates.length === 0) {
        throw new WatchpostError("INVALID_ARGUMENT", "nothing to revoke; wanted names, fingerprints or --file");
      }
      const connection = connectTo(flags.server);
      const signal = interruptSignal();
      try {
        for (const wanted of certificates) {
          const asked = { certificate: wanted, userId: userOf(flags) };
          const { certificate } = await revokeCertificate(connection, asked, { signal });
          console.log(`${printable(certificate)} is revoked`);
        }
      } finally {
        connection.close();
      }
    });
}

function fingerprintIn(path: string): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(path));
  } catch (error) {
    const message = `--file ${path} cannot be read: ${messageOf(error)}; wanted a certificate in PEM`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  if (!certificate.ca) return certificate.fingerprint256;
  const message = `--file ${path} is the certificate of an authority; wanted that of a client: all of an authority are refused by taking it out of tls.client_ca`;
  throw new WatchpostError("INVALID_ARGUMENT", message);
}
