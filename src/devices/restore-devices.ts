/** Brings back what was known when the server ended: devices out of documents, and out of the series that are stored. */
import type { Clock } from "../model/clock.ts";
import type { DocumentChange, DocumentQuery, StoredDocument } from "../model/journal.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import { documentName, type SetAside } from "../model/set-aside.ts";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { DeviceBook } from "./device-book.ts";
import {
  DELETED_DEVICES,
  DEVICE_STATUSES,
  deviceOfDocument,
  DEVICES,
  FOUND_DEVICES,
  NEVER_SEEN,
  removalOfDeleted,
  statusOfDocument,
  statusOfFound,
} from "./device-documents.ts";
import type { DeviceSeries } from "./device-series.ts";
import type { DeviceStatuses } from "./status/device-statuses.ts";
import type { SavedStatus } from "./status/status.ts";

interface Reader {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
}

const DOCUMENTS_AT_ONCE = 1_000;

/** Resolves with how they stood. */
export async function restoreDevices({
  journal,
  book,
  setAside,
}: {
  readonly journal: Reader;
  readonly book: DeviceBook;
  readonly setAside: SetAside;
}): Promise<Map<string, SavedStatus>> {
  const saved = new Map<string, SavedStatus>();
  for await (const document of all(journal, DEVICE_STATUSES)) {
    const status = setAside.read(documentName(document), () => statusOfDocument(document.value));
    if (status !== undefined) saved.set(document.key, status);
  }
  for await (const document of all(journal, FOUND_DEVICES)) {
    const { key, sort, value } = document;
    book.tell(book.add(key, sort), NEVER_SEEN);
    if (saved.has(key)) continue;
    const status = setAside.read(documentName(document), () => statusOfFound(value));
    if (status !== undefined) saved.set(key, status);
  }
  for await (const document of all(journal, DEVICES)) {
    const device = setAside.read(documentName(document), () => deviceOfDocument(document.value));
    if (device === undefined) continue;
    const createdMs = device.createdAt === undefined ? 0 : timestampMs(device.createdAt);
    const record = book.get(document.key) ?? book.add(document.key, createdMs);
    book.tell(record, NEVER_SEEN);
    book.setStored(record, device);
  }
  for (const [id, { status, sinceMs, reason, isFlapping }] of saved) {
    const record = book.get(id);
    if (record === undefined) saved.delete(id);
    else if (status !== "never_seen") book.tell(record, { status, sinceMs, reason, isFlapping });
  }
  for await (const { key } of all(journal, DELETED_DEVICES)) book.deleted.set(key, 0);
  return saved;
}

/**
 * When each device was heard of last, from the points that are stored; devices that nobody wrote down, since the server ended before
 * it could, are found in them. Returns what is to be removed: that a device was deleted of which there are no points any more.
 */
export function restoreStatuses(deps: {
  readonly registry: SeriesRegistry;
  readonly clock: Clock;
  readonly latest?: { readonly seriesIds: Uint32Array; readonly timesUs: Float64Array };
  /** Other nodes have points of series, too. */
  readonly isTold?: boolean;
  readonly book: DeviceBook;
  readonly series: DeviceSeries;
  readonly statuses: DeviceStatuses;
  readonly saved: ReadonlyMap<string, SavedStatus>;
}): DocumentChange[] {
  const { registry, clock, latest, isTold = false, book, series, statuses, saved } = deps;
  const nowMs = clock.nowMs();
  statuses.reserve(book.count);
  const gone = new Set(book.deleted.keys());
  const isWanted = (id: string) => {
    gone.delete(id);
    return !book.deleted.has(id);
  };
  for (let id = 1; id < registry.idEnd; id++) if (series.add(id, nowMs, isWanted) < 0 && isTold) series.named(id);
  const seenMs = new Map<number, number>();
  for (let i = 0; i < (latest?.seriesIds.length ?? 0); i++) {
    const device = series.deviceOf(latest!.seriesIds[i]);
    const timeMs = Math.min(latest!.timesUs[i] / 1_000, nowMs);
    if (device >= 0 && timeMs > (seenMs.get(device) ?? 0)) seenMs.set(device, timeMs);
  }
  for (const [id, status] of saved) {
    const { index } = book.get(id)!;
    statuses.restore(index, { ...status, seenMs: Math.max(status.seenMs, seenMs.get(index) ?? 0) });
    seenMs.delete(index);
  }
  for (const [device, timeMs] of seenMs) statuses.arrived(device, timeMs, nowMs);
  statuses.restored();
  for (const id of gone) book.deleted.delete(id);
  return [...gone].map(removalOfDeleted);
}

async function* all(reader: Reader, collection: string): AsyncGenerator<StoredDocument, void> {
  const pageAfter = (after?: StoredDocument) =>
    reader.documents({ collection, limit: DOCUMENTS_AT_ONCE, ...(after && { after }) });
  for (let page = await pageAfter(); ;) {
    // While one is taken in, the next one is read.
    const next = page.length < DOCUMENTS_AT_ONCE ? undefined : pageAfter(page.at(-1));
    next?.catch(() => {});
    yield* page;
    if (next === undefined) return;
    page = await next;
  }
}
