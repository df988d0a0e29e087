/** WatchDevices: what stands, a mark, then what happens, each once and in order. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Backlog } from "../model/backlog.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import type { Device, DeviceEvent, DeviceEventSchema, WatchDevicesRequest } from "../wire/gen/devices_pb.ts";
import { byId } from "./by-id.ts";
import type { DeviceBook, DeviceRecord } from "./device-book.ts";
import {
  DEVICE_EVENT,
  factsOf,
  SYSTEM,
  toldOfEntry,
  toldOfHeld,
  withStanding,
  type ToldDevice,
} from "./device-documents.ts";
import { bareFacts, filterOf, type DeviceTaker } from "./device-filter.ts";
import { messageOf, type MessageDeps } from "./device-message.ts";
import { foundDevice, type Devices } from "./devices.ts";
import { learnReadings } from "./learn-readings.ts";
import type { DeviceSight, SeenDevices } from "./seen-devices.ts";
import { STATUSES } from "./status/status.ts";

export type DeviceEventMessage = MessageInitShape<typeof DeviceEventSchema>;

export interface DeviceReader {
  read(query: JournalQuery): Promise<readonly JournalEntry[]>;
  cursorOf(position: number): string;
  /** Throws INVALID_ARGUMENT for what no cursor is, OUT_OF_RANGE where nobody can go on from it. */
  positionOf(cursor: string): number;
  readonly lastPosition: number;
}

export interface WatchDeps extends MessageDeps {
  readonly book: DeviceBook;
  readonly devices: Devices;
  readonly journal: DeviceReader;
  readonly setAside: SetAside;
  readonly seen: Pick<SeenDevices, "onShifted" | "checkResumable">;
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

/** Changes that wait for a reader, and their characters; one that is further behind is disconnected. */
const BOUNDS = { waitingMax: 10_000, sizeMax: 16 * 1024 * 1024, what: "changes of devices" };
const ENTRIES_AT_ONCE = 500;
const SHIFT_SIZE = 100;
/** Messages of a snapshot in one turn. */
const TOLD_AT_ONCE = 500;

/** What a reader has been told of, and may be. */
interface Reader {
  readonly filter: DeviceTaker;
  readonly sight: DeviceSight;
  /** Undefined: whoever sees everything needs no book on it. */
  readonly shown: Set<string> | undefined;
  /** All that it was told of is in {@link shown}: what changes is no others' business. */
  isCaughtUp: boolean;
}

/** A device that may be in other scopes now, without an event that says so. */
interface Shift {
  readonly shifted: string;
  readonly size: number;
}

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind, OUT_OF_RANGE for its scope, and as `positionOf` does. */
export async function* watchDevices(
  request: WatchDevicesRequest,
  sight: DeviceSight,
  deps: WatchDeps,
  signal: AbortSignal,
): AsyncGenerator<DeviceEventMessage, void> {
  const { journal, devices, seen } = deps;
  const isWhole = sight.scope.isEverything;
  const reader: Reader = {
    filter: filterOf(request),
    sight,
    shown: isWhole ? undefined : new Set(),
    isCaughtUp: false,
  };
  const from = request.cursor === "" ? undefined : journal.positionOf(request.cursor);
  if (from !== undefined) seen.checkResumable(sight.scope, from);
  let position = from;
  using backlog = new Backlog<ToldDevice | Shift>(BOUNDS, signal, (add) => {
    const stops = [
      devices.follow((told) => isFor(told, reader) && add(told)),
      isWhole ? () => {} : seen.onShifted((shifted) => add({ shifted, size: SHIFT_SIZE })),
    ];
    return () => stops.forEach((stop) => stop());
  });
  const beganAt = journal.lastPosition;
  if (position === undefined) {
    // Of those that change while they are read the change is told behind them, too.
    const isSeen = (record: DeviceRecord) => isSeenNow(record, reader);
    const pause = () => deps.pause();
    const records = await byId(deps.book.told(), isSeen, pause);
    for (const [i, record] of records.entries()) {
      if (signal.aborted) return;
      if (i > 0 && i % TOLD_AT_ONCE === 0) await deps.pause();
      if (i % TOLD_AT_ONCE === 0) await learnReadings(records.slice(i, i + TOLD_AT_ONCE), false, deps);
      if (!sight.sees(record.id)) continue;
      reader.shown?.add(record.id);
      yield { kind: "snapshot", device: messageOf(record, false, deps, sight.seesSeries) };
    }
    position = beganAt;
    yield { kind: "snapshot_end", cursor: journal.cursorOf(position) };
  }
  while (position < beganAt && !signal.aborted) {
    const entries = await journal.read({ after: position, limit: ENTRIES_AT_ONCE, kind: DEVICE_EVENT });
    // Of what went by its age while it was read nobody knows whether it is missing.
    journal.positionOf(journal.cursorOf(position));
    for (const entry of entries) {
      const told = deps.setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
      if (told !== undefined) yield* messagesOf(told, reader, journal.cursorOf(entry.position));
    }
    const last: number = entries.at(-1)?.position ?? position;
    position = entries.length < ENTRIES_AT_ONCE ? Math.max(beganAt, last) : last;
  }
  if (from !== undefined) {
    yield* flappingOnes(deps, reader, journal.cursorOf(position));
    await noteShown(reader, deps);
    seen.checkResumable(sight.scope, from);
  }
  reader.isCaughtUp = true;
  for await (const told of backlog.changes()) {
    if ("shifted" in told) yield* shiftOf(told.shifted, reader, deps, journal.cursorOf(position));
    else if (told.position === undefined || told.position > position) {
      position = told.position ?? position;
      yield* messagesOf(told, reader, journal.cursorOf(position));
    }
  }
}

/** What a reader that goes on has of those that nothing happened to. */
async function noteShown(reader: Reader, { book, pause }: WatchDeps): Promise<void> {
  if (reader.shown === undefined) return;
  for (const { id } of await byId(book.told(), (record) => isSeenNow(record, reader), pause)) reader.shown.add(id);
}

function* shiftOf(id: string, reader: Reader, deps: WatchDeps, cursor: string): Generator<DeviceEventMessage, void> {
  const { shown, sight } = reader;
  const record = deps.book.get(id);
  const isSeen = record?.isTold === true && isSeenNow(record, reader);
  if (shown === undefined || isSeen === shown.has(id)) return;
  if (isSeen) {
    shown.add(id);
    yield { kind: "updated", device: messageOf(record, false, deps, sight.seesSeries), actor: SYSTEM, cursor };
  } else {
    shown.delete(id);
    yield { kind: "left", device: { deviceId: id }, actor: SYSTEM, cursor };
  }
}

/** How those stand that changed too often for the journal to have it all. */
async function* flappingOnes(
  { book, pause }: WatchDeps,
  { filter, sight }: Reader,
  cursor: string,
): AsyncGenerator<DeviceEventMessage, void> {
  // By whichever status their filter has taken them.
  const isWanted = (record: DeviceRecord) =>
    record.standing.isFlapping &&
    STATUSES.some((status) => filter.takes(record.stored ?? bareFacts(record), status)) &&
    sight.sees(record.id);
  for (const record of await byId(book.told(), isWanted, pause)) {
    const { id, stored, standing } = record;
    if (!sight.sees(id)) continue;
    const { status: previousStatus, sinceMs: atMs } = standing;
    const device = withStanding(factsOf(stored ?? foundDevice(record)), standing);
    const { event } = toldOfHeld({ device, previousStatus, atMs, actor: SYSTEM });
    if (filter.takes(device, previousStatus)) yield { ...event, cursor };
    else yield { kind: "left", device: { deviceId: id }, actor: SYSTEM, cursor };
  }
}

function* messagesOf(told: ToldDevice, reader: Reader, cursor: string): Generator<DeviceEventMessage, void> {
  const { id, event } = told;
  const wasSeen = isSeenBefore(told, reader);
  const isSeen = isSeenAfter(told, reader);
  if (!wasSeen && !isSeen) return;
  const { time, actor } = event;
  if (isSeen) {
    reader.shown?.add(id);
    yield { ...withoutUnseen(told, reader.sight), cursor };
  } else {
    reader.shown?.delete(id);
    const kind = event.kind === "deleted" ? "deleted" : "left";
    yield { kind, device: { deviceId: id }, actor, cursor, ...(time && { time }) };
  }
}

/** Where it was before it came into the scope is not for those who see a part. */
export function withoutUnseen({ id, event }: ToldDevice, sight: DeviceSight): DeviceEventMessage {
  if (event.before === undefined || sight.seesThen(id, event.before.site)) return event;
  const { before: _, ...others } = event;
  return others;
}

function isFor(told: ToldDevice, reader: Reader): boolean {
  if (isSeenAfter(told, reader)) return true;
  const { shown, isCaughtUp } = reader;
  return shown !== undefined && isCaughtUp ? shown.has(told.id) : isSeenBefore(told, reader);
}

function isSeenNow(record: DeviceRecord, { filter, sight }: Reader): boolean {
  return filter.takes(record.stored ?? bareFacts(record), record.standing.status) && sight.seesRecord(record);
}

function isSeenAfter({ id, event: { kind, device } }: ToldDevice, { filter, sight }: Reader): boolean {
  return kind !== "deleted" && filter.takes(device!, device!.status) && sight.seesThen(id, device!.site);
}

function isSeenBefore({ id, event }: ToldDevice, { filter, sight, shown }: Reader): boolean {
  const { kind, device, before, previousStatus } = event;
  if (shown?.has(id)) return true;
  if (kind === "status") return filter.takes(device as Device, previousStatus) && wasIn(id, device!.site, sight);
  return before !== undefined && filter.takes(before, before.status) && wasIn(id, siteBefore(event), sight);
}

/** Its series may be those of another one by now. */
function wasIn(id: string, site: string, { scope, sees, seesAt }: DeviceSight): boolean {
  return sees(id) || seesAt(id, site) || scope.takes({ source: id, device: id, site });
}

/** That of one that was found in the data is told, and decides nothing. */
function siteBefore({ kind, device, before }: DeviceEvent): string {
  return kind === "updated" && device?.revision === 1n ? "" : before!.site;
}
