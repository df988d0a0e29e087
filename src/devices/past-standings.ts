/** How devices stood over a time: what stands now, without what the journal says has happened since. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { DeviceStanding, PastStandings } from "../model/device-standing.ts";
import { WatchpostError } from "../model/errors.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import type { Device } from "../wire/gen/devices_pb.ts";
import type { DeviceBook, DeviceRecord } from "./device-book.ts";
import { DEVICE_EVENT, factsOf, toldOfEntry, withStanding, type ToldDevice } from "./device-documents.ts";
import { foundDevice } from "./devices.ts";

export interface PastDeps {
  readonly book: DeviceBook;
  readonly setAside: SetAside;
  readonly journal: {
    read(query: JournalQuery): Promise<readonly JournalEntry[]>;
    readonly lastPosition: number;
  };
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

const ENTRIES_AT_ONCE = 500;
const DEVICES_AT_ONCE = 2_000;
/** About 100 MB of them. */
const ENTRIES_MAX = 200_000;
/** An entry may be so much later in the journal than its time says: it could not be written before. */
const LATE_MS = 600_000;

/**
 * In [from, to), as far as the journal reaches; `before` is at `fromMs`. Rejects with RESOURCE_EXHAUSTED where there is too much
 * between `fromMs` and now.
 */
export async function pastStandings(
  { book, setAside, journal, pause }: PastDeps,
  fromMs: number,
  toMs: number,
): Promise<PastStandings> {
  // What is told and where the journal ends are of one moment; neither of the two parts of a record changes.
  const records = Array.from(book.told(), (record) => ({ ...record }));
  const { lastPosition } = journal;
  const standings = new Map<string, DeviceStanding>();
  for (const [i, record] of records.entries()) {
    if (i > 0 && i % DEVICES_AT_ONCE === 0) await pause();
    standings.set(record.id, standingOfRecord(record));
  }
  const since: ToldDevice[] = [];
  for (let before = lastPosition + 1; ;) {
    const query = { after: 0, before, descending: true, limit: ENTRIES_AT_ONCE, kind: DEVICE_EVENT };
    const entries = await journal.read(query);
    for (const entry of entries) {
      const told = setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told !== undefined) since.push(told);
      if (told !== undefined) undo(standings, told);
    }
    const last = entries.at(-1);
    if (last === undefined || entries.length < ENTRIES_AT_ONCE || last.atMs < fromMs - LATE_MS) break;
    if (since.length >= ENTRIES_MAX) throw tooMany(last.atMs);
    before = last.position;
  }
  const changes: PastStandings["changes"][number][] = [];
  let atMs = -Infinity;
  for (const told of since.reverse()) {
    atMs = Math.max(atMs, timestampMs(told.event.time!));
    if (atMs >= toMs) break;
    const standing = standingAfter(told);
    if (atMs >= fromMs) changes.push({ atMs, device: told.id, standing });
    else if (standing === undefined) standings.delete(told.id);
    else standings.set(told.id, standing);
  }
  return { before: [...standings.values()], changes };
}

export function standingOfDevice(device: Device): DeviceStanding {
  const { deviceId, site, type, parent, tags, status, statusReason, statusSince } = device;
  const since = statusSince && { sinceMs: timestampMs(statusSince) };
  return { device: deviceId, site, type, parent, tags, status, reason: statusReason, ...since };
}

export function standingOfRecord(record: DeviceRecord): DeviceStanding {
  return standingOfDevice(withStanding(factsOf(record.stored ?? foundDevice(record)), record.standing));
}

function standingAfter({ event: { kind, device } }: ToldDevice): DeviceStanding | undefined {
  return kind === "deleted" || device === undefined ? undefined : standingOfDevice(device);
}

function undo(standings: Map<string, DeviceStanding>, { id, event }: ToldDevice): void {
  const { kind, device, before, previousStatus } = event;
  if (kind === "status") {
    const { sinceMs: _, ...others } = standingOfDevice(device!);
    standings.set(id, { ...others, status: previousStatus, reason: "" });
  } else if (before === undefined) standings.delete(id);
  else standings.set(id, standingOfDevice(before));
}

function tooMany(reachedMs: number): WatchpostError {
  const message = `devices have changed more than ${ENTRIES_MAX} times since ${new Date(reachedMs).toISOString()}, which is what is looked at; wanted a range that begins later`;
  return new WatchpostError("RESOURCE_EXHAUSTED", message);
}
