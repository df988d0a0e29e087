/** What the journal's entries about sessions, issues and annotations say to people. */
import type { Scope } from "../model/access.ts";
import type { TellChange } from "../model/told-change.ts";
import { annotationOf } from "./annotations/annotation-documents.ts";
import { toldOfEntry } from "./issues/issue-documents.ts";
import { namesOfAnnotation, namesOfIssue, seesAll, type SeesName } from "./seen/named.ts";
import { messageOfEntry } from "./session-message.ts";

/** What those see who see a part. */
type SeesIn = (scope: Scope) => SeesName;

const SESSION_EVENTS: ReadonlySet<string> = new Set(["created", "closed", "reopened"]);
const EXCERPT_LENGTH = 120;

/** That one was opened or closed; what is said in it is not told. */
export const tellSession =
  (seesIn: SeesIn): TellChange =>
  (entry) => {
    // Most are chat, which need not be taken apart.
    if (!entry.payload.includes('"system"')) return undefined;
    const { type, text, metadata, sessionId } = messageOfEntry(entry);
    const event = metadata["event"] ?? "";
    if (type !== "system" || !SESSION_EVENTS.has(event)) return undefined;
    const isSeen = (scope: Scope) => seesIn(scope)({ kind: "session", name: sessionId, field: "" });
    return { event, subject: sessionId, isSeen, text: event === "created" ? text : `Session ${sessionId}: ${text}` };
  };

export const tellIssue =
  (seesIn: SeesIn): TellChange =>
  (entry) => {
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
    const isSeen = (scope: Scope) => seesAll(namesOfIssue(issue), seesIn(scope));
    const told = { event: isNew ? "created" : (fields[0] ?? "updated"), subject: String(issue.number), isSeen };
    return { ...told, text: `Issue ${issue.number} ${what}: ${issue.title}` };
  };

export const tellAnnotation =
  (seesIn: SeesIn): TellChange =>
  ({ payload }) => {
    const annotation = annotationOf(payload);
    const { id, text, pin, revision, removed } = annotation;
    const event = removed ? "removed" : revision === 1n ? "created" : "edited";
    const excerpt = text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}…` : text;
    const { device = "", metric = "" } = pin ?? {};
    const about = [metric, device].filter((name) => name !== "").join(" of ");
    const isSeen = (scope: Scope) => seesAll(namesOfAnnotation(annotation), seesIn(scope));
    const told = { event, subject: id, device, metric, isSeen };
    return { ...told, text: `Note${about === "" ? "" : ` on ${about}`} ${event}: ${excerpt}` };
  };
