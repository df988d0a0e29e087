/** `watchpost session import`: an exported session, to be read and replayed. */
import { readFileSync, statSync } from "node:fs";
import { Command } from "commander";
import { importSession } from "../client/recordings.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { sessionJson } from "./session-json.ts";
import { addUserOption, userOf } from "./user-flag.ts";
import { printable } from "./watch-table.ts";

/** What a server takes. */
const FILE_BYTES_MAX = 48 * 1024 * 1024;
const HELP = `
An imported session is marked as such, and nothing is added to it. It keeps its name, with a number behind it where that is
taken, unless --as gives it another one.

Examples:
  watchpost session import pump-1.wps
  watchpost session import pump-1.wps --as north-pump-1`;

interface ImportFlags {
  server: string;
  as?: string;
  user?: string;
  json?: boolean;
}

export function sessionImportCommand(): Command {
  return addUserOption(addServerOption(new Command("import")))
    .summary("take an exported session in, to be read and replayed")
    .description("Imports a session that watchpost session export has written to a file.")
    .argument("<file>", "an exported session")
    .option("--as <session>", "its id here")
    .option("--json", "the session as a JSON line")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, flags: ImportFlags): Promise<void> {
  const data = contentOf(file);
  const connection = connectTo(flags.server);
  try {
    const request = { data, sessionId: flags.as ?? "", userId: userOf(flags) };
    const session = await importSession(connection, request, { signal: interruptSignal() });
    if (flags.json) process.stdout.write(sessionJson(session));
    else console.log(`imported ${printable(session.id)}`);
  } finally {
    connection.close();
  }
}

function contentOf(file: string): Uint8Array<ArrayBuffer> {
  try {
    const { size } = statSync(file);
    if (size <= FILE_BYTES_MAX) return new Uint8Array(readFileSync(file));
    const most = formatByteSize(FILE_BYTES_MAX);
    throw new WatchpostError("INVALID_ARGUMENT", `${file} has ${formatByteSize(size)}; at most ${most} are imported`);
  } catch (error) {
    if (error instanceof WatchpostError) throw error;
    throw new WatchpostError("FAILED_PRECONDITION", `${file} cannot be read: ${messageOf(error)}`);
  }
}
