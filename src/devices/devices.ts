/**
 * The devices of a server: what people and programs change, and what is told of it. All changes stand in the journal, documents
 * change in the transaction of their events, and memory is what was told.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import type { DeviceEvent as Announcement } from "../model/device-event.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import type { SetAside } from "../model/set-aside.ts";
import { DeviceSchema, type Device } from "../wire/gen/devices_pb.ts";
import { LeftOut, withAnnounced, withIdentity } from "./announced-device.ts";
import { changedFields, isSame, plain, revised, withFields, withSaid } from "./change-device.ts";
import { DEPTH_MAX, type DeviceBook, type DeviceRecord } from "./device-book.ts";
import {
  DEVICE_EVENT,
  documentOfDevice,
  factsOf,
  journalEvent,
  removalOfDeleted,
  NEVER_SEEN,
  removalsOf,
  standingOf,
  storedPart,
  SYSTEM,
  toldOfEntry,
  toldOfHeld,
  withStanding,
  type Standing,
  type ToldDevice,
} from "./device-documents.ts";
import { checkedDevice, deviceIdIn } from "./device-input.ts";
import { refuseOtherRevision } from "./edited-device.ts";
import { checkFree, checkInScope, checkWhole, type Author } from "./limited-author.ts";
import type { DeviceSight, SeenDevices } from "./seen-devices.ts";
import type { Imported, Place } from "./import-problems.ts";
import type { DeviceWriter, Rows } from "./device-writer.ts";

export interface DevicesDeps {
  readonly book: DeviceBook;
  readonly writer: DeviceWriter;
  readonly setAside: SetAside;
  /** At most so many. */
  readonly devicesMax: number;
  nowMs(): number;
  readonly seen: Pick<SeenDevices, "takenOf">;
  /** Whether points of it are stored. */
  hasPoints(record: DeviceRecord): boolean;
  /** Lets others have a turn. */
  pause(): Promise<void>;
  /** It is another one now, or new: `isOther` where more than its status is. */
  onTold(record: DeviceRecord, isOther: boolean): void;
  onRemoved(record: DeviceRecord): void;
}

/** One change of many that are made together. */
export interface Wanted {
  /** Checked, without what the server fills in. */
  readonly device: Device;
  /** Those that change where it is there already. */
  readonly fields: readonly string[];
  readonly place: Place;
  /** The device with what stays of the one that is there; missing: fields change as a whole. */
  kept?(stored: Device): Device;
}

export interface Made {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
}

const DEVICE_BYTES_MAX = 256 * 1024;
/** Of one transaction, with room for what others write. */
const ROWS_MAX = 8_000;
const BYTES_MAX = 4 * 1024 * 1024;
/** Devices of an import that are looked at in one turn: a few milliseconds. */
const PUT_AT_ONCE = 100;

export class Devices {
  readonly #deps: DevicesDeps;
  readonly #listeners = new Set<(told: ToldDevice) => void>();
  /** What is being committed, and how much of it was taken. */
  #committing: readonly JournalEvent[] = [];
  #taken = 0;

  constructor(deps: DevicesDeps) {
    this.#deps = deps;
  }

  /**
   * Throws ALREADY_EXISTS where somebody registered it and it is not to be replaced; RESOURCE_EXHAUSTED where there are as many
   * as may be; INVALID_ARGUMENT, also for what is out of the author's scope; as the journal does.
   */
  register(given: Device, isReplaced: boolean, by: Author): Promise<DeviceRecord> {
    const device = checkedDevice(given);
    checkInScope(device, by);
    return this.#ask(device.deviceId, by, async (rows) => {
      const taken = await this.#deps.seen.takenOf([device.deviceId], by.sight);
      const record = this.#seen(device.deviceId, by);
      if (record?.stored?.isRegistered && !isReplaced) {
        const message = `device ${JSON.stringify(device.deviceId)} is registered already, at revision ${record.stored.revision}; wanted another id, or replace`;
        throw new WatchpostError("ALREADY_EXISTS", message);
      }
      const said = record?.stored?.isRegistered === false && !isReplaced ? record.stored : undefined;
      this.#change(rows, said === undefined ? device : checkedDevice(withSaid(device, said)), by, taken);
    });
  }

  /** Throws NOT_FOUND; ABORTED where it is at another revision, with it in the details; otherwise as {@link register}. */
  update(given: Device, fields: readonly string[], revision: bigint, by: Author): Promise<DeviceRecord> {
    return this.#ask(deviceIdIn(given.deviceId, "device.device_id"), by, (rows) => {
      const record = this.get(given.deviceId, by.sight);
      checkWhole(record, by);
      refuseOtherRevision(record, revision);
      this.#change(rows, withFields(plainOf(record), given, fields), by);
    });
  }

  /**
   * All of them or none; nothing is written with `isDryRun`, or where there are problems: those that were found before and are found
   * here. Throws RESOURCE_EXHAUSTED and INVALID_ARGUMENT for too many, and as the journal does.
   */
  import({ devices: all, problems }: Imported, isDryRun: boolean, by: Author): Promise<Made> {
    const { book, writer, seen, pause } = this.#deps;
    // Nothing else is written of devices meanwhile.
    return writer.ask(async () => {
      const rows = new RowsMade();
      const made = { created: 0, updated: 0, unchanged: 0 };
      const nexts: Device[] = [];
      const ids = all.map(({ device }) => device.deviceId);
      const taken = await seen.takenOf(ids, by.sight);
      for (const { device, fields, place, kept = () => device } of all) {
        if (nexts.length % PUT_AT_ONCE === 0) await pause();
        const { stored } = this.#seen(device.deviceId, by) ?? {};
        const merged = () => (stored === undefined ? device : withFields(plain(stored), kept(stored), fields));
        nexts.push(problems.attempt(place)(merged) ?? device);
      }
      const parents = new Map(nexts.map(({ deviceId, parent }) => [deviceId, parent]));
      for (const [i, next] of nexts.entries()) {
        if (i % PUT_AT_ONCE === 0) await pause();
        const isNew = !book.get(next.deviceId)?.stored?.isRegistered;
        const isChanged = problems.attempt(all[i].place)(() => this.#change(rows, next, by, taken, parents));
        made[!isChanged ? "unchanged" : isNew ? "created" : "updated"]++;
      }
      if (!problems.isEmpty) return { rows: new RowsMade(), result: made };
      this.#refuseTooMany(rows.created, by);
      if (rows.count > ROWS_MAX || rows.bytes > BYTES_MAX) {
        const message = `the import changes ${all.length - made.unchanged} devices, ${rows.bytes} bytes in the journal; wanted at most ${ROWS_MAX / 2} and ${BYTES_MAX} at once: import it in parts`;
        throw new WatchpostError("INVALID_ARGUMENT", message);
      }
      return { rows: isDryRun ? new RowsMade() : rows, result: made };
    });
  }

  /** Its children stay, without a parent. Throws NOT_FOUND, and as the journal does. */
  async delete(id: string, by: Author): Promise<void> {
    for (let isGone = false; !isGone;) {
      isGone = await this.#deps.writer.ask(() => {
        const record = this.get(deviceIdIn(id), by.sight);
        checkWhole(record, by);
        const rows = new RowsMade();
        let isAll = true;
        for (const child of this.#deps.book.childrenOf(id)) {
          const orphan = this.#deps.book.get(child);
          if (orphan?.stored === undefined) continue;
          if (!(isAll = rows.count < ROWS_MAX && rows.bytes < BYTES_MAX)) break;
          this.#put(rows, { ...plain(orphan.stored), parent: "" }, by.name, orphan.stored.isRegistered);
        }
        if (isAll) this.#remove(rows, record, by.name);
        return { rows, result: isAll };
      });
    }
  }

  /** What enters the registry of what a device says of itself; undefined where it is known. Throws where it is no device. */
  announced(announced: Announcement, leftOut: LeftOut): Rows | undefined {
    const { book } = this.#deps;
    const { device: id, parent, ...others } = announced;
    const record = book.get(id);
    const before = plainOf(record, deviceIdIn(id));
    const isCircle = parent === undefined || parent === id || book.parentsOf(parent).includes(id);
    const isParent = !isCircle && leftOut.take(() => this.#refuseCircle({ deviceId: id, parent })) !== undefined;
    const said = { device: id, ...others, ...(isParent ? { parent } : {}) };
    const put = (next: Device): Rows | undefined => {
      if (record?.isTold && isSame(before, next)) return undefined;
      const rows = new RowsMade();
      this.#put(rows, next, SYSTEM, false);
      return rows;
    };
    const all = leftOut.take(() => ({ rows: put(withAnnounced(before, said, leftOut)) }));
    return all === undefined ? put(withIdentity(before, said, new LeftOut())) : all.rows;
  }

  /** Throws NOT_FOUND, also for what is out of sight. */
  get(id: string, sight?: Pick<DeviceSight, "sees">): DeviceRecord {
    const record = this.#deps.book.get(id);
    if (record?.isTold && (sight?.sees(id) ?? true)) return record;
    throw noDevice(id);
  }

  /** Hears of each change from now on, in order, once it is durable. Returns what ends it. */
  follow(listener: (told: ToldDevice) => void): () => void {
    const own = (told: ToldDevice) => listener(told);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** These are committed from now on, and nothing else of devices until they are or cannot be. */
  committing(events: readonly JournalEvent[]): void {
    this.#committing = events;
    this.#taken = 0;
  }

  /** Takes what was committed to the journal. */
  take(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      if (entry.kind !== DEVICE_EVENT) continue;
      const made = this.#committing[this.#taken++];
      const told = this.#deps.setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry, made));
      if (told === undefined) continue;
      this.#take(told);
      for (const listener of [...this.#listeners]) listener(told);
    }
  }

  /** Takes what is not in the journal yet, and is not taken again when it comes into it. */
  takeHeld(events: readonly JournalEvent[]): void {
    for (const event of events) {
      if (event.kind !== DEVICE_EVENT) continue;
      const told = { ...toldOfEntry({ ...event, position: 0 }, event), position: undefined };
      this.#take(told);
      for (const listener of [...this.#listeners]) listener(told);
    }
  }

  /** One that changes too often has another status, which is for no journal: those who hear of changes are told all the same. */
  hold(record: DeviceRecord, standing: Standing, previousStatus: string, by: string): void {
    this.#deps.book.tell(record, standing);
    const device = withStanding(factsOf(record.stored ?? foundDevice(record)), standing);
    const told = toldOfHeld({ device, previousStatus, atMs: standing.sinceMs, actor: by });
    for (const listener of [...this.#listeners]) listener(told);
  }

  #take({ id, event }: ToldDevice): void {
    const { book } = this.#deps;
    const device = event.device!;
    const known = book.get(id);
    const atMs = event.time === undefined ? 0 : timestampMs(event.time);
    if (event.kind === "deleted") {
      if (known === undefined) return;
      if (this.#deps.hasPoints(known)) book.deleted.set(id, atMs);
      book.remove(known);
      return this.#deps.onRemoved(known);
    }
    const record = known ?? book.add(id, device.createdAt === undefined ? atMs : timestampMs(device.createdAt));
    book.deleted.delete(id);
    book.tell(record, standingOf(device));
    const isOther = event.kind !== "status";
    if (isOther && device.revision > 0n) book.setStored(record, storedPart(device));
    this.#deps.onTold(record, isOther);
  }

  #ask(id: string, by: Author, make: (rows: RowsMade) => void | Promise<void>): Promise<DeviceRecord> {
    return this.#deps.writer
      .ask(async () => {
        const rows = new RowsMade();
        await make(rows);
        this.#refuseTooMany(rows.created, by);
        return { rows, result: undefined };
      })
      .then(() => this.get(id));
  }

  /** Undefined also where it is out of sight. */
  #seen(id: string, { sight }: Author): DeviceRecord | undefined {
    return sight.sees(id) ? this.#deps.book.get(id) : undefined;
  }

  /** The same as {@link #put}, by somebody. Throws where it is not theirs to change, or would be out of their scope. */
  #change(
    rows: RowsMade,
    device: Device,
    by: Author,
    taken: ReadonlySet<string> = new Set(),
    parents?: ReadonlyMap<string, string>,
  ): boolean {
    const record = this.#deps.book.get(device.deviceId);
    checkInScope(device, by);
    checkFree(device.deviceId, record, taken, by);
    if (device.parent !== (record?.stored?.parent ?? "")) this.#refuseCircle(device, parents, by.sight.sees);
    return this.#put(rows, device, by.name, true);
  }

  /** Adds what makes a device another one; false where it is the same. Its parent must not be below it. */
  #put(rows: RowsMade, device: Device, by: string, isBySomebody: boolean): boolean {
    const record = this.#deps.book.get(device.deviceId);
    const { stored } = record ?? {};
    if (stored !== undefined && isSame(stored, device) && (stored.isRegistered || !isBySomebody)) return false;
    const atMs = this.#deps.nowMs();
    const next = revised(device, stored, record?.createdMs ?? atMs, atMs, isBySomebody);
    const document = documentOfDevice(next);
    const bytes = Buffer.byteLength(document.value!);
    if (bytes > DEVICE_BYTES_MAX) {
      throw invalidField("device", `${bytes} bytes`, `at most ${DEVICE_BYTES_MAX}: fewer sensors, or shorter texts`);
    }
    const before = record?.isTold ? withStanding(factsOf(stored ?? foundDevice(record)), record.standing) : undefined;
    const event = journalEvent({
      kind: before === undefined ? "registered" : "updated",
      device: withStanding({ ...next }, record?.standing ?? NEVER_SEEN),
      ...(before && { before, changed: changedFields(stored ?? foundDevice(record!), device) }),
      atMs,
      actor: by,
    });
    rows.add(
      [event],
      [document, ...(this.#deps.book.deleted.has(device.deviceId) ? [removalOfDeleted(device.deviceId)] : [])],
    );
    if (record === undefined) rows.created++;
    return true;
  }

  #remove(rows: RowsMade, record: DeviceRecord, by: string): void {
    const device = create(DeviceSchema, { deviceId: record.id });
    const before = withStanding(factsOf(record.stored ?? foundDevice(record)), record.standing);
    const event = journalEvent({ kind: "deleted", device, before, atMs: this.#deps.nowMs(), actor: by });
    rows.add([event], removalsOf(record.id, this.#deps.hasPoints(record)));
  }

  #refuseTooMany(created: number, { sight }: Author): void {
    const { devicesMax, book } = this.#deps;
    if (created === 0 || book.count + created <= devicesMax) return;
    const others = sight.scope.isEverything ? book.count : "those there are";
    const message = `${created} new ${created === 1 ? "device" : "devices"} beside ${others}; the limit of ${devicesMax} devices (devices.max) would be passed`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }

  /** `others`: parents of devices that change together; `sees`: which may be named. */
  #refuseCircle(
    { deviceId, parent: first }: Pick<Device, "deviceId" | "parent">,
    others: ReadonlyMap<string, string> = new Map(),
    sees: (id: string) => boolean = () => true,
  ): true {
    const above: string[] = [];
    for (let parent = first; parent !== "";) {
      above.push(parent);
      if (parent === deviceId) {
        const chain = above.every(sees) ? `: ${above.join(" is below ")}` : "";
        throw invalidField("parent", first, `a device that is not below it${chain}`);
      }
      if (above.length > DEPTH_MAX)
        throw invalidField("parent", first, `at most ${DEPTH_MAX} devices one above the other`);
      parent = others.get(parent) ?? this.#deps.book.get(parent)?.stored?.parent ?? "";
    }
    return true;
  }
}

export function noDevice(id: string): WatchpostError {
  return new WatchpostError("NOT_FOUND", `there is no device ${JSON.stringify(id)}`);
}

/** Of one that was found in the data: all that is known. */
export function foundDevice({ id, createdMs, foundSite }: DeviceRecord): Device {
  return create(DeviceSchema, { deviceId: id, site: foundSite, createdAt: timestampFromMs(createdMs) });
}

function plainOf(record: DeviceRecord | undefined, id = record?.id ?? ""): Device {
  return record?.stored === undefined
    ? create(DeviceSchema, { deviceId: id, site: record?.foundSite ?? "" })
    : plain(record.stored);
}

class RowsMade implements Rows {
  readonly events: JournalEvent[] = [];
  readonly changes: DocumentChange[] = [];
  bytes = 0;
  /** Devices that were not known at all. */
  created = 0;

  get count(): number {
    return this.events.length + this.changes.length;
  }

  add(events: readonly JournalEvent[], changes: readonly DocumentChange[]): void {
    this.events.push(...events);
    this.changes.push(...changes);
    for (const { payload } of events) this.bytes += Buffer.byteLength(payload);
    for (const { value } of changes) this.bytes += Buffer.byteLength(value ?? "");
  }
}
