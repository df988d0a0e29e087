/** What becomes of an annotation: made, edited, removed. Nothing that is given is changed. */
import { clone, create, equals } from "@bufbuild/protobuf";
import { TimestampSchema, type Timestamp } from "@bufbuild/protobuf/wkt";
import { WatchpostError } from "../../model/errors.ts";
import {
  AnnotationPinSchema,
  AnnotationSchema,
  type Annotation,
  type CreateAnnotationRequest,
  type EditAnnotationRequest,
} from "../../wire/gen/annotations_pb.ts";
import { packed } from "../../wire/status.ts";
import { msOfTimestamp, timestampOfMs } from "../../wire/timestamp.ts";
import { sessionIdIn } from "../../model/texts.ts";
import { annotationTagsIn, annotationTextIn, checkSpan, pinIn, timeMsIn } from "./annotation-input.ts";

/** Of an error: clients bound the trailers that it comes in. */
const DETAIL_BYTES_MAX = 4 * 1024;

/** Who does it, and when; Unix milliseconds. */
export interface Doing {
  readonly by: string;
  readonly atMs: number;
}

/** Throws INVALID_ARGUMENT for what cannot be. */
export function createdAnnotation(request: CreateAnnotationRequest, id: string, { by, atMs }: Doing): Annotation {
  const madeIn = request.sessionId === "" ? "" : sessionIdIn(request.sessionId);
  const given = request.pin ?? create(AnnotationPinSchema, { sessionId: madeIn });
  const fromMs = request.from === undefined ? atMs : timeMsIn(request.from, "from");
  const toMs = request.to === undefined ? null : timeMsIn(request.to, "to");
  checkSpan(fromMs, toMs);
  return create(AnnotationSchema, {
    id,
    pin: pinIn(given),
    from: timestampOfMs(fromMs),
    ...(toMs === null ? {} : { to: timestampOfMs(toMs) }),
    text: annotationTextIn(request.text),
    tags: annotationTagsIn(request.tags),
    author: by,
    createdAt: timestampOfMs(atMs),
    revision: 1n,
    madeIn,
  });
}

/**
 * The same annotation where the edit changes nothing. Throws ABORTED where another revision was edited,
 * FAILED_PRECONDITION where it was removed, INVALID_ARGUMENT for what cannot be.
 */
export function editedAnnotation(before: Annotation, request: EditAnnotationRequest, { by, atMs }: Doing): Annotation {
  checkRevision(before, request.revision);
  if (before.removed) {
    const message = `the annotation ${JSON.stringify(before.id)} was removed ${changerOf(before)}; wanted one that stands`;
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  const after = clone(AnnotationSchema, before);
  if (request.text !== undefined) after.text = annotationTextIn(request.text);
  const fromMs = request.from === undefined ? startMs(before) : timeMsIn(request.from, "from");
  const toMs = request.to === undefined ? endMs(before) : timeMsIn(request.to, "to");
  after.from = timestamp(fromMs);
  if (toMs === null || request.clearTo) delete after.to;
  else after.to = timestamp(toMs);
  if (request.clearTo && request.to !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "clear_to and to are given together; wanted one of them");
  }
  checkSpan(fromMs, endMs(after));
  if (request.clearTags && request.tags.length > 0) {
    throw new WatchpostError("INVALID_ARGUMENT", "clear_tags and tags are given together; wanted one of them");
  }
  if (request.clearTags || request.tags.length > 0) after.tags = annotationTagsIn(request.tags);
  return equals(AnnotationSchema, before, after) ? before : nextRevision(after, { by, atMs });
}

/** The same annotation where it was removed before. Throws ABORTED where another revision was meant. */
export function removedAnnotation(before: Annotation, revision: bigint, doing: Doing): Annotation {
  if (before.removed) return before;
  checkRevision(before, revision);
  const after = clone(AnnotationSchema, before);
  after.removed = true;
  return nextRevision(after, doing);
}

/** Unix milliseconds, which may have a fraction. */
export function startMs({ from }: Annotation): number {
  return from === undefined ? 0 : msOfTimestamp(from);
}

/** The same; null where it is at one time. */
export function endMs({ to }: Annotation): number | null {
  return to === undefined ? null : msOfTimestamp(to);
}

/** Whether it touches [fromMs, toMs). */
export function touches(annotation: Annotation, fromMs: number, toMs: number): boolean {
  const start = startMs(annotation);
  const end = endMs(annotation);
  return start < toMs && (end === null ? start >= fromMs : end > fromMs);
}

/** Of one that nobody else has. */
function nextRevision(annotation: Annotation, { by, atMs }: Doing): Annotation {
  annotation.revision++;
  annotation.editedAt = timestamp(atMs);
  annotation.editedBy = by;
  return annotation;
}

function timestamp(timeMs: number): Timestamp {
  return create(TimestampSchema, timestampOfMs(timeMs));
}

function checkRevision(annotation: Annotation, revision: bigint): void {
  const { id, revision: current } = annotation;
  if (revision === 0n || revision === current) return;
  const message = `revision ${revision} of the annotation ${JSON.stringify(id)} is not the current one, which is ${current}, made ${changerOf(annotation)}; read it and change that`;
  const found = packed(AnnotationSchema, annotation);
  throw new WatchpostError("ABORTED", message, { messages: found.value.length > DETAIL_BYTES_MAX ? [] : [found] });
}

function changerOf({ author, editedAt, editedBy, createdAt }: Annotation): string {
  const atMs = msOfTimestamp((editedAt ?? createdAt)!);
  return `by ${JSON.stringify(editedAt === undefined ? author : editedBy)} at ${new Date(atMs).toISOString()}`;
}
