/** What the journal's entries about sessions, issues and annotations say to people. */
import type { TellChange } from "../model/told-change.ts";
import { annotationOf } from "./annotations/annotation-documents.ts";
import { toldOfEntry } from "./issues/issue-documents.ts";
import { messageOfEntry } from "./session-message.ts";

const SESSION_EVENTS: ReadonlySet<string> = new Set(["created", "closed", "reopened"]);
const EXCERPT_LENGTH = 120;

/** That one was opened or closed; what is said in it is not told. */
export const tellSession: TellChange = (entry) => {
  // Most are chat, which need not be taken apart.
  if (!entry.payload.includes('"system"')) return undefined;
  const { type, text, metadata, sessionId } = messageOfEntry(entry);
  const event = metadata["event"] ?? "";
  if (type !== "system" || !SESSION_EVENTS.has(event)) return undefined;
  return { event, subject: sessionId, text: event === "created" ? text : `Session ${sessionId}: ${text}` };
};

export const tellIssue: TellChange = (entry) => {
  const { issue, event } = toldOfEntry(entry);
  const fields = [...new Set(event.changes.map(({ field }) => field))];
  const isNew = fields.includes("created");
  const words = event.changes.map(({ field, after }) => {
    if (field === "comment") return "commented on";
    if (field === "status") return `is ${after.replace("_", " ")}`;
    if (field === "assignee") return after === "" ? "is nobody's" : `is ${after}'s`;
    return `${field} changed`;
  });
  const what = isNew ? "was opened" : [...new Set(words)].join(", ");
  const told = { event: isNew ? "created" : (fields[0] ?? "updated"), subject: String(issue.number) };
  return { ...told, text: `Issue ${issue.number} ${what}: ${issue.title}` };
};

export const tellAnnotation: TellChange = ({ payload }) => {
  const { id, text, pin, revision, removed } = annotationOf(payload);
  const event = removed ? "removed" : revision === 1n ? "created" : "edited";
  const excerpt = text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}…` : text;
  const { device = "", metric = "", source = "", tags = {}, alertId = "", sessionId = "" } = pin ?? {};
  const about = [metric, device].filter((name) => name !== "").join(" of ");
  // Where an alert or a session is, it does not say.
  const place = alertId === "" && sessionId === "" ? { source, device, site: tags["site"] ?? "" } : undefined;
  const told = { event, subject: id, device, metric, ...(place && { place }) };
  return { ...told, text: `Note${about === "" ? "" : ` on ${about}`} ${event}: ${excerpt}` };
};
