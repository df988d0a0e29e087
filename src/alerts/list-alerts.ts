/** ListAlerts: active ones, then those that were cleared, the one that fired last first; and one alert's history. */
import { invalidField, messageOf as messageText, WatchpostError } from "../model/errors.ts";
import type { DocumentQuery, JournalEntry, JournalQuery, StoredDocument } from "../model/journal.ts";
import { msOfTimestamp, timestampOfMs } from "../wire/timestamp.ts";
import { AlertState, type GetAlertHistoryRequest, type ListAlertsRequest } from "../wire/gen/alerts_pb.ts";
import { ALERT_EVENT, CLEARED_ALERTS } from "./alert-documents.ts";
import { type AlertBook } from "./alert-book.ts";
import { messageOf, WIRE_CHANGES, type AlertMessage } from "./alert-message.ts";
import { attemptMessage, attemptsOfAlert } from "./delivery-notes.ts";
import { alertScopeOf } from "./alert-scope.ts";
import { AlertRecord, eventFromJson, seenOf } from "./alert.ts";
import { SEES_ALL_ALERTS, type SeesAlert } from "../model/sees-alert.ts";
import { documentName, type SetAside } from "../model/set-aside.ts";

export interface AlertReader {
  documents(query: DocumentQuery): Promise<readonly StoredDocument[]>;
  document(collection: string, key: string): Promise<StoredDocument | undefined>;
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
}

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 10_000;
const DOCUMENTS_AT_ONCE = 1_000;
/** Cleared alerts that one call looks through; the next page goes on behind them. */
const DOCUMENTS_MAX = 50_000;
const HISTORY_MAX = 10_000;
/** The greatest text of one character. */
const PAST_ALL_KEYS = "\u{10ffff}";
const BEFORE_CLEARED: Place = { isCleared: true, sort: Number.MAX_VALUE, key: "" };

/** Where a page ended: among active ones (`isCleared` false) or cleared ones. */
interface Place {
  readonly isCleared: boolean;
  readonly sort: number;
  readonly key: string;
}

export interface ListAlertsDeps {
  readonly book: AlertBook;
  readonly reader: AlertReader;
  readonly setAside: SetAside;
}

/** `sees`: what whoever asks may see. */
export async function listAlerts(
  request: ListAlertsRequest,
  { book, reader, setAside }: ListAlertsDeps,
  sees: SeesAlert,
) {
  const { acknowledged, from, to, state, idPrefix } = request;
  const scope = alertScopeOf({ ...request, ...(acknowledged === undefined ? {} : { isAcknowledged: acknowledged }) });
  const [fromMs, toMs] = [
    from === undefined ? -Infinity : msOfTimestamp(from),
    to === undefined ? Infinity : msOfTimestamp(to),
  ];
  if (request.limit < 0 || request.limit > LIMIT_MAX) throw invalidField("limit", request.limit, `0 to ${LIMIT_MAX}`);
  const limit = request.limit || LIMIT_DEFAULT;
  const isWanted = (alert: AlertRecord) =>
    alert.firedAtMs >= fromMs &&
    alert.firedAtMs < toMs &&
    alert.id.startsWith(idPrefix) &&
    scope.takes(alert) &&
    scope.sees(seenOf(alert)) &&
    sees(alert.labels);

  const place = request.page === "" ? null : placeOf(request.page);
  const alerts: AlertRecord[] = [];
  if (state !== AlertState.CLEARED && !place?.isCleared) {
    const active = [...book.active()].filter((alert) => isWanted(alert) && (place === null || isBehind(alert, place)));
    alerts.push(
      ...active
        .sort(lastFirst)
        .slice(0, limit)
        .map((alert) => book.current(alert)),
    );
    if (active.length > limit)
      return answer(alerts, { isCleared: false, sort: alerts[limit - 1].firedAtMs, key: alerts[limit - 1].id });
  }
  if (state === AlertState.ACTIVE) return answer(alerts, null);
  let after: Place | null = place?.isCleared ? place : null;
  for (let looked = 0; ; looked += DOCUMENTS_AT_ONCE) {
    const page = await reader.documents({
      collection: CLEARED_ALERTS,
      limit: DOCUMENTS_AT_ONCE,
      descending: true,
      ...(after === null ? {} : { after }),
    });
    for (const { sort, key, value } of page) {
      const alert = setAside.read(documentName({ collection: CLEARED_ALERTS, key }), () => AlertRecord.fromJson(value));
      if (alerts.length === limit) return answer(alerts, after === null ? BEFORE_CLEARED : behind(after, alerts));
      if (alert !== undefined && isWanted(alert)) alerts.push(alert);
      after = { isCleared: true, sort, key };
    }
    if (page.length < DOCUMENTS_AT_ONCE || after === null || after.sort < fromMs) return answer(alerts, null);
    if (looked >= DOCUMENTS_MAX) return answer(alerts, behind(after, alerts));
  }
}

/** Behind all that was looked at, without the name of what is not told: of the same time that may be looked at again. */
function behind({ sort }: Place, told: readonly AlertRecord[]): Place {
  const last = told.at(-1);
  const isLast = last !== undefined && last.clearedAtMs !== null && last.firedAtMs === sort;
  return { isCleared: true, sort, key: isLast ? last.id : PAST_ALL_KEYS };
}

/** The last changes, where there are more than an answer may have. Throws NOT_FOUND where there is no such alert. */
export async function alertHistory(
  { id }: GetAlertHistoryRequest,
  { book, reader, setAside }: ListAlertsDeps,
  sees: SeesAlert,
) {
  const alert = await seenAlertById(id, book, reader, sees);
  const { entries, more } = await lastEntries(id, reader);
  const events = entries.flatMap(({ position, atMs, actor, payload }) => {
    const event = setAside.read(`journal entry ${position}`, () => eventFromJson(payload));
    if (event === undefined) return [];
    const { change, text, alert: then } = event;
    const { severity, value } = then;
    return [{ at: timestampOfMs(atMs), change: WIRE_CHANGES[change], severity, value, userId: actor, text }];
  });
  const read = (query: JournalQuery) => reader.read(query);
  const attempts = await attemptsOfAlert(id, entries[0]?.atMs ?? 0, read, setAside);
  // Who sees part of the server is not told what else was in a notification.
  const told = sees === SEES_ALL_ALERTS ? attempts : attempts.map((attempt) => ({ ...attempt, alertIds: [id] }));
  const answer = { alert: messageOf(book.current(alert)), events, more, deliveries: told.map(attemptMessage) };
  return { record: alert, answer };
}

async function lastEntries(id: string, reader: AlertReader) {
  const query = { after: 0, limit: HISTORY_MAX + 1, subject: id, kind: ALERT_EVENT, descending: true };
  const entries = await reader.read(query);
  return { entries: entries.slice(0, HISTORY_MAX).reverse(), more: entries.length > HISTORY_MAX };
}

/** The same, where one that is not seen does not exist. */
export function seenAlertById(id: string, book: AlertBook, reader: AlertReader, sees: SeesAlert): Promise<AlertRecord> {
  const found = alertById(id, book, reader);
  return sees === SEES_ALL_ALERTS ? found : onlySeen(id, found, sees);
}

async function onlySeen(id: string, found: Promise<AlertRecord>, sees: SeesAlert): Promise<AlertRecord> {
  // Of one that cannot be read nobody knows where it is.
  const alert = await found.catch((error: unknown) => {
    throw error instanceof WatchpostError && error.status === "DATA_LOSS" ? noAlert(id) : error;
  });
  if (sees(alert.labels)) return alert;
  throw noAlert(id);
}

/** Throws NOT_FOUND where there is none, and DATA_LOSS where it cannot be read. */
export async function alertById(id: string, book: AlertBook, reader: AlertReader): Promise<AlertRecord> {
  const known = book.get(id);
  if (known !== undefined) return known;
  const stored = await reader.document(CLEARED_ALERTS, id);
  if (stored === undefined) throw noAlert(id);
  try {
    return book.known(AlertRecord.fromJson(stored.value));
  } catch (error) {
    throw new WatchpostError("DATA_LOSS", `${documentName(stored)} cannot be read: ${messageText(error)}`);
  }
}

function noAlert(id: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `there is no alert ${JSON.stringify(id)}`);
}

function answer(alerts: readonly AlertRecord[], next: Place | null): { alerts: AlertMessage[]; nextPage: string } {
  return { alerts: alerts.map(messageOf), nextPage: next === null ? "" : pageOf(next) };
}

function lastFirst(a: AlertRecord, b: AlertRecord): number {
  return b.firedAtMs - a.firedAtMs || (a.id < b.id ? 1 : -1);
}

function isBehind({ firedAtMs, id }: AlertRecord, { sort, key }: Place): boolean {
  return firedAtMs < sort || (firedAtMs === sort && id < key);
}

function pageOf({ isCleared, sort, key }: Place): string {
  return Buffer.from(JSON.stringify([isCleared, sort, key])).toString("base64url");
}

function placeOf(page: string): Place {
  try {
    const [isCleared, sort, key] = JSON.parse(Buffer.from(page, "base64url").toString()) as unknown[];
    if (typeof isCleared === "boolean" && typeof sort === "number" && typeof key === "string")
      return { isCleared, sort, key };
  } catch {
    // No page of ours, like what is none of the above.
  }
  throw invalidField("page", page, "next_page of the page before, unchanged");
}
