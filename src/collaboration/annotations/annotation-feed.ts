/** What happens to annotations, read once out of the journal and told to all who watch. */
import { readerBehind } from "../../model/errors.ts";
import type { JournalEntry } from "../../model/journal.ts";
import type { SetAside } from "../../model/set-aside.ts";
import type { Annotation } from "../../wire/gen/annotations_pb.ts";
import { ANNOTATION_EVENT, type CollaborationJournal } from "../collaboration-journal.ts";
import { annotationOf } from "./annotation-documents.ts";

/** A change: what the annotation became. */
export interface ToldAnnotation {
  readonly annotation: Annotation;
  /** In the journal. */
  readonly position: number;
}

export interface AnnotationBacklog extends Disposable {
  /** All that is told after this position is in it. */
  readonly beganAt: number;
  /** Until the signal aborts. Throws UNAVAILABLE where more waits than may. */
  changes(): AsyncGenerator<ToldAnnotation, void>;
}

/** Changes that wait for one reader; one that is further behind is disconnected. */
const WAITING_MAX = 1_000;

export class AnnotationFeed implements Disposable {
  readonly #journal: CollaborationJournal;
  readonly #setAside: SetAside;
  readonly #backlogs = new Set<Backlog>();
  readonly #unfollow: () => void;

  constructor(journal: CollaborationJournal, setAside: SetAside) {
    this.#journal = journal;
    this.#setAside = setAside;
    this.#unfollow = journal.follow((entries) => this.#take(entries));
  }

  /** Undefined where it is none of an annotation, or cannot be read. */
  told(entry: JournalEntry): ToldAnnotation | undefined {
    const { kind, position, payload } = entry;
    if (kind !== ANNOTATION_EVENT) return undefined;
    const annotation = this.#setAside.read(`journal entry ${position}`, () => annotationOf(payload));
    return annotation === undefined ? undefined : { annotation, position };
  }

  follow(signal: AbortSignal): AnnotationBacklog {
    const backlog = new Backlog(this.#journal.lastPosition, signal, () => this.#backlogs.delete(backlog));
    this.#backlogs.add(backlog);
    return backlog;
  }

  [Symbol.dispose](): void {
    this.#unfollow();
  }

  #take(entries: readonly JournalEntry[]): void {
    if (this.#backlogs.size === 0) return;
    for (const entry of entries) {
      const told = this.told(entry);
      if (told !== undefined) for (const backlog of this.#backlogs) backlog.take(told);
    }
  }
}

class Backlog implements AnnotationBacklog {
  readonly beganAt: number;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  #waiting: ToldAnnotation[] = [];
  #isBehind = false;
  #wake: () => void = () => {};

  constructor(beganAt: number, signal: AbortSignal, onEnd: () => void) {
    this.beganAt = beganAt;
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener("abort", this.#onAbort);
  }

  async *changes(): AsyncGenerator<ToldAnnotation, void> {
    while (!this.#signal.aborted) {
      if (this.#isBehind) {
        const message = `this reader is ${WAITING_MAX} changes of annotations behind; watch again with its last cursor`;
        throw readerBehind(message);
      }
      const taken = this.#waiting;
      this.#waiting = [];
      yield* taken;
      if (this.#waiting.length > 0 || this.#isBehind || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  take(told: ToldAnnotation): void {
    if (this.#isBehind) return;
    this.#waiting.push(told);
    if (this.#waiting.length > WAITING_MAX) {
      this.#isBehind = true;
      this.#waiting = [];
    }
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.#onEnd();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();
}
