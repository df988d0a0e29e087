/** WatchDevices: what stands, a mark, then what happens, each once and in order. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Backlog } from "../model/backlog.ts";
import type { JournalEntry, JournalQuery } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import type { Device, DeviceEventSchema, WatchDevicesRequest } from "../wire/gen/devices_pb.ts";
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
import { bareFacts, scopeOf, type DeviceScope } from "./device-filter.ts";
import { messageOf, type MessageDeps } from "./device-message.ts";
import { foundDevice, type Devices } from "./devices.ts";
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
  /** Lets others have a turn. */
  pause(): Promise<void>;
}

/** Changes that wait for a reader, and their characters; one that is further behind is disconnected. */
const BOUNDS = { waitingMax: 10_000, sizeMax: 16 * 1024 * 1024, what: "changes of devices" };
const ENTRIES_AT_ONCE = 500;
/** Messages of a snapshot in one turn. */
const TOLD_AT_ONCE = 500;

/** Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind, and as `positionOf` does. */
export async function* watchDevices(
  request: WatchDevicesRequest,
  deps: WatchDeps,
  signal: AbortSignal,
): AsyncGenerator<DeviceEventMessage, void> {
  const { journal, devices } = deps;
  const scope = scopeOf(request);
  let position: number | undefined = request.cursor === "" ? undefined : journal.positionOf(request.cursor);
  using backlog = new Backlog<ToldDevice>(BOUNDS, signal, (add) =>
    devices.follow((told) => {
      const { event } = told;
      const isSeen = event.kind !== "deleted" && scope.takes(event.device!, event.device!.status);
      if (isSeen || isSeenBefore(event, scope)) add(told);
    }),
  );
  const beganAt = journal.lastPosition;
  if (position === undefined) {
    // Of those that change while they are read the change is told behind them, too.
    const isSeen = (record: DeviceRecord) => scope.takes(record.stored ?? bareFacts(record), record.standing.status);
    const pause = () => deps.pause();
    for (const [i, record] of (await byId(deps.book.told(), isSeen, pause)).entries()) {
      if (signal.aborted) return;
      if (i > 0 && i % TOLD_AT_ONCE === 0) await deps.pause();
      yield { kind: "snapshot", device: messageOf(record, false, deps) };
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
      if (told !== undefined) yield* messagesOf(told, scope, journal.cursorOf(entry.position));
    }
    const last: number = entries.at(-1)?.position ?? position;
    position = entries.length < ENTRIES_AT_ONCE ? Math.max(beganAt, last) : last;
  }
  if (request.cursor !== "") yield* flappingOnes(deps, scope, journal.cursorOf(position));
  for await (const told of backlog.changes()) {
    if (told.position !== undefined && told.position <= position) continue;
    position = told.position ?? position;
    yield* messagesOf(told, scope, journal.cursorOf(position));
  }
}

/** How those stand that changed too often for the journal to have it all. */
async function* flappingOnes(
  { book, pause }: WatchDeps,
  scope: DeviceScope,
  cursor: string,
): AsyncGenerator<DeviceEventMessage, void> {
  // By whichever status their filter has taken them.
  const isWanted = (record: DeviceRecord) =>
    record.standing.isFlapping && STATUSES.some((status) => scope.takes(record.stored ?? bareFacts(record), status));
  for (const record of await byId(book.told(), isWanted, pause)) {
    const { id, stored, standing } = record;
    const { status: previousStatus, sinceMs: atMs } = standing;
    const device = withStanding(factsOf(stored ?? foundDevice(record)), standing);
    const told = toldOfHeld({ device, previousStatus, atMs, actor: SYSTEM });
    if (scope.takes(device, previousStatus)) yield* messagesOf(told, scope, cursor);
    else yield { kind: "left", device: { deviceId: id }, actor: SYSTEM, cursor };
  }
}

function* messagesOf(
  { event, id }: ToldDevice,
  scope: DeviceScope,
  cursor: string,
): Generator<DeviceEventMessage, void> {
  const wasSeen = isSeenBefore(event, scope);
  const isSeen = event.kind !== "deleted" && scope.takes(event.device!, event.device!.status);
  if (!wasSeen && !isSeen) return;
  const { time, actor } = event;
  if (isSeen) yield { ...event, cursor };
  else {
    const kind = event.kind === "deleted" ? "deleted" : "left";
    yield { kind, device: { deviceId: id }, actor, cursor, ...(time && { time }) };
  }
}

function isSeenBefore({ kind, device, before, previousStatus }: ToldDevice["event"], scope: DeviceScope): boolean {
  if (kind === "status") return scope.takes(device as Device, previousStatus);
  return before !== undefined && scope.takes(before, before.status);
}
