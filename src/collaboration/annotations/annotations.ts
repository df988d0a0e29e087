/**
 * Annotations as the server keeps them: each change is one transaction of an event, the documents and, of those that were
 * made in a session, the message that tells it there. Watchers hear of it once it is durable.
 */
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { Clock } from "../../model/clock.ts";
import type { SetAside } from "../../model/set-aside.ts";
import type {
  Annotation,
  AnnotationRevision,
  CreateAnnotationRequest,
  EditAnnotationRequest,
  RemoveAnnotationRequest,
} from "../../wire/gen/annotations_pb.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import { ANNOTATION_EVENT, type CollaborationJournal, type Rows } from "../collaboration-journal.ts";
import { Serial } from "../../model/serial.ts";
import type { PostDraft } from "../received-message.ts";
import { namesOfAnnotation, seesAll, type Named } from "../seen/named.ts";
import { refuseUnseen, type Viewer, type Visibility } from "../seen/visibility.ts";
import type { Draft, SessionMessage } from "../session-message.ts";
import type { SessionPost } from "../session-post.ts";
import { createdAnnotation, editedAnnotation, removedAnnotation, type Doing } from "./annotation-change.ts";
import { annotationOf, LENGTH_CLASSES, rowsOf } from "./annotation-documents.ts";
import { chatAnnotationOf } from "./chat-annotation.ts";

export interface AnnotationSessions extends SessionPost {
  /** Throws NOT_FOUND where there is none of that id. */
  session(sessionId: string): Promise<unknown>;
}

export interface AnnotationsDeps {
  readonly visibility: Pick<Visibility, "checkMayOpen">;
  readonly journal: CollaborationJournal;
  readonly sessions: AnnotationSessions;
  readonly clock: Clock;
  readonly setAside: SetAside;
  readonly newId: () => string;
}

export interface AnnotationHistory {
  readonly annotation: Annotation;
  readonly history: Pick<AnnotationRevision, "revision" | "userId" | "text" | "tags" | "removed">[];
}

type Action = "create" | "edit" | "remove";

const HISTORY_MAX = 1_000;
/** Of JSON: clients take messages of 4 MB as a rule. */
const HISTORY_CHARS_MAX = 1024 * 1024;

export class Annotations {
  readonly #deps: AnnotationsDeps;
  /** By id. */
  readonly #serial = new Serial();

  constructor(deps: AnnotationsDeps) {
    this.#deps = deps;
  }

  /**
   * Each of these resolves with the annotation once it is durable, and throws as the functions in annotation-change.ts do;
   * NOT_FOUND where there is none of that id that `viewer` sees, INVALID_ARGUMENT where it would not see a new one; as
   * {@link SessionPost} and the journal do.
   */
  async create(request: CreateAnnotationRequest, by: string, viewer: Viewer): Promise<Annotation> {
    const doing = this.#doing(by);
    const annotation = createdAnnotation(request, this.#deps.newId(), doing);
    await this.#checkMayCreate(annotation, viewer);
    const rows = rowsOf(null, annotation, doing);
    if (annotation.madeIn === "") await this.#deps.journal.append(rows.events, rows.changes);
    else await this.#deps.sessions.post(annotation.madeIn, draftOf("create", annotation, by), rows);
    return annotation;
  }

  edit(request: EditAnnotationRequest, by: string, viewer: Viewer): Promise<Annotation> {
    return this.#change("edit", request.id, by, viewer, (before, doing) => editedAnnotation(before, request, doing));
  }

  remove({ id, revision }: RemoveAnnotationRequest, by: string, viewer: Viewer): Promise<Annotation> {
    return this.#change("remove", id, by, viewer, (before, doing) => removedAnnotation(before, revision, doing));
  }

  /**
   * What a message of type annotation does, which a member sends in a session: see {@link chatAnnotationOf}. It is the
   * message's sender who does it. Throws as the others do, and FAILED_PRECONDITION where it was made in another session.
   */
  async annotateFromChat(draft: Draft, sessionId: string, viewer: Viewer, post: PostDraft): Promise<SessionMessage> {
    const { action, request } = chatAnnotationOf(draft, sessionId);
    const told = (annotation: Annotation): Draft => ({
      ...draft,
      text: draft.text.trim() === "" ? annotation.text : draft.text,
      metadata: { ...draft.metadata, id: annotation.id, action },
      annotation,
    });
    if (action === "create") {
      const doing = this.#doing(draft.userId);
      const annotation = createdAnnotation(request, this.#deps.newId(), doing);
      await this.#checkMayCreate(annotation, viewer);
      return post(told(annotation), rowsOf(null, annotation, doing));
    }
    const { id } = request;
    return this.#serial.run(id, async () => {
      const before = await this.#findSeen(id, viewer);
      if (before.madeIn !== "" && before.madeIn !== sessionId) {
        const message = `the annotation ${JSON.stringify(id)} was made in the session ${JSON.stringify(before.madeIn)}; ${action} it there`;
        throw new WatchpostError("FAILED_PRECONDITION", message);
      }
      const doing = this.#doing(draft.userId);
      const after =
        action === "edit"
          ? editedAnnotation(before, request, doing)
          : removedAnnotation(before, request.revision, doing);
      return post(told(after), after === before ? undefined : rowsOf(before, after, doing));
    });
  }

  async get(id: string, viewer: Viewer): Promise<AnnotationHistory> {
    const annotation = await this.#findSeen(id, viewer);
    const query = { after: 0, subject: id, kind: ANNOTATION_EVENT, limit: HISTORY_MAX, descending: true };
    const history = [];
    let chars = 0;
    for (const { position, atMs, actor, payload } of await this.#deps.journal.read(query)) {
      chars += payload.length;
      if (chars > HISTORY_CHARS_MAX) break;
      const was = this.#deps.setAside.read(`journal entry ${position}`, () => annotationOf(payload));
      if (was === undefined) continue;
      const { revision, from, to, text, tags, removed } = was;
      const span = { ...(from ? { from } : {}), ...(to ? { to } : {}) };
      history.push({ revision, at: timestampOfMs(atMs), userId: actor, ...span, text, tags, removed });
    }
    return { annotation, history: history.reverse() };
  }

  #change(
    action: Action,
    id: string,
    by: string,
    viewer: Viewer,
    change: (before: Annotation, doing: Doing) => Annotation,
  ): Promise<Annotation> {
    return this.#serial.run(id, async () => {
      const before = await this.#findSeen(id, viewer);
      const doing = this.#doing(by);
      const after = change(before, doing);
      if (after !== before) await this.#keep(draftOf(action, after, by), after, rowsOf(before, after, doing));
      return after;
    });
  }

  /** What was said in a session that is over, or forgotten, can still be put right. */
  async #keep(draft: Draft, { madeIn }: Annotation, rows: Rows): Promise<void> {
    const { sessions, journal } = this.#deps;
    if (madeIn !== "") {
      try {
        // Posting would open a new one.
        await sessions.session(madeIn);
        await sessions.post(madeIn, draft, rows);
        return;
      } catch (error) {
        if (!isOver(error)) throw error;
      }
    }
    await journal.append(rows.events, rows.changes);
  }

  /** Undefined where there is none. Throws DATA_LOSS where it cannot be read. */
  async find(id: string): Promise<Annotation | undefined> {
    const stored = await Promise.all(
      LENGTH_CLASSES.map(({ collection }) => this.#deps.journal.document(collection, id)),
    );
    const document = stored.find((one) => one !== undefined);
    if (document === undefined) return undefined;
    try {
      return annotationOf(document.value);
    } catch (error) {
      const message = `the annotation ${JSON.stringify(id)} cannot be read: ${messageOf(error)}`;
      throw new WatchpostError("DATA_LOSS", message);
    }
  }

  async #findSeen(id: string, { sees }: Viewer): Promise<Annotation> {
    const annotation = await this.find(id);
    if (annotation !== undefined && (await seesAll(namesOfAnnotation(annotation), sees))) return annotation;
    throw new WatchpostError("NOT_FOUND", `there is no annotation ${JSON.stringify(id)}`);
  }

  /** The session that it is made in may not be there yet. */
  async #checkMayCreate(annotation: Annotation, viewer: Viewer): Promise<void> {
    const { madeIn } = annotation;
    await this.#deps.visibility.checkMayOpen(madeIn, viewer);
    const isElsewhere = ({ kind, name }: Named) => kind !== "session" || name !== madeIn;
    await refuseUnseen(namesOfAnnotation(annotation).filter(isElsewhere), viewer);
  }

  #doing(by: string): Doing {
    return { by, atMs: Math.floor(this.#deps.clock.nowMs()) };
  }
}

/** Whether a session takes nothing more. */
function isOver(error: unknown): boolean {
  return error instanceof WatchpostError && (error.status === "FAILED_PRECONDITION" || error.status === "NOT_FOUND");
}

function draftOf(action: Action, annotation: Annotation, by: string): Draft {
  const { id, text } = annotation;
  return { type: "annotation", userId: by, userName: "", text, metadata: { id, action }, annotation };
}
