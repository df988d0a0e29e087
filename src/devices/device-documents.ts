/**
 * Devices in the journal. An event's payload is a DeviceEvent as protobuf JSON, whose device says all that filters ask for.
 * Documents: devices that somebody registered or that said something of themselves; when others were found in the data; how each
 * one stands; and which were deleted whose points are still there, so that a start does not find them in those. Pure.
 */
import { create, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { WatchpostError } from "../model/errors.ts";
import type { DocumentChange, JournalEntry, JournalEvent } from "../model/journal.ts";
import { DeviceEventSchema, DeviceSchema, type Device, type DeviceEvent } from "../wire/gen/devices_pb.ts";
import { plain } from "./change-device.ts";
import type { SavedStatus } from "./status/status.ts";

export const DEVICE_EVENT = "device";
export const DEVICES = "device";
export const FOUND_DEVICES = "device-found";
export const DEVICE_STATUSES = "device-status";
export const DELETED_DEVICES = "device-deleted";
/** What the server itself does. */
export const SYSTEM = "system";
/** About what tags and reasons take. */
const HELD_SIZE = 1_000;
const READ = { ignoreUnknownFields: true };

export type EventKind = "registered" | "updated" | "status" | "deleted";

/** A change as it was told. */
export interface ToldDevice {
  /** In the journal; undefined: it is not there, since the device changes too often, or not yet. */
  readonly position: number | undefined;
  readonly id: string;
  readonly event: DeviceEvent;
  /** Characters it takes, about. */
  readonly size: number;
}

/** How a device stands, as it was told. */
export interface Standing {
  readonly status: string;
  /** Unix milliseconds; 0: it never had another one. */
  readonly sinceMs: number;
  readonly reason: string;
  readonly isFlapping: boolean;
}

export const NEVER_SEEN: Standing = { status: "never_seen", sinceMs: 0, reason: "", isFlapping: false };

/** Of its events: what no session, issue or alert is called. */
export function subjectOf(id: string): string {
  return `device/${id}`;
}

/** What events were made of, so that whoever made one need not read it again. */
const messages = new WeakMap<JournalEvent, DeviceEvent>();

export interface EventFacts {
  readonly kind: EventKind;
  readonly device: Device;
  readonly before?: Device;
  readonly changed?: readonly string[];
  readonly previousStatus?: string;
  readonly omitted?: number;
  readonly atMs: number;
  readonly actor: string;
}

export function journalEvent(facts: EventFacts): JournalEvent {
  const { kind, device, before, changed = [], previousStatus = "", omitted = 0, atMs, actor } = facts;
  const told = { kind, device, changed: [...changed], previousStatus, omitted: BigInt(omitted) };
  const event = create(DeviceEventSchema, { ...told, ...(before && { before }) });
  const payload = toJsonString(DeviceEventSchema, event);
  const made = { atMs, kind: DEVICE_EVENT, subject: subjectOf(device.deviceId), actor, payload };
  messages.set(made, event);
  return made;
}

/** Inverse of {@link journalEvent}; `made`: what the entry may be of. Throws for what is none. */
export function toldOfEntry({ payload, position, atMs, actor }: JournalEntry, made?: JournalEvent): ToldDevice {
  const known = made?.payload === payload ? messages.get(made) : undefined;
  const event = known ?? fromJsonString(DeviceEventSchema, payload, READ);
  if (event.device === undefined) throw new WatchpostError("DATA_LOSS", "it names no device");
  event.time = timestampFromMs(atMs);
  event.actor = actor;
  return { position, id: event.device.deviceId, event, size: payload.length };
}

/** A change of the status that is for no journal. */
export function toldOfHeld({
  device,
  previousStatus,
  atMs,
  actor,
}: Pick<EventFacts, "device" | "atMs" | "actor"> & { readonly previousStatus: string }): ToldDevice {
  const event = create(DeviceEventSchema, { kind: "status", device, previousStatus, actor });
  event.time = timestampFromMs(atMs);
  return { position: undefined, id: device.deviceId, event, size: HELD_SIZE };
}

/** What filters look at, and what it is called. */
export function factsOf({ deviceId, name, type, site, parent, tags }: Device): Device {
  return create(DeviceSchema, { deviceId, name, type, site, parent, tags });
}

export function withStanding(device: Device, { status, sinceMs, reason, isFlapping }: Standing): Device {
  device.status = status;
  device.statusReason = reason;
  device.isFlapping = isFlapping;
  if (sinceMs > 0) device.statusSince = timestampFromMs(sinceMs);
  return device;
}

export function standingOf({ status, statusSince, statusReason, isFlapping }: Device): Standing {
  if (status === "" || status === NEVER_SEEN.status) return NEVER_SEEN;
  return { status, sinceMs: statusSince ? timestampMs(statusSince) : 0, reason: statusReason, isFlapping };
}

/** As it is written down: without how it stands. */
export function storedPart(device: Device): Device {
  const { isRegistered, createdAt, updatedAt, revision } = device;
  return create(DeviceSchema, {
    ...plain(device),
    isRegistered,
    revision,
    ...(createdAt && { createdAt }),
    ...(updatedAt && { updatedAt }),
  });
}

export function documentOfDevice(device: Device): DocumentChange {
  return { collection: DEVICES, key: device.deviceId, sort: 0, value: toJsonString(DeviceSchema, device) };
}

/** Inverse of {@link documentOfDevice}. Throws for what is none. */
export function deviceOfDocument(text: string): Device {
  return fromJsonString(DeviceSchema, text, READ);
}

/** Its time stands in its place in the order; how it stood then is all there is to it until more is written of that. */
export function documentOfFound(id: string, atMs: number, saved: SavedStatus | undefined): DocumentChange {
  return { collection: FOUND_DEVICES, key: id, sort: atMs, value: saved === undefined ? "{}" : JSON.stringify(saved) };
}

/** Inverse of {@link documentOfFound}. Throws for what is none. */
export function statusOfFound(text: string): SavedStatus | undefined {
  return text === "{}" ? undefined : statusOfDocument(text);
}

/** Written when it changes, and when more was learned of it. */
export function documentOfStatus(id: string, saved: SavedStatus): DocumentChange {
  return { collection: DEVICE_STATUSES, key: id, sort: 0, value: JSON.stringify(saved) };
}

/** Inverse of {@link documentOfStatus}. Throws for what is none. */
export function statusOfDocument(text: string): SavedStatus {
  const saved = JSON.parse(text) as SavedStatus | null;
  if (typeof saved?.status === "string" && Array.isArray(saved.gapsMs)) return saved;
  throw new WatchpostError("DATA_LOSS", "it is no status as this version writes them");
}

export function removalsOf(id: string, hasPoints: boolean): DocumentChange[] {
  const removed = [DEVICES, FOUND_DEVICES, DEVICE_STATUSES].map((collection) => ({
    ...{ collection, key: id, sort: 0 },
    value: null,
  }));
  return hasPoints ? [...removed, { collection: DELETED_DEVICES, key: id, sort: 0, value: "{}" }] : removed;
}

/** It is there again. */
export function removalOfDeleted(id: string): DocumentChange {
  return { collection: DELETED_DEVICES, key: id, sort: 0, value: null };
}
