/**
 * Dashboards that are kept on the server: documents of the journal, of which memory holds all but panels and variables. Changes
 * come one after the other and are told once they are durable.
 */
import { create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../model/clock.ts";
import { messageOf, truncated, WatchpostError } from "../../model/errors.ts";
import type { DocumentChange, DocumentQuery, JournalEntry, JournalEvent } from "../../model/journal.ts";
import type { JournalQuery, StoredDocument } from "../../model/journal.ts";
import { Serial } from "../../model/serial.ts";
import { documentName, SetAside } from "../../model/set-aside.ts";
import { SavedDashboardSchema, type SavedDashboard } from "../../wire/gen/saved_dashboards_pb.ts";
import { packed } from "../../wire/status.ts";
import { msOfTimestamp } from "../../wire/timestamp.ts";
import {
  bytesOf,
  DASHBOARD_EVENT,
  dashboardOf,
  DASHBOARDS,
  headOf,
  headOfText,
  REVISIONS,
  revisionMaxOf,
  rowsOfDeleted,
  rowsOfSaved,
  subjectOf,
  textOf,
} from "./dashboard-documents.ts";
import { dashboardIn } from "./dashboard-input.ts";
import { idIn } from "./panel-input.ts";

export interface DashboardJournal {
  append(events: readonly JournalEvent[], changes: readonly DocumentChange[]): Promise<readonly JournalEntry[]>;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
}

export interface SavedDashboardsDeps {
  readonly journal: DashboardJournal;
  readonly clock: Pick<Clock, "nowMs">;
  readonly dashboardsMax: number;
  /** Of all together, as JSON. */
  readonly bytesMax: number;
  onTrouble(sentence: string): void;
}

export interface ToldDashboard {
  readonly kind: "saved" | "deleted";
  /** Of a deleted one the id, title, revision, who and when. */
  readonly dashboard: SavedDashboard;
  /** Characters it takes, about. */
  readonly size: number;
}

interface Kept {
  readonly head: SavedDashboard;
  readonly bytes: number;
}

/** Of one, as JSON: a hundred panels with ten queries each are a quarter of it. */
export const DASHBOARD_BYTES_MAX = 512 * 1024;
/** Of an error: clients bound the trailers that it comes in. */
const DETAIL_BYTES_MAX = 4 * 1024;
const NAME_SHOWN_MAX = 64;
const DOCUMENTS_AT_ONCE = 20;
/** Changes, one of which is under way; each may hold as much as a dashboard. */
const WAITING_MAX = 64;
const RETRY_AFTER_MS = 1_000;
const ALL = "";

export class SavedDashboards {
  readonly #deps: SavedDashboardsDeps;
  readonly #kept = new Map<string, Kept>();
  readonly #serial = new Serial();
  readonly #listeners = new Set<(told: ToldDashboard) => void>();
  #bytes = 0;
  #waiting = 0;
  #deletedRevisionMax = 0n;

  private constructor(deps: SavedDashboardsDeps) {
    this.#deps = deps;
  }

  /** With all that the journal has; what cannot be read is left where it is, and said. */
  static async open(deps: SavedDashboardsDeps): Promise<SavedDashboards> {
    const saved = new SavedDashboards(deps);
    await saved.#restore();
    return saved;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Without panels and variables, in order of id. */
  heads(): SavedDashboard[] {
    return [...this.#kept.values()]
      .map(({ head }) => head)
      .sort((a, b) => (a.dashboardId < b.dashboardId ? -1 : a.dashboardId > b.dashboardId ? 1 : 0));
  }

  has(dashboardId: string): boolean {
    return this.#kept.has(dashboardId);
  }

  /** Throws NOT_FOUND, and DATA_LOSS where it cannot be read. */
  async get(dashboardId: string): Promise<SavedDashboard> {
    idIn(dashboardId, "dashboard_id");
    const document = await this.#deps.journal.document(DASHBOARDS, dashboardId);
    if (document === undefined && !this.#kept.has(dashboardId)) throw notFound(dashboardId);
    try {
      return dashboardOf(document!.value);
    } catch (error) {
      const why = document === undefined ? "it is damaged" : messageOf(error);
      throw new WatchpostError("DATA_LOSS", `the dashboard ${JSON.stringify(dashboardId)} cannot be read: ${why}`);
    }
  }

  /**
   * Resolves with the dashboard once it is durable; with the one that is there where it is the same already. `revision`: the
   * one that it replaces; 0: there is none. Throws INVALID_ARGUMENT with all that is wrong with it, ABORTED where another
   * revision is there or it was deleted, NOT_FOUND where there never was one, RESOURCE_EXHAUSTED where there are too many,
   * or too many changes wait, or as the journal does.
   */
  put(given: SavedDashboard | undefined, revision: bigint, by: string): Promise<SavedDashboard> {
    return this.#inTurn(async () => {
      const wanted = dashboardIn(given);
      const { dashboardId } = wanted;
      const before = this.#kept.get(dashboardId);
      const there = before === undefined ? undefined : await this.#readable(dashboardId);
      if (there !== undefined && equals(SavedDashboardSchema, contentOf(there), wanted)) return there;
      await this.#checkRevision(dashboardId, revision);
      const atMs = Math.floor(this.#deps.clock.nowMs());
      const dashboard = create(SavedDashboardSchema, {
        ...wanted,
        revision: (before?.head.revision ?? this.#deletedRevisionMax) + 1n,
        updatedAt: timestampFromMs(atMs),
        updatedBy: by,
      });
      const text = textOf(dashboard);
      const bytes = bytesOf(text);
      this.#checkRoom(dashboardId, bytes);
      const { events, changes } = rowsOfSaved(dashboard, text, atMs);
      await this.#deps.journal.append(events, changes);
      this.#keep(headOf(dashboard), bytes);
      this.#tell({ kind: "saved", dashboard, size: text.length });
      return dashboard;
    });
  }

  /** Resolves once that is durable. Throws NOT_FOUND where there is none, and ABORTED as {@link put} does; `revision` 0: whichever. */
  delete(dashboardId: string, revision: bigint, by: string): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#kept.get(idIn(dashboardId, "dashboard_id"));
      if (before === undefined) throw notFound(dashboardId);
      if (revision !== 0n) await this.#checkRevision(dashboardId, revision);
      const atMs = Math.floor(this.#deps.clock.nowMs());
      const { title } = before.head;
      const gone = create(SavedDashboardSchema, {
        ...{ dashboardId, title, revision: before.head.revision + 1n, updatedBy: by },
        updatedAt: timestampFromMs(atMs),
      });
      const revisionMax = gone.revision > this.#deletedRevisionMax ? gone.revision : this.#deletedRevisionMax;
      const { events, changes } = rowsOfDeleted(gone, revisionMax, atMs);
      await this.#deps.journal.append(events, changes);
      this.#deletedRevisionMax = revisionMax;
      this.#kept.delete(dashboardId);
      this.#bytes -= before.bytes;
      this.#tell({ kind: "deleted", dashboard: gone, size: title.length });
    });
  }

  /** Calls `listener` with what becomes of them, in order, once it is durable. Returns what ends it. */
  follow(listener: (told: ToldDashboard) => void): () => void {
    const own = (told: ToldDashboard) => listener(told);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#waiting >= WAITING_MAX) {
      const message = `${this.#waiting} changes of dashboards wait to be written; try again in ${RETRY_AFTER_MS} ms`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiting++;
    try {
      return await this.#serial.run(ALL, run);
    } finally {
      this.#waiting--;
    }
  }

  async #restore(): Promise<void> {
    const { journal, onTrouble } = this.#deps;
    const setAside = new SetAside(onTrouble);
    for (let after: StoredDocument | undefined; ;) {
      const page = await journal.documents({
        collection: DASHBOARDS,
        limit: DOCUMENTS_AT_ONCE,
        ...(after && { after }),
      });
      for (const document of page) {
        const head = setAside.read(documentName(document), () => headOfText(document.value));
        if (head !== undefined) this.#keep(head, bytesOf(document.value));
      }
      if (page.length < DOCUMENTS_AT_ONCE) break;
      after = page.at(-1);
    }
    for (const document of await journal.documents({ collection: REVISIONS, limit: 1 })) {
      this.#deletedRevisionMax = setAside.read(documentName(document), () => revisionMaxOf(document.value)) ?? 0n;
    }
  }

  /** Undefined where it is damaged: then it can be replaced. */
  async #readable(dashboardId: string): Promise<SavedDashboard | undefined> {
    try {
      return await this.get(dashboardId);
    } catch (error) {
      if (error instanceof WatchpostError && error.status === "DATA_LOSS") return undefined;
      throw error;
    }
  }

  async #checkRevision(dashboardId: string, revision: bigint): Promise<void> {
    const head = this.#kept.get(dashboardId)?.head;
    const name = `the dashboard ${JSON.stringify(dashboardId)}`;
    if (head === undefined) {
      if (revision === 0n) return;
      const [last] = await this.#deps.journal.read({
        ...{ after: 0, subject: subjectOf(dashboardId), kind: DASHBOARD_EVENT, limit: 1, descending: true },
      });
      if (last === undefined) throw notFound(dashboardId);
      const message = `${name} was deleted ${byWhom(last.actor, last.atMs)}, and revision ${revision} was edited; wanted revision 0, which makes a new one`;
      throw new WatchpostError("ABORTED", message);
    }
    if (revision === head.revision) return;
    const whose = byWhom(head.updatedBy, head.updatedAt === undefined ? 0 : msOfTimestamp(head.updatedAt));
    const message =
      revision === 0n
        ? `there is ${name} already, saved ${whose}; wanted its revision, which is ${head.revision}, to replace it, or another id`
        : `${name} is at revision ${head.revision}, saved ${whose}, and revision ${revision} was edited; wanted an edit of revision ${head.revision}`;
    const found = packed(SavedDashboardSchema, head);
    throw new WatchpostError("ABORTED", message, { messages: found.value.length > DETAIL_BYTES_MAX ? [] : [found] });
  }

  #checkRoom(dashboardId: string, bytes: number): void {
    const { dashboardsMax, bytesMax } = this.#deps;
    const name = `the dashboard ${JSON.stringify(dashboardId)}`;
    if (bytes > DASHBOARD_BYTES_MAX) {
      const message = `${name} takes ${bytes} bytes as JSON; wanted at most ${DASHBOARD_BYTES_MAX}`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
    const before = this.#kept.get(dashboardId);
    if (before === undefined && this.count >= dashboardsMax) {
      const message = `${name} is not saved: there are ${this.count} dashboards, and dashboards.max is ${dashboardsMax}; delete one, or raise it`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
    const after = this.#bytes - (before?.bytes ?? 0) + bytes;
    if (after > bytesMax && bytes > (before?.bytes ?? 0)) {
      const message = `${name} is not saved: all dashboards would take ${after} bytes, and dashboards.bytes_max is ${bytesMax}; delete one, or raise it`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message);
    }
  }

  #keep(head: SavedDashboard, bytes: number): void {
    this.#bytes += bytes - (this.#kept.get(head.dashboardId)?.bytes ?? 0);
    this.#kept.set(head.dashboardId, { head, bytes });
  }

  #tell(told: ToldDashboard): void {
    for (const listener of [...this.#listeners]) listener(told);
  }
}

/** Without what the server sets. */
function contentOf({ dashboardId, title, description, variables, panels, rangeMs }: SavedDashboard): SavedDashboard {
  return create(SavedDashboardSchema, { dashboardId, title, description, variables, panels, rangeMs });
}

function notFound(dashboardId: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `there is no dashboard ${JSON.stringify(dashboardId)}`);
}

function byWhom(user: string, atMs: number): string {
  return `by ${JSON.stringify(truncated(user, NAME_SHOWN_MAX))} at ${new Date(atMs).toISOString()}`;
}
