/** `watchpost token create`. */
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { createToken } from "../client/access.ts";
import { timestampOfMs } from "../wire/timestamp.ts";
import { roleArgument, scopeWords, withArticle } from "./access-text.ts";
import { tellSecret } from "./secret-out.ts";
import { addServerOption, connectTo, durationArgument, interruptSignal } from "./client-flags.ts";
import { collect } from "./collect.ts";
import { printable } from "./watch-table.ts";
import { addUserOption, userOf } from "./user-flag.ts";

const HELP = `
Roles: ingest writes points and reads nothing; viewer reads; operator also acts on alerts, works in sessions and
edits rules, devices and dashboards; admin also gives access, deletes and takes backups.

With --source, --device and --site, which are names or globs and may be given more than once, it is for part of
the server alone; of each kind any must match.

The secret is written to stdout, once: the server keeps a hash of it and nobody can read it again.

Examples:
  watchpost token create me --role admin
  watchpost token create gateway-7 --role ingest --source gateway-7 > gateway-7.token
  watchpost token create night-shift --role operator --site berlin --expires 90d`;

interface CreateFlags {
  server: string;
  user?: string;
  role: string;
  source?: string[];
  device?: string[];
  site?: string[];
  expires?: number;
}

export function tokenCreateCommand(): Command {
  return addUserOption(addServerOption(new Command("create")))
    .summary("make a token")
    .description("Makes a token and shows its secret, once.")
    .argument("<name>", "whoever uses it acts under that name")
    .requiredOption("--role <role>", "ingest, viewer, operator or admin", roleArgument)
    .option("--source <glob>", "only of these sources; may be repeated", collect)
    .option("--device <glob>", "only of these devices; may be repeated", collect)
    .option("--site <glob>", "only of these sites; may be repeated", collect)
    .option(
      "--expires <duration>",
      'how long it is good for, such as "90d"; left out: until it is revoked',
      expiresArgument,
    )
    .addHelpText("after", HELP)
    .action(create);
}

function expiresArgument(text: string): number {
  const ms = durationArgument(text);
  if (ms > 0) return ms;
  throw new InvalidArgumentError('wanted for how long it is good, such as "90d"; left out it is until it is revoked');
}

async function create(name: string, flags: CreateFlags): Promise<void> {
  const { role, source: sources = [], device: devices = [], site: sites = [], expires } = flags;
  const connection = connectTo(flags.server);
  try {
    const expiresAt = expires === undefined ? {} : { expiresAt: timestampOfMs(Date.now() + expires) };
    const request = { name, role, scope: { sources, devices, sites }, userId: userOf(flags), ...expiresAt };
    const { token, secret } = await createToken(connection, request, { signal: interruptSignal() });
    console.error(
      `${printable(token.name)} is ${withArticle(role)} for ${scopeWords(token.scope)}; ${pc.bold("this is shown once")}:`,
    );
    tellSecret(secret);
  } finally {
    connection.close();
  }
}
