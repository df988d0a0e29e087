/** What the upstream is told of an entry of this node's journal, and of what stands: calls that change nothing when they come twice. */
import { create, fromJsonString, toBinary, type DescMethod } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { StatusName } from "../../model/errors.ts";
import type { JournalEntry } from "../../model/journal.ts";
import { Alerts, PublishAlertRequestSchema, type Alert } from "../../wire/gen/alerts_pb.ts";
import {
  DeviceEventSchema,
  Devices,
  RegisterDeviceRequestSchema,
  ReportDeviceRequestSchema,
  UpdateDeviceRequestSchema,
  type Device,
} from "../../wire/gen/devices_pb.ts";

export interface EventCall {
  readonly method: DescMethod;
  readonly request: Uint8Array;
  /** For people, such as `alert "door_open"`. */
  readonly about: string;
  /** Calls of one key are made in order. */
  readonly key: string;
  /** Fails so where it is done already. */
  readonly isDoneOn?: StatusName;
  /** What is called instead where it fails with NOT_FOUND. */
  readonly ifNotFound?: EventCall;
}

/** As far as it is told; what is left out is empty. */
interface AlertFacts {
  readonly rule: string;
  readonly severity: string;
  readonly clearedAtMs?: number | null;
  readonly says: {
    readonly labels: Readonly<Record<string, string>>;
    readonly title: string;
    readonly description?: string;
    readonly value?: number;
    readonly metric?: string;
    readonly source?: string;
    readonly device?: string;
  };
}

const LABELS_MAX = 64;
/** Whose alert it is: that of the node that raised it first. */
const ORIGIN = "origin";
/** The longest there is. It ends with a call, and is told anew while it stands. */
const EXPIRES_AFTER = "30d";
const FIRST_REVISION = 1n;
const GONE: ReadonlySet<string> = new Set(["offline", "stale"]);

/** `name`: what the upstream calls this node. Undefined: it is not told. Throws for an entry that cannot be read. */
export function callOfEntry({ kind, payload, atMs }: JournalEntry, name: string): EventCall | undefined {
  if (kind === "alert") return alertCall((JSON.parse(payload) as { readonly alert: AlertFacts }).alert, name);
  return kind === "device" ? deviceCall(payload, atMs, name) : undefined;
}

/** An alert that is active. */
export function callOfAlert({ rule, severity, labels, title, description, value, context }: Alert, name: string) {
  const { metric, source, device } = context;
  const says = { labels, title, description, value };
  const about = Object.entries({ metric, source, device }).filter(([, text]) => text !== undefined);
  return alertCall({ rule, severity, says: { ...says, ...Object.fromEntries(about) } }, name);
}

/** A device as it stands: what is said of it, and that it is gone. */
export function callsOfDevice(device: Device, name: string): EventCall[] {
  const { status, statusSince } = device;
  return [
    ...(isSaid(device) ? [registerCall(device, name)] : []),
    // One whose points are still on their way is not known there yet.
    ...(status === "offline"
      ? [{ ...reportCall(device, "death", statusSince, name), isDoneOn: "NOT_FOUND" as const }]
      : []),
  ];
}

function alertCall({ rule, severity, clearedAtMs = null, says }: AlertFacts, name: string): EventCall {
  const { labels, title, description = "", value = NaN, metric, source, device } = says;
  const told: Record<string, string> = { ...labels };
  for (const [key, text] of Object.entries({ metric, source, device, [ORIGIN]: name })) {
    const hasRoom = Object.keys(told).length < LABELS_MAX;
    if (text !== undefined && text !== "" && hasRoom) told[key] ??= text;
  }
  const cleared = clearedAtMs !== null;
  const request = create(PublishAlertRequestSchema, {
    ...{ rule, severity, labels: told, title, description, value, cleared },
    expiresAfter: EXPIRES_AFTER,
  });
  return {
    method: Alerts.method.publishAlert,
    request: toBinary(PublishAlertRequestSchema, request),
    about: `alert ${JSON.stringify(rule)}`,
    key: JSON.stringify([rule, Object.entries(told).sort(([a], [b]) => (a < b ? -1 : 1))]),
    ...(cleared && { isDoneOn: "NOT_FOUND" as const }),
  };
}

/** What is said of devices, and that one leaves or comes back. Those that are found in the data are found there, too. */
function deviceCall(payload: string, atMs: number, name: string): EventCall | undefined {
  const event = fromJsonString(DeviceEventSchema, payload, { ignoreUnknownFields: true });
  const { kind, device, previousStatus, changed } = event;
  if (device === undefined) return undefined;
  if (kind === "registered" || kind === "updated") {
    if (!isSaid(device)) return undefined;
    const register = registerCall(device, name);
    if (device.revision === FIRST_REVISION || changed.length === 0) return register;
    const request = create(UpdateDeviceRequestSchema, { device, fields: changed, userId: name });
    return {
      ...{ method: Devices.method.updateDevice, request: toBinary(UpdateDeviceRequestSchema, request) },
      ...{ ...namesOf(device), ifNotFound: register },
    };
  }
  if (kind !== "status") return undefined;
  if (device.status === "offline") return reportCall(device, "death", timestampFromMs(atMs), name);
  const isBirth = device.status === "online" && GONE.has(previousStatus);
  return isBirth ? reportCall(device, "birth", timestampFromMs(atMs), name) : undefined;
}

/** One that is registered there already stays as it is. */
function registerCall(device: Device, name: string): EventCall {
  const request = create(RegisterDeviceRequestSchema, { device, userId: name });
  return {
    ...{ method: Devices.method.registerDevice, request: toBinary(RegisterDeviceRequestSchema, request) },
    ...{ ...namesOf(device), isDoneOn: "ALREADY_EXISTS" },
  };
}

/** Somebody registered it, or it told of itself: otherwise it has no revision. */
function isSaid({ revision }: Device): boolean {
  return revision >= FIRST_REVISION;
}

function reportCall(device: Device, kind: "birth" | "death", time: Device["statusSince"], name: string): EventCall {
  const { deviceId, statusReason } = device;
  const facts = { deviceId, kind, reason: statusReason, userId: name };
  const request = create(ReportDeviceRequestSchema, { ...facts, ...(time && { time }) });
  return {
    ...{ method: Devices.method.reportDevice, request: toBinary(ReportDeviceRequestSchema, request) },
    ...namesOf(device),
  };
}

function namesOf({ deviceId }: Device): Pick<EventCall, "about" | "key"> {
  return { about: `device ${JSON.stringify(deviceId)}`, key: `device/${deviceId}` };
}
