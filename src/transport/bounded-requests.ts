/** Requests over Connect and gRPC-Web, of which each message is counted before Connect makes anything of it. */
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { HTTP_MESSAGE_BYTES_MAX } from "../model/limits.ts";

/** Of a message in a stream: flags, then its length. */
const PREFIX_BYTES = 5;

/** `handler`, which gets the body message by message, as `check` lets them pass. */
export function withBounds(
  handler: UniversalHandler,
  check: (message: Uint8Array, isJson: boolean) => void,
): UniversalHandler {
  const bounded = (request: Parameters<UniversalHandler>[0]) => {
    const type = request.header.get("content-type") ?? "";
    const isStream = /connect\+|grpc-web/.test(type);
    const source = request.body as AsyncIterable<Uint8Array>;
    const body = messagesOf(source, isStream, (message) => check(message, type.includes("json")));
    return handler({ ...request, body });
  };
  return Object.assign(bounded, handler);
}

/** What is longer than may be goes on as it comes: Connect refuses it. */
async function* messagesOf(
  body: AsyncIterable<Uint8Array>,
  isStream: boolean,
  check: (message: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let isTooLong = false;
  for await (const chunk of body) {
    parts.push(chunk);
    bytes += chunk.byteLength;
    while (isStream && !isTooLong && bytes >= PREFIX_BYTES) {
      const length = lengthIn(parts);
      const end = PREFIX_BYTES + length;
      isTooLong = length > HTTP_MESSAGE_BYTES_MAX;
      if (isTooLong || bytes < end) break;
      const whole = joined(parts);
      check(whole.subarray(PREFIX_BYTES, end));
      yield whole.subarray(0, end);
      parts = [whole.subarray(end)];
      bytes -= end;
    }
    isTooLong ||= !isStream && bytes > HTTP_MESSAGE_BYTES_MAX;
    if (!isTooLong) continue;
    yield* parts;
    parts = [];
  }
  const rest = joined(parts);
  if (!isStream) check(rest);
  if (rest.byteLength > 0) yield rest;
}

function lengthIn(parts: readonly Uint8Array[]): number {
  const prefix: number[] = [];
  for (const part of parts) {
    if (prefix.length >= PREFIX_BYTES) break;
    prefix.push(...part.subarray(0, PREFIX_BYTES - prefix.length));
  }
  return prefix.slice(1).reduce((length, byte) => length * 256 + byte, 0);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}
