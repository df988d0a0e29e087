/** What has happened, out of the journal, as people look for it. */
import { create } from "@bufbuild/protobuf";
import { Backlog } from "../model/backlog.ts";
import { invalidField } from "../model/errors.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import type { Scope } from "../model/access.ts";
import type { TellChange, ToldChange } from "../model/told-change.ts";
import { ChangeSchema, type Change, type ListChangesRequest, type WatchChangesRequest } from "../wire/gen/server_pb.ts";
import { timestampOfMs } from "../wire/timestamp.ts";

export interface ChangesJournal {
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  follow(listener: (entries: readonly JournalEntry[]) => void): () => void;
  cursorOf(position: number): string;
  /** Throws INVALID_ARGUMENT, naming `field`, for what no cursor is, OUT_OF_RANGE where nobody can go on from it. */
  positionOf(cursor: string, field?: string): number;
  readonly lastPosition: number;
}

export interface ChangesDeps {
  readonly journal: ChangesJournal;
  /** By kind of the journal's entries. */
  readonly tellers: Readonly<Record<string, TellChange>>;
  readonly setAside: SetAside;
}

const [LIMIT_DEFAULT, LIMIT_MAX] = [50, 500];
const ENTRIES_AT_ONCE = 100;
/** Entries that one call looks at: of sessions most are chat. */
const LOOKED_MAX = 5_000;
/** A storm of alerts is told as it comes, to whoever reads. */
const BOUNDS = { waitingMax: 10_000, sizeMax: 16 * 1024 * 1024, what: "changes" };
const TEXT_LENGTH_MAX = 1_000;

interface Told {
  readonly position: number;
  readonly change: Change;
  readonly size: number;
  readonly isSeen: ToldChange["isSeen"] | undefined;
}

/** Of what is in scope. */
export async function listChanges({ kinds, limit, page }: ListChangesRequest, scope: Scope, deps: ChangesDeps) {
  const wanted = kindsIn(kinds, deps);
  const most = limitIn(limit, "limit") || LIMIT_DEFAULT;
  const before = page === "" ? deps.journal.lastPosition + 1 : deps.journal.positionOf(page, "page");
  const { told, next } = await lastOnes(wanted, most, before, scope, deps);
  const nextPage = next === undefined ? "" : deps.journal.cursorOf(next);
  return { changes: told.map(({ change }) => change), nextPage };
}

/** The same, as it happens. Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind, and as `positionOf` does. */
export async function* watchChanges(
  { kinds, last, cursor }: WatchChangesRequest,
  scope: Scope,
  deps: ChangesDeps,
  signal: AbortSignal,
): AsyncGenerator<Change, void> {
  const { journal } = deps;
  const wanted = kindsIn(kinds, deps);
  const most = limitIn(last, "last");
  let position: number | undefined = cursor === "" ? undefined : journal.positionOf(cursor);
  using backlog = new Backlog<Told>(BOUNDS, signal, (add) =>
    journal.follow((entries) => {
      for (const entry of entries) {
        const told = wanted.has(entry.kind) ? toldOnce(entry, deps) : undefined;
        // What has to be looked up is decided when its turn comes.
        if (told !== undefined && isFor(scope, told) !== false) add(told);
      }
    }),
  );
  const beganAt = journal.lastPosition;
  if (position === undefined) {
    const { told } = most === 0 ? { told: [] } : await lastOnes(wanted, most, beganAt + 1, scope, deps);
    for (const { change } of told.reverse()) yield change;
    yield create(ChangeSchema, { snapshotEnd: true, cursor: journal.cursorOf(beganAt) });
    position = beganAt;
  }
  while (position < beganAt && !signal.aborted) {
    const entries: readonly JournalEntry[] = await journal.read({ after: position, limit: ENTRIES_AT_ONCE });
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const entry of entries) {
      const told = wanted.has(entry.kind) ? toldOf(entry, deps) : undefined;
      if (told !== undefined && (await isFor(scope, told))) yield told.change;
    }
    const end: number = entries.at(-1)?.position ?? position;
    position = entries.length < ENTRIES_AT_ONCE ? Math.max(beganAt, end) : end;
  }
  for await (const told of backlog.changes()) {
    if (told.position > position && (await isFor(scope, told))) yield told.change;
  }
}

/** The last ones before a position, the last one first; `next`: what to go on before, undefined at the end. */
async function lastOnes(kinds: ReadonlySet<string>, limit: number, before: number, scope: Scope, deps: ChangesDeps) {
  const told: Told[] = [];
  const sources = [...kinds].map((kind) => entriesBefore(kind, before, deps.journal));
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (let looked = 0, end = before; ; looked++) {
    let newest = -1;
    heads.forEach(({ value }, i) => {
      if (value !== undefined && (newest < 0 || value.position > heads[newest].value!.position)) newest = i;
    });
    if (newest < 0) return { told, next: undefined };
    const entry = heads[newest].value!;
    if (told.length === limit || looked === LOOKED_MAX) return { told, next: end };
    const found = toldOf(entry, deps);
    if (found !== undefined && (await isFor(scope, found))) told.push(found);
    end = entry.position;
    heads[newest] = await sources[newest].next();
  }
}

/** Of one kind, the last one first. */
async function* entriesBefore(
  kind: string,
  before: number,
  journal: ChangesJournal,
): AsyncGenerator<JournalEntry, undefined> {
  for (;;) {
    const entries = await journal.read({ after: 0, before, descending: true, kind, limit: ENTRIES_AT_ONCE });
    yield* entries;
    if (entries.length < ENTRIES_AT_ONCE) return undefined;
    before = entries.at(-1)!.position;
  }
}

function isFor(scope: Scope, { isSeen }: Told): boolean | Promise<boolean> {
  return scope.isEverything || (isSeen?.(scope) ?? false);
}

/** Of entries that all followers of the journal hear of. */
const toldBefore = new WeakMap<JournalEntry, Told | "nothing">();

/** The same, however many watch. */
function toldOnce(entry: JournalEntry, deps: ChangesDeps): Told | undefined {
  let told = toldBefore.get(entry);
  if (told === undefined) toldBefore.set(entry, (told = toldOf(entry, deps) ?? "nothing"));
  return told === "nothing" ? undefined : told;
}

/** Undefined: nothing that people look for. */
function toldOf(entry: JournalEntry, { tellers, setAside, journal }: ChangesDeps): Told | undefined {
  const { kind, position, atMs, actor } = entry;
  const told = setAside.read(`journal entry ${position}`, () => tellers[kind](entry));
  if (told === undefined) return undefined;
  const { text, isSeen, ...facts } = told;
  const change = create(ChangeSchema, {
    ...facts,
    time: timestampOfMs(atMs),
    kind,
    userId: actor === "system" ? "" : actor,
    text: text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text,
    cursor: journal.cursorOf(position),
  });
  return { position, change, isSeen, size: text.length };
}

function kindsIn(kinds: readonly string[], { tellers }: ChangesDeps): ReadonlySet<string> {
  const known = Object.keys(tellers);
  const unknown = kinds.findIndex((kind) => !known.includes(kind));
  if (unknown >= 0) throw invalidField(`kinds[${unknown}]`, kinds[unknown], known.join(", "));
  return new Set(kinds.length === 0 ? known : kinds);
}

function limitIn(limit: number, field: string): number {
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField(field, limit, `0 to ${LIMIT_MAX}`);
  return limit;
}
