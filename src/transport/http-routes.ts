/** Plain HTTP routes of other systems: their bodies are counted, bounded and unpacked here. */
import { promisify } from "node:util";
import { constants, gunzip, inflate } from "node:zlib";
import { formatByteSize } from "../model/byte-size.ts";
import { WatchpostError } from "../model/errors.ts";
import { HTTP_UNPACKED_BYTES_MAX } from "../model/limits.ts";
import type { HttpCall, HttpRoute } from "../wire/http-route.ts";
import { DamagedSnappyError, LargeSnappyError, unpackSnappy } from "../wire/snappy.ts";
import { ANONYMOUS } from "../wire/service.ts";
import type { TransportEvents } from "./grpc-server.ts";
import type { ReceivedBytes } from "./received-bytes.ts";
import { countedBody } from "./request-body.ts";

const unpackers: Readonly<Record<string, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  identity: async (bytes) => bytes,
  gzip: (bytes) => promisify(gunzip)(bytes, UNPACKING),
  deflate: (bytes) => promisify(inflate)(bytes, UNPACKING),
  snappy: async (bytes) => unpackSnappy(bytes, HTTP_UNPACKED_BYTES_MAX),
};
const UNPACKING = { maxOutputLength: HTTP_UNPACKED_BYTES_MAX, finishFlush: constants.Z_FINISH };

export interface HttpRouteDeps extends TransportEvents {
  readonly received: ReceivedBytes;
  /** The body has arrived: its sender may be quiet from now on. */
  onWhole(): void;
}

export async function answerRoute(route: HttpRoute, request: Request, deps: HttpRouteDeps): Promise<Response> {
  const { received, onWhole } = deps;
  const chunks = (request.body ?? new Blob([]).stream()) as unknown as AsyncIterable<Uint8Array>;
  const body = countedBody(chunks, received, onWhole, (error) => error);
  const call: HttpCall = {
    url: new URL(request.url),
    method: request.method,
    signal: request.signal,
    principal: ANONYMOUS,
    headers: new Map(request.headers),
    peer: "http",
    body: async () => unpacked(await whole(body.chunks), request.headers.get("content-encoding") ?? "identity"),
  };
  try {
    const response = await route.run(call);
    deps.onCall?.(route.name, "OK");
    return response;
  } catch (error) {
    const isDefect = !(error instanceof WatchpostError);
    deps.onCall?.(route.name, isDefect ? "INTERNAL" : error.status);
    if (isDefect) deps.onDefect?.(error, route.name);
    return route.fail(error, call);
  } finally {
    body.close();
  }
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

async function unpacked(bytes: Uint8Array, encoding: string): Promise<Uint8Array> {
  const unpack = Object.hasOwn(unpackers, encoding) ? unpackers[encoding] : undefined;
  if (unpack === undefined) {
    const message = `content-encoding is ${JSON.stringify(encoding)}; wanted gzip, deflate, snappy or none`;
    throw new WatchpostError("INVALID_ARGUMENT", message);
  }
  try {
    return await unpack(bytes);
  } catch (error) {
    if (error instanceof LargeSnappyError || (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      const message = `the body is more than ${formatByteSize(HTTP_UNPACKED_BYTES_MAX)} unpacked; send less at once`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const why = error instanceof DamagedSnappyError ? `: ${error.message}` : "";
    throw new WatchpostError("INVALID_ARGUMENT", `the body is no ${encoding}${why}`, { cause: error });
  }
}
