/** `watchpost session show`: what a session is, and what was said in it last. */
import { Command } from "commander";
import { getSession, lastMessages } from "../client/sessions.ts";
import { addServerOption, connectTo, integerArgument, interruptSignal } from "./client-flags.ts";
import { WITHOUT_KEY } from "../wire/message-cipher.ts";
import { addKeyOption, keysOf, type KeyFlags } from "./session-key.ts";
import { messageJson, sessionJson } from "./session-json.ts";
import { plainLine } from "./session-line.ts";
import { sessionLines } from "./session-text.ts";

const LAST_DEFAULT = 20;
const LAST_MAX = 1_000_000;
const HELP = `
Of each message: when (UTC), its number, who, and what. With --json the first line is the session, and each further one a
message, whole.

Examples:
  watchpost session show pump-1
  watchpost session show pump-1 --last 1000 --json | jq -r 'select(.messageType == "chat") | .message'`;

interface ShowFlags extends KeyFlags {
  server: string;
  last: number;
  json?: boolean;
}

export function sessionShowCommand(): Command {
  return addKeyOption(addServerOption(new Command("show")))
    .summary("what a session is, and what was said in it last")
    .description("Shows a session, who is in it, and its last messages.")
    .argument("<session>", "its id")
    .option("--last <count>", "messages", integerArgument(0, LAST_MAX), LAST_DEFAULT)
    .option("--json", "JSON lines: the session, then its messages")
    .addHelpText("after", HELP)
    .action(show);
}

async function show(sessionId: string, { server, last, json, ...flags }: ShowFlags): Promise<void> {
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const session = await getSession(connection, sessionId, { signal });
    const cipher = (await keysOf(connection, sessionId, flags, { signal })) ?? WITHOUT_KEY;
    const kept = await lastMessages(connection, sessionId, last, { signal });
    const messages = await Promise.all(kept.map((message) => cipher.open(message)));
    if (json) process.stdout.write([sessionJson(session), ...messages.map(messageJson)].join(""));
    else
      process.stdout.write([...sessionLines(session).map((line) => `${line}\n`), ...messages.map(plainLine)].join(""));
  } finally {
    connection.close();
  }
}
