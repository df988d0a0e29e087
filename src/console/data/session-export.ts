import { ExportFormat } from "../../wire/gen/replay_pb.ts";
import { collaborationApi, uploadingApi } from "../api.ts";

/** Of a session as a file, which the browser saves. Throws what the server refuses it with. */
export async function saveExport(sessionId: string, name: string, format: ExportFormat): Promise<void> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const { data } of collaborationApi.exportSession({ sessionId, format })) {
    parts.push(data as Uint8Array<ArrayBuffer>);
  }
  const isReport = format === ExportFormat.MARKDOWN;
  saveFile(new Blob(parts, { type: isReport ? "text/markdown" : "application/octet-stream" }), {
    name: `${fileName(name)}.${isReport ? "md" : "wps"}`,
  });
}

/** Returns the id it has here. Throws what the server refuses it with. */
export async function importSession(file: File, userId: string): Promise<string> {
  const data = new Uint8Array(await file.arrayBuffer());
  const { session } = await uploadingApi.importSession({ data, userId });
  return session!.id;
}

export function saveFile(blob: Blob, { name }: { name: string }): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** Browsers read it after the click. */
const KEPT_MS = 60_000;

/** A title may be any text. */
function fileName(text: string): string {
  return (
    text
      .replace(/[^\p{L}\p{N}_.-]+/gu, "-")
      .replace(/^[-.]+|[-.]+$/g, "")
      .slice(0, 80) || "session"
  );
}
