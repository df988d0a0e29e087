/** Recorded sessions: replayed, exported to a file, imported from one. */
import {
  fromBinary,
  toBinary,
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Collaboration, type ReplayEvent, type Session } from "../wire/gen/collaboration_pb.ts";
import type {
  ExportSessionRequestSchema,
  ImportSessionRequestSchema,
  ReplayRequestSchema,
} from "../wire/gen/replay_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

interface StreamOptions {
  readonly signal?: AbortSignal;
}

/** A large file takes a while to be checked and kept. */
const IMPORT_DEADLINE_MS = 600_000;

/** To the mark that ends it; the server waits for whoever reads. Throws the server's status; never tries again. */
export function replaySession(
  connection: Connection,
  request: MessageInitShape<typeof ReplayRequestSchema>,
  options: StreamOptions = {},
): AsyncIterable<ReplayEvent> {
  return streamOf(connection, Collaboration.method.replaySession, request, options);
}

/** The file, piece by piece. Fails as {@link replaySession} does. */
export async function* exportSession(
  connection: Connection,
  request: MessageInitShape<typeof ExportSessionRequestSchema>,
  options: StreamOptions = {},
): AsyncIterable<Uint8Array> {
  for await (const { data } of streamOf(connection, Collaboration.method.exportSession, request, options)) yield data;
}

/** The session that has become of the file. Throws the server's status; INVALID_ARGUMENT says what is wrong with the file. */
export async function importSession(
  connection: Connection,
  request: MessageInitShape<typeof ImportSessionRequestSchema>,
  options: AskOptions = {},
): Promise<Session> {
  const asked = { deadlineMs: IMPORT_DEADLINE_MS, ...options };
  return (await ask(connection, Collaboration.method.importSession, request, asked)).session!;
}

async function* streamOf<I extends DescMessage, O extends DescMessage>(
  connection: Connection,
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  { signal }: StreamOptions,
): AsyncIterable<MessageShape<O>> {
  const call = connection.serverStream(method, toBinary(method.input, create(method.input, request)));
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    for await (const message of call) yield fromBinary(method.output, message as Uint8Array);
  } catch (error) {
    throw connection.failureOf(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}
