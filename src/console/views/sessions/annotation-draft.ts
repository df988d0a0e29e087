import type { ChatCommand } from "../../../model/chat-command.ts";
import { alerts } from "../../data/alerts.ts";

/** As the message that makes it. Throws where its alert is not known. */
export function annotationDraft(
  { about, lastMs, text }: Extract<ChatCommand, { kind: "annotate" }>,
  nowMs: number,
): { message: string; metadata: Record<string, string> } {
  const { alert, ...pin } = about;
  const range = lastMs === 0 ? {} : { from: String(Math.round(nowMs - lastMs)), to: String(nowMs) };
  return { message: text, metadata: { ...pin, ...(alert !== undefined && { alert_id: alertIdOf(alert) }), ...range } };
}

function alertIdOf(begin: string): string {
  const found = [...alerts.peek().keys()].filter((id) => id === begin || id.startsWith(begin));
  if (found.length === 1) return found[0];
  const how = found.length === 0 ? "no active alert has" : `${found.length} active alerts have`;
  throw new Error(`${how} an id that begins with ${JSON.stringify(begin)}; /alerts tells which there are`);
}
