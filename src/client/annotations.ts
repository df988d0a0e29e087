/** Annotations: making, changing and listing them, and what happens to them as it happens. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  WatchAnnotationsRequestSchema,
  type Annotation,
  type AnnotationEvent,
  type CreateAnnotationRequestSchema,
  type EditAnnotationRequestSchema,
  type ListAnnotationsRequestSchema,
} from "../wire/gen/annotations_pb.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { CallOptions, Connection } from "./connection.ts";
import { resumedStream } from "./resumed-stream.ts";

export type AnnotationsWanted = MessageInitShape<typeof ListAnnotationsRequestSchema>;

const PAGE_MAX = 1_000;

/** Resolves with it once it is durable. Throws the server's status, as all of these do. `userId` "": whoever calls. */
export async function createAnnotation(
  connection: Connection,
  request: MessageInitShape<typeof CreateAnnotationRequestSchema>,
  options: AskOptions = {},
): Promise<Annotation> {
  return (await ask(connection, Collaboration.method.createAnnotation, request, options)).annotation!;
}

/** The same; ABORTED where it is no longer at the revision that is given. */
export async function editAnnotation(
  connection: Connection,
  request: MessageInitShape<typeof EditAnnotationRequestSchema>,
  options: AskOptions = {},
): Promise<Annotation> {
  return (await ask(connection, Collaboration.method.editAnnotation, request, options)).annotation!;
}

/** The same. */
export async function removeAnnotation(
  connection: Connection,
  request: { readonly id: string; readonly userId: string; readonly revision: bigint },
  options: AskOptions = {},
): Promise<Annotation> {
  return (await ask(connection, Collaboration.method.removeAnnotation, request, options)).annotation!;
}

/** By their beginning, the latest first: all of them, or the first `limitMax`. */
export async function* allAnnotations(
  connection: Connection,
  wanted: AnnotationsWanted,
  { limitMax = Infinity, ...options }: AskOptions & { readonly limitMax?: number } = {},
): AsyncGenerator<Annotation, void> {
  let left = limitMax;
  for (let page = ""; left > 0;) {
    const request = { ...wanted, page, limit: Math.min(left, PAGE_MAX) };
    const answer = await ask(connection, Collaboration.method.listAnnotations, request, options);
    yield* answer.annotations;
    if (answer.nextPage === "") return;
    left -= answer.annotations.length;
    page = answer.nextPage;
  }
}

/**
 * The events of WatchAnnotations until `signal` aborts, over restarts of the server: a new stream goes on behind the last
 * event that was taken. Where the server can no longer do that, a further snapshot comes. Throws what cannot be retried.
 */
export function followAnnotations(
  connection: Connection,
  wanted: MessageInitShape<typeof WatchAnnotationsRequestSchema>,
  options: CallOptions = {},
): AsyncGenerator<AnnotationEvent, void> {
  const request = create(WatchAnnotationsRequestSchema, wanted);
  const read = async function* (events: AsyncIterable<AnnotationEvent>): AsyncGenerator<AnnotationEvent> {
    for await (const event of events) {
      yield event;
      if (event.cursor !== "") request.cursor = event.cursor;
    }
  };
  return resumedStream(connection, Collaboration.method.watchAnnotations, request, read, options);
}
