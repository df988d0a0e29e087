import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import { BackupPartSchema, BackupRequestSchema, type BackupPart } from "../wire/gen/store_pb.ts";
import type { Connection } from "./connection.ts";

/** The parts of a backup, to their end; the server waits for their reader. Throws the server's status; never tries again. */
export async function* backup(
  connection: Connection,
  request: MessageInitShape<typeof BackupRequestSchema>,
  { signal }: { signal?: AbortSignal } = {},
): AsyncIterable<BackupPart> {
  const bytes = toBinary(BackupRequestSchema, create(BackupRequestSchema, request));
  const call = connection.serverStream(Dashboard.method.backup, bytes);
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  try {
    for await (const part of call) yield fromBinary(BackupPartSchema, part as Uint8Array);
  } catch (error) {
    throw connection.failureOf(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}
