/** `watchpost session join`: a session as a chat on a terminal, or through a pipe. */
import { Command } from "commander";
import { joinSession } from "../client/join-session.ts";
import { SessionMembers } from "../client/session-members.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { addKeyOption, keysOf, type KeyFlags } from "./session-key.ts";
import { lastArgument, memberOf } from "./session-flags.ts";
import { chatThroughPipe } from "./session-pipe.ts";
import { chatOnTerminal } from "./session-terminal.ts";
import { addUserOption } from "./user-flag.ts";

const LOBBY = "lobby";
const LAST_ON_TERMINAL = 50;
const HELP = `
On a terminal: what is typed is sent with Enter; Alt-Enter begins a new line, and what is pasted may have several. /help
lists the commands: /ack, /resolve, /assign, /comment and /silence for alerts, /issue, /annotate, /who, /quit. Ctrl-D and
Ctrl-C leave. A lost connection is shown; what was missed comes when it is back, and what was typed meanwhile is sent.

Through a pipe each line in is a message, or a command, and each line out a message: when, its number, who, and what. It ends
when standard input has ended and everything is kept; the exit code is 1 where something was refused. A line that begins with
two slashes is a message with one.

Examples:
  watchpost session join pump-1
  echo 'restarted by cron' | watchpost session join pump-1 --user cron
  watchpost session join pump-1 --watch --json | jq -r .message`;

interface JoinFlags extends KeyFlags {
  server: string;
  user?: string;
  name?: string;
  last?: number;
  watch?: boolean;
  json?: boolean;
}

export function sessionJoinCommand(): Command {
  return addKeyOption(addUserOption(addServerOption(new Command("join"))))
    .summary("be in a session: a chat, or lines through a pipe")
    .description("Joins a session, which is made where there is none of that id.")
    .argument("[session]", "its id", LOBBY)
    .option("--name <name>", "how others see your name, beside --user")
    .option(
      "--last <count>",
      `messages from before (default: ${LAST_ON_TERMINAL} on a terminal, none through a pipe)`,
      lastArgument,
    )
    .option("--watch", "only show what is said, until Ctrl-C: standard input is not read")
    .option("--json", "a JSON line for every message")
    .addHelpText("after", HELP)
    .action(join);
}

async function join(sessionId: string, flags: JoinFlags): Promise<void> {
  const { server, name = "", json = false, watch = false } = flags;
  const userId = memberOf(flags);
  const isTerminal = !json && !watch && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const last = flags.last ?? (isTerminal ? LAST_ON_TERMINAL : 0);
  const signal = interruptSignal();
  const connection = connectTo(server);
  try {
    const cipher = await keysOf(connection, sessionId, flags, { signal });
    const joining = { sessionId, userId, userName: name, last, isListening: watch, ...(cipher && { cipher }) };
    const member = joinSession(connection, joining);
    const isEncrypted = cipher !== undefined;
    const setup = { connection, member, members: new SessionMembers(), sessionId, signal, isEncrypted };
    await (isTerminal ? chatOnTerminal(setup) : chatThroughPipe(setup, { server, json, watch }));
  } finally {
    connection.close();
  }
}
