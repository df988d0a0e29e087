/** What a message of type `annotation` asks for: text is the message, the rest is in its metadata. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import {
  AnnotationPinSchema,
  CreateAnnotationRequestSchema,
  EditAnnotationRequestSchema,
  RemoveAnnotationRequestSchema,
  type CreateAnnotationRequest,
  type EditAnnotationRequest,
  type RemoveAnnotationRequest,
} from "../../wire/gen/annotations_pb.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import type { Draft } from "../session-message.ts";

export type ChatAnnotation =
  | { readonly action: "create"; readonly request: CreateAnnotationRequest }
  | { readonly action: "edit"; readonly request: EditAnnotationRequest }
  | { readonly action: "remove"; readonly request: RemoveAnnotationRequest };

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;
const SERIES_TAG = "tag.";

/**
 * Without `id` it makes one: metadata metric, source, device, alert_id, tag.KEY pin it, without any of these it is pinned to
 * the session. With `id` it edits that one, or with action=remove removes it; an edit takes the message as its text, unless
 * that is empty, and from, to and tags where they are there ("" for to and tags: none). Throws INVALID_ARGUMENT.
 */
export function chatAnnotationOf({ text, userId, metadata }: Draft, sessionId: string): ChatAnnotation {
  const given = (key: string) => (Object.hasOwn(metadata, key) ? metadata[key] : "");
  const id = given("id");
  const action = given("action") || (id === "" ? "create" : "edit");
  const [from, to] = [given("from"), given("to")];
  const span = {
    ...(from === "" ? {} : { from: timestampOfMs(timeMsOf(from, "from")) }),
    ...(to === "" ? {} : { to: timestampOfMs(timeMsOf(to, "to")) }),
  };
  const tags = tagsOf(given("tags"));
  if (action === "create") {
    if (id !== "") throw invalidField('metadata["action"]', action, "edit or remove beside an id");
    const [metric, source, device, alertId] = ["metric", "source", "device", "alert_id"].map(given);
    const seriesTags = Object.entries(metadata).filter(([key]) => key.startsWith(SERIES_TAG));
    const pin = create(AnnotationPinSchema, {
      metric,
      source,
      device,
      alertId,
      tags: Object.fromEntries(seriesTags.map(([key, value]) => [key.slice(SERIES_TAG.length), value])),
    });
    const isPinned = [metric, source, device, alertId].some((name) => name !== "") || seriesTags.length > 0;
    const request = { userId, text, tags, sessionId, ...span, ...(isPinned ? { pin } : {}) };
    return { action, request: create(CreateAnnotationRequestSchema, request) };
  }
  if (action !== "edit" && action !== "remove") {
    throw invalidField('metadata["action"]', action, "edit or remove, with the id of an annotation; none to make one");
  }
  if (id === "") throw invalidField('metadata["id"]', id, `the id of the annotation to ${action}`);
  const revision = revisionOf(given("revision"));
  if (action === "remove") {
    return { action, request: create(RemoveAnnotationRequestSchema, { id, userId, revision }) };
  }
  const request = create(EditAnnotationRequestSchema, {
    id,
    userId,
    revision,
    ...(text.trim() === "" ? {} : { text }),
    ...span,
    clearTo: to === "" && Object.hasOwn(metadata, "to"),
    tags,
    clearTags: tags.length === 0 && Object.hasOwn(metadata, "tags"),
  });
  return { action, request };
}

/** RFC 3339, or Unix milliseconds. */
function timeMsOf(text: string, key: string): number {
  const timeMs = /^\d{1,15}$/.test(text) ? Number(text) : RFC_3339.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(timeMs) && isDay(text)) return timeMs;
  throw invalidField(`metadata["${key}"]`, text, 'RFC 3339 such as "2026-01-31T12:00:00Z", or Unix milliseconds');
}

/** Whether the calendar has it, of what can be parsed: February 30 is parsed as March 2. */
function isDay(text: string): boolean {
  const [date] = text.split(/t/i);
  return date === text || new Date(date).toISOString().startsWith(date);
}

function tagsOf(text: string): string[] {
  const tags = text.split(",").map((tag) => tag.trim());
  return tags.filter((tag) => tag !== "");
}

function revisionOf(text: string): bigint {
  if (/^\d{0,15}$/.test(text)) return BigInt(text);
  throw invalidField('metadata["revision"]', text, "the number of the revision that is edited");
}
