/** `watchpost session export`: a session as one file, or as a report. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { Command } from "commander";
import { openedReport } from "./opened-report.ts";
import { addKeyOption, keysOf, type KeyFlags } from "./session-key.ts";
import { exportSession, replaySession } from "../client/recordings.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { ExportFormat } from "../wire/gen/replay_pb.ts";
import { timestampOfUs } from "../wire/timestamp.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { STDOUT, standardOutput } from "./export-target.ts";
import { timeUsOf } from "./time-argument.ts";

const HELP = `
The file holds everything that a replay shows, as seen and as known now: messages, annotations, issues, alerts and points. Any
Watchpost imports and replays it. --markdown writes a report for people instead. Times are as in query.

What was said in an encrypted session is encrypted in its file, too, and whoever has the key reads it. A report has it in plain
words where the key is given.

Examples:
  watchpost session export pump-1 -o pump-1.wps
  watchpost session export pump-1 --markdown -o pump-1.md
  watchpost session export pump-1 --markdown -o - | less`;

interface ExportFlags extends KeyFlags {
  server: string;
  output: string;
  markdown?: boolean;
  from?: string;
  to?: string;
  metric?: string[];
  force?: boolean;
}

export function sessionExportCommand(): Command {
  return addKeyOption(addServerOption(new Command("export")))
    .summary("write a session to a file that any Watchpost can replay, or as a report")
    .description("Writes a session to one file: messages, annotations, issues, alerts and points.")
    .argument("<session>", "its id")
    .requiredOption("-o, --output <file>", "- is standard output")
    .option("--markdown", "a report for people")
    .option("--from <time>", "of alerts and points; without it, as in replay")
    .option("--to <time>", "of alerts and points; without it, to the last message")
    .option("--metric <name...>", "names or globs beside what it was about; - alone: no points")
    .option("--force", "replace the file if it is there")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(sessionId: string, flags: ExportFlags): Promise<void> {
  const { server, output, markdown, from, to, metric = [], force } = flags;
  const nowMs = Date.now();
  const range = {
    ...(from === undefined ? {} : { from: timestampOfUs(timeUsOf("--from", from, nowMs)) }),
    ...(to === undefined ? {} : { to: timestampOfUs(timeUsOf("--to", to, nowMs)) }),
  };
  const format = markdown ? ExportFormat.MARKDOWN : ExportFormat.FILE;
  if (output !== STDOUT && force !== true && existsSync(output)) {
    throw new WatchpostError("FAILED_PRECONDITION", `${output} is there already; --force replaces it`);
  }
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    // A file stays as the server has it.
    const keys = markdown ? await keysOf(connection, sessionId, flags, { signal }) : undefined;
    const written = exportSession(connection, { sessionId, format, metrics: metric, ...range }, { signal });
    const replayed = () => replaySession(connection, { sessionId, metrics: ["-"], ...range }, { signal });
    const pieces = keys === undefined ? written : openedReport(written, replayed(), keys);
    if (output === STDOUT) {
      const out = standardOutput();
      for await (const piece of pieces) await out.write(piece);
    } else console.error(`${output}: ${formatByteSize(await writeFile(output, pieces))}`);
  } catch (error) {
    if (!signal.aborted) throw error;
    console.error("interrupted: nothing was exported");
    process.exitCode = 130;
  } finally {
    connection.close();
  }
}

/** Whole or not at all; returns its bytes. */
async function writeFile(file: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const unfinished = `${file}.unfinished`;
  const fd = opened(unfinished, file);
  let bytes = 0;
  try {
    try {
      for await (const piece of pieces) {
        for (let written = 0; written < piece.length;) written += writeSync(fd, piece, written);
        bytes += piece.length;
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, file);
    return bytes;
  } catch (error) {
    rmSync(unfinished, { force: true });
    if (error instanceof WatchpostError) throw error;
    throw new WatchpostError("UNKNOWN", `${file} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

function opened(unfinished: string, file: string): number {
  try {
    return openSync(unfinished, "w", 0o600);
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", `${file} cannot be made: ${messageOf(error)}`);
  }
}
