import { ExportFormat } from "../../wire/gen/replay_pb.ts";
import { collaborationApi, uploadingApi } from "../api.ts";

/** Of a session as a file. Throws what the server refuses it with. */
export async function exportSession(sessionId: string, format: ExportFormat): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const { data } of collaborationApi.exportSession({ sessionId, format })) {
    parts.push(data as Uint8Array<ArrayBuffer>);
  }
  return new Blob(parts, { type: format === ExportFormat.MARKDOWN ? "text/markdown" : "application/octet-stream" });
}

/** Returns the id it has here. Throws what the server refuses it with. */
export async function importSession(file: File, userId: string): Promise<string> {
  const data = new Uint8Array(await file.arrayBuffer());
  const { session } = await uploadingApi.importSession({ data, userId });
  return session!.id;
}
