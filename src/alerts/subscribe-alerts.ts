/**
 * SubscribeAlerts: what is active, then what happens, each once and in order. Without `updates` a reader gets what the
 * contract knows: active alerts, new ones, and those that grow graver.
 */
import { WatchpostError } from "../model/errors.ts";
import type { AlertSubscription } from "../wire/gen/alerts_pb.ts";
import { AlertChange as WireChange } from "../wire/gen/alerts_pb.ts";
import type { AlertBook, Told } from "./alert-book.ts";
import { messageOf, WIRE_CHANGES, type AlertMessage } from "./alert-message.ts";
import { alertScopeOf, type AlertScope } from "./alert-scope.ts";
import { seenOf, type AlertRecord } from "./alert.ts";
import { rankOf } from "./severity.ts";

/** What has been told, by position. */
export interface ToldJournal {
  /** Changes of alerts after a position, ascending, some at a time; `through`: how far that was looked. */
  readAfter(position: number): Promise<{ readonly told: readonly Told[]; readonly through: number }>;
  cursorOf(position: number): string;
  /** Throws OUT_OF_RANGE where nobody can go on from it, INVALID_ARGUMENT where it is none. */
  positionOf(cursor: string): number;
}

export interface SubscribeDeps {
  readonly book: AlertBook;
  readonly journal: ToldJournal;
}

/** Changes that wait for a reader; one that is further behind is disconnected. */
const WAITING_MAX = 10_000;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind. */
export async function* subscribeAlerts(
  request: AlertSubscription,
  { book, journal }: SubscribeDeps,
  signal: AbortSignal,
): AsyncGenerator<AlertMessage, void> {
  const view = viewOf(request);
  const resumed = request.cursor === "" ? undefined : journal.positionOf(request.cursor);
  using backlog = new Backlog(book, signal);
  let position = resumed ?? book.toldPosition;
  if (resumed === undefined) {
    for (const alert of snapshotOf(book, view.scope)) {
      const message = messageOf(book.current(alert));
      yield view.hasUpdates ? { ...message, change: WireChange.SNAPSHOT } : message;
    }
    if (view.hasUpdates) yield { snapshotEnd: true, cursor: journal.cursorOf(position) };
  }
  // Looked at here, too: a long past without anything for this reader yields nothing that it could leave at.
  while (resumed !== undefined && position < backlog.beganAt && !signal.aborted) {
    const { told, through } = await journal.readAfter(position);
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const one of told) yield* view.messages(one, journal);
    position = through;
  }
  for await (const told of backlog.changes()) {
    if (told.position !== null && told.position <= position) continue;
    yield* view.messages(told, journal);
  }
}

interface View {
  readonly scope: AlertScope;
  readonly hasUpdates: boolean;
  messages(told: Told, journal: ToldJournal): Iterable<AlertMessage>;
}

function viewOf(request: AlertSubscription): View {
  const { severities, sources, rules, updates, includeAcknowledged } = request;
  const scope = alertScopeOf({
    severities,
    sources,
    rules,
    ...(includeAcknowledged ? {} : { isAcknowledged: false }),
  });
  if (request.cursor !== "" && !updates) {
    throw new WatchpostError("INVALID_ARGUMENT", "cursor goes with updates alone: messages without it have no cursor");
  }
  return { scope, hasUpdates: updates, messages: updates ? allOf(scope) : contractOf(scope) };
}

/** New ones, and those that grow graver. */
function contractOf(scope: AlertScope): View["messages"] {
  return function* ({ alert, change, before }) {
    const isRise = change === "fired" || (before !== null && rankOf(alert.severity) > rankOf(before.severity));
    if (isRise && alert.clearedAtMs === null && scope.takes(alert) && scope.sees(seenOf(alert))) yield messageOf(alert);
  };
}

function allOf(scope: AlertScope): View["messages"] {
  return function* (told, journal) {
    const { alert, change, before, position } = told;
    if (!scope.takes(alert)) return;
    const wasSeen = before !== null && scope.sees(before);
    const isSeen = scope.sees(seenOf(alert));
    if (!wasSeen && !isSeen) return;
    yield {
      ...messageOf(alert),
      change: WIRE_CHANGES[change],
      // What people say of one that is over is told, too; it has left when it was cleared.
      removed: !isSeen || change === "cleared",
      cursor: position === null ? "" : journal.cursorOf(position),
    };
  };
}

function snapshotOf(book: AlertBook, scope: AlertScope): AlertRecord[] {
  const wanted = [...book.active()].filter((alert) => scope.takes(alert) && scope.sees(seenOf(alert)));
  return wanted.sort((a, b) => a.firedAtMs - b.firedAtMs || (a.id < b.id ? -1 : 1));
}

/** What is told while the reader is busy. */
class Backlog implements Disposable {
  /** All that is told after this position is in here. */
  readonly beganAt: number;
  readonly #signal: AbortSignal;
  readonly #unfollow: () => void;
  #waiting: Told[] = [];
  #isBehind = false;
  #wake: () => void = () => {};

  constructor(book: AlertBook, signal: AbortSignal) {
    this.beganAt = book.toldPosition;
    this.#signal = signal;
    this.#unfollow = book.follow((told) => this.#take(told));
    signal.addEventListener("abort", this.#onAbort);
  }

  async *changes(): AsyncGenerator<Told, void> {
    while (!this.#signal.aborted) {
      if (this.#isBehind) {
        const message = `this reader is ${WAITING_MAX} changes of alerts behind; subscribe again with its last cursor`;
        throw new WatchpostError("UNAVAILABLE", message);
      }
      const taken = this.#waiting;
      this.#waiting = [];
      yield* taken;
      if (this.#waiting.length > 0 || this.#isBehind || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();

  #take(told: Told): void {
    if (this.#isBehind) return;
    this.#waiting.push(told);
    if (this.#waiting.length > WAITING_MAX) {
      this.#isBehind = true;
      this.#waiting = [];
    }
    this.#wake();
  }
}
