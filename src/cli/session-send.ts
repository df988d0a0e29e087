/** `watchpost session send`: one message, without joining. */
import { create } from "@bufbuild/protobuf";
import { Command, InvalidArgumentError } from "commander";
import { sendMessage } from "../client/sessions.ts";
import { WatchpostError } from "../model/errors.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";
import { messageJson } from "./session-json.ts";
import { addKeyOption, keysToSend, senderOf, type KeyFlags } from "./session-key.ts";
import { CollaborationMessageSchema, type CollaborationMessage } from "../wire/gen/collaboration_pb.ts";
import { memberOf } from "./session-flags.ts";
import { addUserOption } from "./user-flag.ts";

const TYPES = ["chat", "update"];
const TEXT_BYTES_MAX = 64 * 1024;
const HELP = `
Prints the number that the message has in the session. Text is sent as it is, line breaks and leading slashes too; without TEXT
it is standard input, whole. Nobody is told of a sender who comes and goes. Who may not know whether a message has arrived sends it
again with the same --id: it is kept once.

Examples:
  watchpost session send pump-1 'bearing is replaced'
  journalctl -u gateway -n 20 | watchpost session send pump-1 --user gateway --type update`;

interface SendFlags extends KeyFlags {
  server: string;
  user?: string;
  type: string;
  id?: string;
  json?: boolean;
}

export function sessionSendCommand(): Command {
  return addKeyOption(addUserOption(addServerOption(new Command("send"))))
    .summary("send one message, without joining")
    .description("Sends one message to a session, and prints its number.")
    .argument("<session>", "its id; it is made where there is none")
    .argument("[text...]", "what there is to say; without it standard input")
    .option("--type <type>", "chat, or update for what programs say", typeArgument, "chat")
    .option("--id <id>", "its name among this user's messages, so that it is kept once")
    .option("--json", "the message as a JSON line")
    .addHelpText("after", HELP)
    .action(send);
}

async function send(sessionId: string, words: string[], flags: SendFlags): Promise<void> {
  const userId = memberOf(flags);
  const message = words.length > 0 ? words.join(" ") : await standardInput();
  const signal = interruptSignal();
  const connection = connectTo(flags.server);
  try {
    const keys = await keysToSend(connection, sessionId, flags, { signal });
    const clientMessageId = flags.id ?? (keys === undefined ? "" : crypto.randomUUID());
    const draft = { messageType: flags.type, message };
    const sender = keys === undefined ? userId : await senderOf(connection, userId, { signal });
    const sealed = keys === undefined ? draft : await keys.seal(identified(draft, clientMessageId), sender);
    const sent = { sessionId, userId: sender, clientMessageId, draft: sealed };
    const { message: kept } = await sendMessage(connection, sent, { signal });
    if (kept === undefined) throw new WatchpostError("DATA_LOSS", "it was sent before, and is no longer kept");
    if (flags.json) process.stdout.write(messageJson(keys === undefined ? kept : await keys.open(kept)));
    else console.log(String(kept.number));
  } finally {
    connection.close();
  }
}

function identified(draft: { messageType: string; message: string }, clientMessageId: string): CollaborationMessage {
  return create(CollaborationMessageSchema, { ...draft, metadata: { client_message_id: clientMessageId } });
}

/** Without the line break that ends it. Not more than the server takes. */
async function standardInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= TEXT_BYTES_MAX + 2) continue;
    throw new WatchpostError(
      "INVALID_ARGUMENT",
      `standard input is longer than ${TEXT_BYTES_MAX} bytes; wanted a shorter message`,
    );
  }
  return Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, "");
}

function typeArgument(text: string): string {
  if (TYPES.includes(text)) return text;
  throw new InvalidArgumentError(`wanted ${TYPES.join(" or ")}`);
}
