/** The report of an encrypted session with what was said in it: the server writes it, and can only say where something was. */
import { plainLines } from "../collaboration/replay/plain-markdown.ts";
import type { CollaborationMessage, ReplayEvent } from "../wire/gen/collaboration_pb.ts";
import { unreadableReason, type MessageCipher } from "../wire/message-cipher.ts";

/** As the server ends a line of what it cannot read. */
const SEALED_LINE = /^- \S+ \*\*.*\*\*: \(encrypted message (\d+)\)$/;

/** `events`: of a replay of the same session and range, whose messages come in the order of the report. */
export async function* openedReport(
  pieces: AsyncIterable<Uint8Array>,
  events: AsyncIterable<ReplayEvent>,
  cipher: MessageCipher,
): AsyncGenerator<Uint8Array> {
  const messages = messagesOf(events);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop()!;
    const opened: string[] = [];
    for (const line of lines) opened.push(`${await openedLine(line)}\n`);
    if (opened.length > 0) yield Buffer.from(opened.join(""));
  }
  if (rest !== "") yield Buffer.from(rest);
  await messages.return(undefined);

  async function openedLine(line: string): Promise<string> {
    const [, number] = SEALED_LINE.exec(line) ?? [];
    if (number === undefined) return line;
    const message = await messageAt(BigInt(number));
    if (message === undefined) return line;
    const opened = await cipher.open(message);
    const why = unreadableReason(opened);
    const text = why === "" ? plainLines(opened.message, "  ") || "…" : `(cannot be read: ${why})`;
    return line.slice(0, line.lastIndexOf(": (encrypted message ")) + `: ${text}`;
  }

  /** Undefined: there is none, or it was passed. */
  async function messageAt(number: bigint): Promise<CollaborationMessage | undefined> {
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      if (next.value.number === number) return next.value;
    }
    return undefined;
  }
}

async function* messagesOf(events: AsyncIterable<ReplayEvent>): AsyncGenerator<CollaborationMessage, void> {
  for await (const { event } of events)
    if (event.case === "message" && event.value.sealed !== undefined) yield event.value;
}
