/** WatchAnnotations: those of a range that stand, then what happens, each change once and in order. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { JournalEntry } from "../../model/journal.ts";
import type { SetAside } from "../../model/set-aside.ts";
import {
  ListAnnotationsRequestSchema,
  type Annotation,
  type AnnotationEventSchema,
  type WatchAnnotationsRequest,
} from "../../wire/gen/annotations_pb.ts";
import { ANNOTATION_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { namesOfAnnotation, seesAll } from "../seen/named.ts";
import type { Watcher } from "../seen/narrowed.ts";
import type { AnnotationFeed, ToldAnnotation } from "./annotation-feed.ts";
import { compileAnnotationFilter, type AnnotationMatcher } from "./annotation-filter.ts";
import { listAnnotations, rangeIn } from "./list-annotations.ts";

export type AnnotationEventInit = MessageInitShape<typeof AnnotationEventSchema>;

export interface WatchDeps {
  readonly journal: CollaborationJournal;
  readonly feed: AnnotationFeed;
  readonly setAside: SetAside;
}

const ENTRIES_AT_ONCE = 500;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind. */
export async function* watchAnnotations(
  request: WatchAnnotationsRequest,
  { journal, feed, setAside }: WatchDeps,
  watcher: Watcher,
  signal: AbortSignal,
): AsyncGenerator<AnnotationEventInit, void> {
  const { filter, from, to, cursor } = request;
  const matcher = compileAnnotationFilter(filter);
  rangeIn(request);
  const resumed = cursor === "" ? undefined : watcher.positionOf(cursor);
  using backlog = feed.follow(signal);
  const { beganAt } = backlog;
  /** Of those in the snapshot, some of which may have changed since it began. */
  const sent = new Map<string, bigint>();
  if (resumed === undefined) {
    const wanted = { ...(filter ? { filter } : {}), ...(from ? { from } : {}), ...(to ? { to } : {}) };
    for (let page = "", isDone = from === undefined && to === undefined; !isDone && !signal.aborted;) {
      const list = create(ListAnnotationsRequestSchema, { ...wanted, page });
      const { annotations, nextPage } = await listAnnotations(list, journal, setAside, watcher.sees);
      for (const annotation of annotations) {
        if ((sent.get(annotation.id) ?? 0n) >= annotation.revision) continue;
        sent.set(annotation.id, annotation.revision);
        yield { annotation };
      }
      page = nextPage;
      isDone = page === "";
    }
    yield { snapshotEnd: true, cursor: watcher.cursorOf(beganAt) };
  }
  let position = resumed ?? beganAt;
  while (position < beganAt && !signal.aborted) {
    const query = { after: position, before: beganAt + 1, kind: ANNOTATION_EVENT, limit: ENTRIES_AT_ONCE };
    const entries = await journal.read(query);
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const told of toldOf(entries, feed)) yield* eventsOf(told, matcher, watcher);
    position = entries.length < ENTRIES_AT_ONCE ? beganAt : entries[ENTRIES_AT_ONCE - 1].position;
  }
  const snapshotBy = journal.lastPosition;
  for await (const told of backlog.changes()) {
    if (told.position > snapshotBy) sent.clear();
    if ((sent.get(told.annotation.id) ?? 0n) >= told.annotation.revision) continue;
    yield* eventsOf(told, matcher, watcher);
  }
}

function toldOf(entries: readonly JournalEntry[], feed: AnnotationFeed): ToldAnnotation[] {
  return entries.map((entry) => feed.told(entry)).filter((told) => told !== undefined);
}

async function* eventsOf(
  { annotation, position }: ToldAnnotation,
  matcher: AnnotationMatcher,
  watcher: Watcher,
): AsyncGenerator<AnnotationEventInit, void> {
  if (!matcher.mayTake(annotation) || !(await seesAll(namesOfAnnotation(annotation), watcher.sees))) return;
  const isWanted = !annotation.removed && matcher.takes(annotation);
  if (!isWanted && isFirst(annotation)) return;
  yield { annotation, removed: !isWanted, cursor: watcher.cursorOf(position) };
}

function isFirst({ revision }: Annotation): boolean {
  return revision === 1n;
}
