/** Requests over Connect and gRPC-Web, of which each message is counted before Connect makes anything of it. */
import { createContextKey, createContextValues } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { HTTP_MESSAGE_BYTES_MAX } from "../model/limits.ts";

/** Of a message in a stream: flags, then its length. */
const PREFIX_BYTES = 5;

/** Messages of a request as they came, in protobuf, where its function takes bytes: what Connect got in their place is empty. */
export const AS_SENT = createContextKey<Uint8Array[]>([]);

/**
 * `handler`, which gets the body message by message, as `check` lets them pass. `isRaw`: what is protobuf goes around Connect,
 * unchecked, by {@link AS_SENT}.
 */
export function withBounds(
  handler: UniversalHandler,
  isRaw: boolean,
  check: (message: Uint8Array, isJson: boolean) => void,
): UniversalHandler {
  const bounded = (request: Parameters<UniversalHandler>[0]) => {
    const type = request.header.get("content-type") ?? "";
    const isStream = /connect\+|grpc-web/.test(type);
    const isJson = type.includes("json");
    const asSent: Uint8Array[] = [];
    const contextValues = (request.contextValues ?? createContextValues()).set(AS_SENT, asSent);
    const isAround = isRaw && !isJson;
    const header = new Headers(request.header);
    // It would not be that of what Connect gets.
    if (isAround) header.delete("content-length");
    const pass = (message: Uint8Array): boolean => {
      if (isAround) asSent.push(message);
      else check(message, isJson);
      return !isAround;
    };
    const body = messagesOf(request.body as AsyncIterable<Uint8Array>, isStream, pass);
    return handler({ ...request, header, contextValues, body });
  };
  return Object.assign(bounded, handler);
}

/** Of a message that `pass` is false for an empty one stands there. What is longer than may be goes on as it comes: Connect refuses it. */
async function* messagesOf(
  body: AsyncIterable<Uint8Array>,
  isStream: boolean,
  pass: (message: Uint8Array) => boolean,
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
      if (pass(whole.subarray(PREFIX_BYTES, end))) yield whole.subarray(0, end);
      else yield Uint8Array.of(whole[0], 0, 0, 0, 0);
      parts = [whole.subarray(end)];
      bytes -= end;
    }
    isTooLong ||= !isStream && bytes > HTTP_MESSAGE_BYTES_MAX;
    if (!isTooLong) continue;
    yield* parts;
    parts = [];
  }
  const rest = joined(parts);
  const isWanted = isStream || isTooLong || pass(rest);
  if (isWanted && rest.byteLength > 0) yield rest;
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
