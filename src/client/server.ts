/** How a server stands, and what has happened to what it keeps. */
import { create, toBinary, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Server,
  ServerStatusSchema,
  WatchChangesRequestSchema,
  WatchStatusRequestSchema,
  type Change,
  type ServerStatus,
} from "../wire/gen/server_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { resumedStream } from "./resumed-stream.ts";

const PAGE_MAX = 500;

/** At once, then in intervals, until `signal` aborts. Throws the server's status. */
export async function* watchStatus(
  connection: Connection,
  intervalMs: number,
  { signal }: CallOptions = {},
): AsyncGenerator<ServerStatus, void> {
  const request = toBinary(WatchStatusRequestSchema, create(WatchStatusRequestSchema, { intervalMs }));
  const call = connection.serverStream(Server.method.watchStatus, request);
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel);
  try {
    for await (const bytes of call) yield fromBinary(ServerStatusSchema, bytes as Uint8Array);
  } catch (error) {
    if (!signal?.aborted) throw connection.failureOf(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}

/** Page after page, the last one first: all of them, or the first `limitMax`. */
export async function* allChanges(
  connection: Connection,
  kinds: readonly string[],
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<Change, void> {
  let left = limitMax;
  for (let page = ""; left > 0;) {
    const request = { kinds: [...kinds], page, limit: Math.min(left, PAGE_MAX) };
    const { changes, nextPage } = await ask(connection, Server.method.listChanges, request, options);
    yield* changes;
    if (nextPage === "") return;
    left -= changes.length;
    page = nextPage;
  }
}

/**
 * So many of the last ones, then each that comes, each once and in order, until `signal` aborts, over restarts of the server: a
 * new stream goes on behind the last one that was taken. Throws what cannot be retried.
 */
export function followChanges(
  connection: Connection,
  wanted: MessageInitShape<typeof WatchChangesRequestSchema>,
  options: CallOptions = {},
): AsyncGenerator<Change, void> {
  const request = create(WatchChangesRequestSchema, wanted);
  const read = async function* (changes: AsyncIterable<Change>): AsyncGenerator<Change> {
    let isSnapshot = request.cursor === "";
    for await (const change of changes) {
      if (!change.snapshotEnd) yield change;
      else isSnapshot = false;
      if (!isSnapshot) request.cursor = change.cursor;
    }
  };
  return resumedStream(connection, Server.method.watchChanges, request, read, options);
}
