/**
 * What a backup holds of `state.db`, file by file: documents, the journal, series, deleted ones and the small state; and of the
 * journal that several nodes share.
 */
import type { JournalOpened, JournalSnapshotPage, StatePage } from "../log/log-client.ts";
import { documentsText, entriesText } from "../model/backup-journal.ts";
import { numberedName, type NumberedFile } from "../model/backup-manifest.ts";
import { RETIRED_NAME, SHARED_STATE_NAME, STATE_NAME } from "../model/backup-manifest.ts";
import type { JournalEntry, StoredDocument } from "../model/journal.ts";
import type { SeriesDefinition } from "../model/series-registry.ts";

interface SnapshotSource<Opened> {
  beginSnapshot(): Promise<Opened>;
  readSnapshot(): Promise<JournalSnapshotPage>;
  /** Idempotent. */
  endSnapshot(): void;
}

export interface StateSource extends SnapshotSource<unknown> {
  statePage(afterSeriesId: number): Promise<StatePage>;
}

export type SharedSource = SnapshotSource<JournalOpened>;

export interface StateFile {
  readonly name: string;
  readonly text: string;
}

/** What is damaged in a journal. */
export interface DamageTold {
  /** Entries of the journal that are damaged, by name: they are left out. */
  readonly damage: readonly string[];
  /** Documents that are damaged, by name: there is that they were. */
  readonly damagedDocuments: readonly string[];
}

/** What the manifest tells of it. */
export interface StateTold extends DamageTold {
  readonly nextSeq: number;
  readonly series: number;
}

const ROWS_A_FILE = 10_000;
const CHARS_A_FILE = 4 * 1024 * 1024;

/**
 * Journal and documents are those of one moment, when the snapshot began. They come first: while documents are copied, what
 * others were before they changed is held in memory.
 */
export async function* stateFiles(state: StateSource): AsyncGenerator<StateFile, StateTold> {
  const first = await state.statePage(0);
  const snapshot = yield* journalFiles(state, ["journal", "documents"]);
  const series = yield* seriesFiles(state, first);
  // Entries that were trimmed while they were copied are not promised.
  const meta = { ...first.meta, ...snapshot.counts, journal_first: snapshot.firstPosition };
  yield { name: STATE_NAME, text: JSON.stringify(meta) };
  yield { name: RETIRED_NAME, text: JSON.stringify([...first.retired]) };
  const { damage, damagedDocuments } = snapshot;
  return { nextSeq: first.meta["next_seq"] ?? 0, series, damage, damagedDocuments };
}

/** `opened`: how the shared journal stood when its snapshot began. */
export async function* sharedFiles(shared: SharedSource, opened: JournalOpened): AsyncGenerator<StateFile, DamageTold> {
  const snapshot = yield* journalFiles(shared, ["shared-journal", "shared-documents"]);
  const { epoch, nextPosition, link } = opened;
  const head = { journal_epoch: epoch, journal_head: nextPosition - 1, journal_link: link };
  const meta = { ...snapshot.counts, ...head, journal_first: snapshot.firstPosition };
  yield { name: SHARED_STATE_NAME, text: JSON.stringify(meta) };
  const isOfShared = (name: string) => `shared/${name}`;
  return { damage: snapshot.damage.map(isOfShared), damagedDocuments: snapshot.damagedDocuments.map(isOfShared) };
}

async function* journalFiles(
  state: SnapshotSource<unknown>,
  [journalFile, documentsFile]: readonly [NumberedFile, NumberedFile],
): AsyncGenerator<StateFile, Omit<JournalSnapshotPage, "documents" | "entries" | "isLast">> {
  const [damage, damagedDocuments]: string[][] = [[], []];
  const documents = new Parts<StoredDocument>(documentsFile, ({ value }) => value.length, documentsText);
  const entries = new Parts<JournalEntry>(journalFile, ({ payload }) => payload.length, entriesText);
  for (;;) {
    const page = await state.readSnapshot();
    damage.push(...page.damage);
    damagedDocuments.push(...page.damagedDocuments);
    yield* documents.add(page.documents, page.isLast || page.entries.length > 0);
    yield* entries.add(page.entries, page.isLast);
    if (!page.isLast) continue;
    state.endSnapshot();
    const { firstPosition, counts } = page;
    return { firstPosition, counts, damage, damagedDocuments };
  }
}

/** Returns how many series there were. */
async function* seriesFiles(state: StateSource, first: StatePage): AsyncGenerator<StateFile, number> {
  const gone = new Set(first.retired);
  const text = (series: readonly SeriesDefinition[]) => JSON.stringify(series.map(({ id, key }) => [id, key]));
  const parts = new Parts<SeriesDefinition>("series", ({ key }) => key.length, text);
  let count = 0;
  for (let { series: page } = first; ; { series: page } = await state.statePage(page.at(-1)!.id)) {
    const kept = page.filter(({ id }) => !gone.has(id));
    count += kept.length;
    yield* parts.add(kept, page.length === 0);
    if (page.length === 0) return count;
  }
}

/** Rows that go into files of bounded size. */
class Parts<Row> {
  readonly #what: NumberedFile;
  readonly #charsOf: (row: Row) => number;
  readonly #textOf: (rows: readonly Row[]) => string;
  #waiting: Row[] = [];
  #chars = 0;
  #next = 0;

  constructor(what: NumberedFile, charsOf: (row: Row) => number, textOf: (rows: readonly Row[]) => string) {
    this.#what = what;
    this.#charsOf = charsOf;
    this.#textOf = textOf;
  }

  /** The next file, where there is enough for one, or these are the last. */
  *add(rows: readonly Row[], areLast: boolean): Generator<StateFile, void> {
    this.#waiting.push(...rows);
    this.#chars += rows.reduce((sum, row) => sum + this.#charsOf(row), 0);
    const isFull = this.#waiting.length >= ROWS_A_FILE || this.#chars >= CHARS_A_FILE;
    if (this.#waiting.length === 0 || (!isFull && !areLast)) return;
    const text = this.#textOf(this.#waiting);
    this.#waiting = [];
    this.#chars = 0;
    yield { name: numberedName(this.#what, this.#next++), text };
  }
}
