/**
 * Annotations as documents, which are whole in each: of all annotations by how long they are, so that those that touch a
 * range are found without looking at what is far from it; and once more of each alert and session.
 */
import { create, fromJsonString, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import type { DocumentChange } from "../../model/journal.ts";
import {
  AnnotationPinSchema,
  AnnotationSchema,
  type Annotation,
  type AnnotationPin,
} from "../../wire/gen/annotations_pb.ts";
import { ANNOTATION_EVENT, type Rows } from "../collaboration-journal.ts";
import { endMs, startMs, type Doing } from "./annotation-change.ts";

const HOUR_MS = 3_600_000;

export interface LengthClass {
  readonly collection: string;
  /** How long its annotations are at most. */
  readonly lengthMsMax: number;
}

/** The shortest first. Each annotation is in exactly one: the first that it fits. */
export const LENGTH_CLASSES: readonly LengthClass[] = [
  { collection: "annotation.hour", lengthMsMax: HOUR_MS },
  { collection: "annotation.day", lengthMsMax: 24 * HOUR_MS },
  { collection: "annotation.month", lengthMsMax: 31 * 24 * HOUR_MS },
  { collection: "annotation.longer", lengthMsMax: Infinity },
];

/** What an alert's annotations are listed by. */
export function collectionOfAlert(alertId: string): string {
  return `annotation.alert.${alertId}`;
}

/** Those that are pinned to a session, or made in it. */
export function collectionOfSession(sessionId: string): string {
  return `annotation.session.${sessionId}`;
}

export function annotationOf(json: string): Annotation {
  return fromJsonString(AnnotationSchema, json, { ignoreUnknownFields: true });
}

/**
 * The annotation of a document; undefined where `shows` says no of its pin. Most of what is looked at for one chart is of
 * others, and taking all of it apart would take ten times as long.
 */
export function annotationShown(json: string, shows: (pin: AnnotationPin) => boolean): Annotation | undefined {
  const { pin = {} } = JSON.parse(json) as { readonly pin?: MessageInitShape<typeof AnnotationPinSchema> };
  return shows(create(AnnotationPinSchema, pin)) ? annotationOf(json) : undefined;
}

/** What an annotation is sorted by: whole milliseconds. */
export function sortOf(annotation: Annotation): number {
  return Math.floor(startMs(annotation));
}

/** What is kept when an annotation becomes another one; `before` null: there was none. */
export function rowsOf(before: Annotation | null, after: Annotation, { by, atMs }: Doing): Rows {
  const { id: key } = after;
  const payload = toJsonString(AnnotationSchema, after);
  const sort = sortOf(after);
  const collections = collectionsOf(after);
  const left = before === null ? [] : collectionsOf(before).filter((collection) => !collections.includes(collection));
  const changes: DocumentChange[] = [
    ...left.map((collection) => ({ collection, key, sort, value: null })),
    ...collections.map((collection) => ({ collection, key, sort, value: payload })),
  ];
  return { events: [{ atMs, kind: ANNOTATION_EVENT, subject: key, actor: by, payload }], changes };
}

function collectionsOf(annotation: Annotation): string[] {
  const lengthMs = (endMs(annotation) ?? startMs(annotation)) - startMs(annotation);
  const { alertId = "", sessionId = "" } = annotation.pin ?? {};
  const sessions = new Set([sessionId, annotation.madeIn].filter((id) => id !== ""));
  return [
    LENGTH_CLASSES.find(({ lengthMsMax }) => lengthMs <= lengthMsMax)!.collection,
    ...(alertId === "" ? [] : [collectionOfAlert(alertId)]),
    ...[...sessions].map(collectionOfSession),
  ];
}
