/**
 * SubscribeAlerts: what is active, then what happens, each once and in order. Without `updates` a reader gets what the
 * contract knows: active alerts, new ones, and those that grow graver. A reader with a scope gets what is in it, as if there were
 * nothing else: alerts whose devices get other sites come, or are gone.
 */
import type { Scope } from "../model/access.ts";
import { readerBehind, WatchpostError } from "../model/errors.ts";
import type { SeesAlert } from "../model/sees-alert.ts";
import type { CallContext } from "../wire/service.ts";
import type { AlertSubscription } from "../wire/gen/alerts_pb.ts";
import { AlertChange as WireChange } from "../wire/gen/alerts_pb.ts";
import type { AlertBook, Told } from "./alert-book.ts";
import { AlertCursors, type PlainCursors } from "./alert-cursors.ts";
import { messageOf, WIRE_CHANGES, type AlertMessage } from "./alert-message.ts";
import { alertScopeOf, type AlertScope } from "./alert-scope.ts";
import { seenOf, type AlertRecord } from "./alert.ts";
import type { Moved, MovedAlerts } from "./moved-alerts.ts";
import { rankOf } from "./severity.ts";

/** What has been told, by position. */
export interface ToldJournal extends PlainCursors {
  /** Changes of alerts after a position, ascending, some at a time; `through`: how far that was looked. */
  readAfter(position: number): Promise<{ readonly told: readonly Told[]; readonly through: number }>;
  /** Whether changes were told of that it does not have yet. */
  lacksTold(): boolean;
}

export interface SubscribeDeps {
  readonly book: AlertBook;
  readonly journal: ToldJournal;
  readonly moved: Pick<MovedAlerts, "version" | "isSettled" | "follow">;
  sees(scope: Scope): SeesAlert;
}

/** Changes that wait for a reader; one that is further behind is disconnected. */
const WAITING_MAX = 10_000;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind. */
export async function* subscribeAlerts(
  request: AlertSubscription,
  { book, journal, moved, sees }: SubscribeDeps,
  { signal, principal: { scope } }: Pick<CallContext, "signal" | "principal">,
): AsyncGenerator<AlertMessage, void> {
  const view = viewOf(request, sees(scope));
  const cursors = new AlertCursors(journal, scope, moved);
  const resumed = request.cursor === "" ? undefined : cursors.positionOf(request.cursor);
  if (resumed !== undefined && journal.lacksTold()) {
    const why = "changes were told of that cannot be written down at the moment";
    throw new WatchpostError("OUT_OF_RANGE", `cursor cannot be gone on from: ${why}; subscribe again without it`);
  }
  using backlog = new Backlog(book, scope.isEverything ? undefined : moved, signal);
  const standing = resumed === undefined || !scope.isEverything ? snapshotOf(book, view) : [];
  // Another node may take over without it: then its reader has to have all anew, and has nothing to go on from.
  const isUnwritten = journal.lacksTold();
  // What a reader has does not follow from where alerts are now.
  const known = scope.isEverything ? undefined : new Set(standing.map(({ id }) => id));
  let position = resumed ?? book.toldPosition;
  if (resumed === undefined) {
    for (const alert of standing) {
      const message = messageOf(book.current(alert));
      yield view.hasUpdates ? { ...message, change: WireChange.SNAPSHOT } : message;
    }
    if (view.hasUpdates) yield { snapshotEnd: true, cursor: isUnwritten ? "" : cursors.cursorOf(position) };
  }
  // Looked at here, too: a long past without anything for this reader yields nothing that it could leave at.
  while (resumed !== undefined && position < backlog.beganAt && !signal.aborted) {
    const { told, through } = await journal.readAfter(position);
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const one of told) yield* view.messages(one, cursors);
    position = through;
  }
  let through = position;
  for await (const change of backlog.changes()) {
    if ("version" in change) {
      cursors.renew(change.version);
      const messages = change.alerts.flatMap((alert) => view.moved(alert, known!) ?? []);
      // Whoever has not got all of them cannot go on from here.
      const last = view.hasUpdates ? { cursor: cursors.cursorOf(through) } : {};
      yield* messages.map((message, i) => (i === messages.length - 1 ? { ...message, ...last } : message));
      continue;
    }
    if (change.position !== null && change.position <= position) continue;
    through = Math.max(through, change.position ?? 0);
    yield* view.messages(change, cursors, known);
  }
}

interface View {
  readonly hasUpdates: boolean;
  isSeen(alert: AlertRecord): boolean;
  /** `known`: ids of what the reader has, kept so; left out where that follows from how things stood before. */
  messages(told: Told, cursors: PlainCursors, known?: Set<string>): Iterable<AlertMessage>;
  /** One that may be elsewhere now. */
  moved(alert: AlertRecord, known: Set<string>): AlertMessage | undefined;
}

function viewOf(request: AlertSubscription, isInScope: SeesAlert): View {
  const { severities, sources, rules, updates, includeAcknowledged } = request;
  const wanted = alertScopeOf({
    severities,
    sources,
    rules,
    ...(includeAcknowledged ? {} : { isAcknowledged: false }),
  });
  if (request.cursor !== "" && !updates) {
    throw new WatchpostError("INVALID_ARGUMENT", "cursor goes with updates alone: messages without it have no cursor");
  }
  return updates ? updatesOf(wanted, isInScope) : contractOf(wanted, isInScope);
}

/** New ones, and those that grow graver. */
function contractOf(wanted: AlertScope, isInScope: SeesAlert): View {
  const isSeen = isSeenIn(wanted, isInScope);
  return {
    hasUpdates: false,
    isSeen,
    *messages({ alert, change, before }, _, known) {
      const isRise = change === "fired" || (before !== null && rankOf(alert.severity) > rankOf(before.severity));
      if (!isRise && known === undefined) return;
      const isNow = alert.clearedAtMs === null && isSeen(alert);
      note(alert.id, isNow, known);
      if (isRise && isNow) yield messageOf(alert);
    },
    moved(alert, known) {
      const [wasSeen, isNow] = [known.has(alert.id), isSeen(alert)];
      note(alert.id, isNow, known);
      return isNow && !wasSeen ? messageOf(alert) : undefined;
    },
  };
}

function updatesOf(wanted: AlertScope, isInScope: SeesAlert): View {
  const isSeen = isSeenIn(wanted, isInScope);
  return {
    hasUpdates: true,
    isSeen,
    *messages({ alert, change, before, position }, cursors, known) {
      const isIn = wanted.takes(alert) && isInScope(alert.labels);
      const wasSeen = known?.has(alert.id) ?? (isIn && before !== null && wanted.sees(before));
      const isNow = isIn && wanted.sees(seenOf(alert));
      note(alert.id, isNow && alert.clearedAtMs === null, known);
      if (!wasSeen && !isNow) return;
      const cursor = position === null ? "" : cursors.cursorOf(position);
      if (!isIn) yield { ...gone(alert), cursor };
      // What people say of one that is over is told, too; it has left when it was cleared.
      else yield { ...messageOf(alert), change: WIRE_CHANGES[change], removed: !isNow || change === "cleared", cursor };
    },
    moved(alert, known) {
      const [wasSeen, isNow] = [known.has(alert.id), isSeen(alert)];
      note(alert.id, isNow, known);
      if (wasSeen === isNow) return undefined;
      return isNow ? { ...messageOf(alert), change: WireChange.MOVED } : gone(alert);
    },
  };
}

function isSeenIn(wanted: AlertScope, isInScope: SeesAlert): View["isSeen"] {
  return (alert) => wanted.takes(alert) && wanted.sees(seenOf(alert)) && isInScope(alert.labels);
}

/** How it stands now is not for this reader. */
function gone({ id }: AlertRecord): AlertMessage {
  return { id, change: WireChange.MOVED, removed: true };
}

function note(id: string, isKnown: boolean, known: Set<string> | undefined): void {
  if (isKnown) known?.add(id);
  else known?.delete(id);
}

function snapshotOf(book: AlertBook, { isSeen }: View): AlertRecord[] {
  const seen = [...book.active()].filter(isSeen);
  return seen.sort((a, b) => a.firedAtMs - b.firedAtMs || (a.id < b.id ? -1 : 1));
}

/** What is told while the reader is busy. */
class Backlog implements Disposable {
  /** All that is told after this position is in here. */
  readonly beganAt: number;
  readonly #signal: AbortSignal;
  readonly #unfollow: readonly (() => void)[];
  #waiting: (Told | Moved)[] = [];
  #isBehind = false;
  #wake: () => void = () => {};

  /** `moved`: left out where it does not matter where alerts are. */
  constructor(book: AlertBook, moved: Pick<MovedAlerts, "follow"> | undefined, signal: AbortSignal) {
    this.beganAt = book.toldPosition;
    this.#signal = signal;
    const take = (change: Told | Moved) => this.#take(change);
    this.#unfollow = [book.follow(take), ...(moved === undefined ? [] : [moved.follow(take)])];
    signal.addEventListener("abort", this.#onAbort);
  }

  async *changes(): AsyncGenerator<Told | Moved, void> {
    while (!this.#signal.aborted) {
      if (this.#isBehind) {
        const message = `this reader is ${WAITING_MAX} changes of alerts behind; subscribe again with its last cursor`;
        throw readerBehind(message);
      }
      const taken = this.#waiting;
      this.#waiting = [];
      yield* taken;
      if (this.#waiting.length > 0 || this.#isBehind || this.#signal.aborted) continue;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  [Symbol.dispose](): void {
    for (const end of this.#unfollow) end();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#wake();

  #take(change: Told | Moved): void {
    if (this.#isBehind) return;
    this.#waiting.push(change);
    if (this.#waiting.length > WAITING_MAX) {
      this.#isBehind = true;
      this.#waiting = [];
    }
    this.#wake();
  }
}
