/** What a stream hears of a message that it has sent itself. */
import { timestampOfMs } from "../wire/timestamp.ts";
import { encodeWire } from "./encoded-message.ts";
import type { SessionMessage } from "./session-message.ts";

/**
 * To the stream that sent a message, which is not told it: when it was kept, and what came of it where it was to do something.
 * `cursor`: "" where it had been kept before.
 */
export function confirmation(
  kept: Pick<SessionMessage, "sessionId" | "number"> & Partial<SessionMessage>,
  clientMessageId: string,
  cursor: string,
): Uint8Array {
  const { sessionId, number, atMs, type = "chat", text = "", metadata = {}, annotation, issue } = kept;
  const isDone = type === "action" || type === "annotation" || type === "issue";
  return encodeWire({
    messageType: "system",
    sessionId,
    number: BigInt(number),
    cursor,
    ...(atMs === undefined ? {} : { timestamp: timestampOfMs(atMs) }),
    ...(isDone ? { message: text } : {}),
    ...(annotation === undefined ? {} : { annotation }),
    ...(issue === undefined ? {} : { issue }),
    metadata: {
      ...(isDone ? metadata : {}),
      event: "confirmed",
      client_message_id: clientMessageId,
      number: String(number),
    },
  });
}
