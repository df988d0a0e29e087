/**
 * Annotations by range, the latest first, out of the documents. What begins before the range and reaches into it is no
 * longer than its class says: each class is read from the range's end to that much before its beginning, and all of them
 * are merged. So the cost goes with what is in the range, not with what there is.
 */
import { invalidField } from "../../model/errors.ts";
import type { DocumentQuery, StoredDocument } from "../../model/journal.ts";
import { documentName, type SetAside } from "../../model/set-aside.ts";
import type {
  Annotation,
  AnnotationFilter,
  ListAnnotationsRequest,
  ListAnnotationsResponse,
} from "../../wire/gen/annotations_pb.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import { namesOfAnnotation, seesAll, type SeesName } from "../seen/named.ts";
import { isLater, limitIn, PAGE_BYTES_MAX, pageOf, placeOf, type Place } from "../pages.ts";
import { touches } from "./annotation-change.ts";
import { annotationShown, collectionOfAlert, collectionOfSession, LENGTH_CLASSES } from "./annotation-documents.ts";
import { compileAnnotationFilter } from "./annotation-filter.ts";

export interface AnnotationReader {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

/** Unix milliseconds, [fromMs, toMs). */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

const LIMIT_MAX = 1_000;
/** A page ends after so many, whatever was among them. */
const LOOKED_MAX = 20_000;
/** Most ranges hold few; then as many as are parsed in a few milliseconds. */
const [FIRST_DOCUMENTS, DOCUMENTS_AT_ONCE] = [50, 400];

export async function listAnnotations(
  request: ListAnnotationsRequest,
  reader: AnnotationReader,
  setAside: SetAside,
  sees: SeesName,
): Promise<Pick<ListAnnotationsResponse, "annotations" | "nextPage">> {
  const { filter, page, includeRemoved } = request;
  const limit = limitIn(request.limit, LIMIT_MAX, LIMIT_MAX);
  const matcher = compileAnnotationFilter(filter);
  const range = rangeIn(request);
  const after = page === "" ? null : placeOf(page);
  const annotations: Annotation[] = [];
  let bytes = 0;
  let looked = 0;
  let last: Place | null = after;
  for await (const document of descending(filter, range, after, reader)) {
    if (annotations.length === limit || bytes >= PAGE_BYTES_MAX || looked >= LOOKED_MAX) {
      return { annotations, nextPage: last === null ? "" : pageOf(last) };
    }
    looked++;
    last = document;
    const annotation = setAside.read(documentName(document), () => annotationShown(document.value, matcher.shows));
    if (annotation === undefined || (annotation.removed && !includeRemoved)) continue;
    if (!touches(annotation, range.fromMs, range.toMs) || !matcher.takes(annotation)) continue;
    if (!(await seesAll(namesOfAnnotation(annotation), sees))) continue;
    annotations.push(annotation);
    bytes += Buffer.byteLength(document.value);
  }
  return { annotations, nextPage: "" };
}

/** Missing: no bound. Throws INVALID_ARGUMENT where there is nothing between the two. */
export function rangeIn({ from, to }: Pick<ListAnnotationsRequest, "from" | "to">): Range {
  const fromMs = from === undefined ? -Infinity : msOfTimestamp(from);
  const toMs = to === undefined ? Infinity : msOfTimestamp(to);
  if (fromMs < toMs) return { fromMs, toMs };
  throw invalidField("to", `${toMs} ms since 1970`, `a time after from, which is ${fromMs}`);
}

/** All documents that may be of the range, and others. */
async function* descending(
  filter: AnnotationFilter | undefined,
  range: Range,
  after: Place | null,
  reader: AnnotationReader,
): AsyncGenerator<StoredDocument, void> {
  const streams = sourcesOf(filter, range).map(({ collection, oldest }) => collect(collection, oldest));
  const heads = await Promise.all(streams.map((stream) => stream.next()));
  for (;;) {
    let at = -1;
    for (const [i, { done }] of heads.entries()) {
      if (done !== true && (at < 0 || isLater(heads[i].value!, heads[at].value!))) at = i;
    }
    if (at < 0) return;
    yield heads[at].value!;
    heads[at] = await streams[at].next();
  }

  async function* collect(collection: string, oldest: number): AsyncGenerator<StoredDocument, void> {
    // The largest key of what is before the end.
    let place: Place | null = after ?? (range.toMs === Infinity ? null : { sort: Math.ceil(range.toMs), key: "" });
    for (let limit = FIRST_DOCUMENTS; ; limit = DOCUMENTS_AT_ONCE) {
      const query = { collection, limit, descending: true, ...(place === null ? {} : { after: place }) };
      const page = await reader.documents(query);
      for (const document of page) {
        if (document.sort < oldest) return;
        yield document;
      }
      if (page.length < limit) return;
      place = page[limit - 1];
    }
  }
}

/** Where they stand, and the earliest that may reach into the range. */
function sourcesOf(filter: AnnotationFilter | undefined, { fromMs }: Range) {
  const { alertId = "", sessionId = "" } = filter ?? {};
  if (alertId !== "") return [{ collection: collectionOfAlert(alertId), oldest: -Infinity }];
  if (sessionId !== "") return [{ collection: collectionOfSession(sessionId), oldest: -Infinity }];
  return LENGTH_CLASSES.map(({ collection, lengthMsMax }) => ({
    collection,
    oldest: Math.floor(fromMs - lengthMsMax),
  }));
}
