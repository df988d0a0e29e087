/** What the upstream is told of an entry of this node's journal: calls that change nothing when they come twice. */
import { create, fromJsonString, toBinary } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { JournalEntry } from "../../model/journal.ts";
import { Alerts, PublishAlertRequestSchema } from "../../wire/gen/alerts_pb.ts";
import {
  DeviceEventSchema,
  Devices,
  RegisterDeviceRequestSchema,
  ReportDeviceRequestSchema,
} from "../../wire/gen/devices_pb.ts";

export interface EventCall {
  readonly method: DescMethod;
  readonly request: Uint8Array;
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
/** The longest there is: it ends with a call, too. */
const EXPIRES_AFTER = "30d";
const GONE: ReadonlySet<string> = new Set(["offline", "stale"]);

/** `name`: what the upstream calls this node. Undefined: it is not told. Throws for an entry that cannot be read. */
export function callOfEntry(entry: JournalEntry, name: string): EventCall | undefined {
  if (entry.kind === "alert") return alertCall(entry, name);
  return entry.kind === "device" ? deviceCall(entry, name) : undefined;
}

function alertCall({ payload }: JournalEntry, name: string): EventCall {
  const { alert } = JSON.parse(payload) as { readonly alert: AlertFacts };
  const { labels, title, description = "", value = NaN, metric, source, device } = alert.says;
  const told: Record<string, string> = { ...labels };
  for (const [key, text] of Object.entries({ metric, source, device, [ORIGIN]: name })) {
    const hasRoom = Object.keys(told).length < LABELS_MAX;
    if (text !== undefined && text !== "" && hasRoom) told[key] ??= text;
  }
  const request = create(PublishAlertRequestSchema, {
    ...{ rule: alert.rule, severity: alert.severity, labels: told, title, description, value },
    cleared: (alert.clearedAtMs ?? null) !== null,
    expiresAfter: EXPIRES_AFTER,
  });
  return { method: Alerts.method.publishAlert, request: toBinary(PublishAlertRequestSchema, request) };
}

/** What people say of devices, and that one leaves or comes back. Those that are found in the data are found there, too. */
function deviceCall({ payload, atMs }: JournalEntry, name: string): EventCall | undefined {
  const { kind, device, previousStatus } = fromJsonString(DeviceEventSchema, payload, { ignoreUnknownFields: true });
  if (device === undefined) return undefined;
  const { deviceId, status, statusReason } = device;
  if (kind === "registered" || kind === "updated") {
    if (!device.isRegistered) return undefined;
    const request = create(RegisterDeviceRequestSchema, { device, replace: true, userId: name });
    return { method: Devices.method.registerDevice, request: toBinary(RegisterDeviceRequestSchema, request) };
  }
  const isDeath = status === "offline";
  const isBirth = status === "online" && GONE.has(previousStatus);
  if (kind !== "status" || (!isDeath && !isBirth)) return undefined;
  const request = create(ReportDeviceRequestSchema, {
    ...{ deviceId, kind: isDeath ? "death" : "birth", reason: statusReason, userId: name },
    time: timestampFromMs(atMs),
  });
  return { method: Devices.method.reportDevice, request: toBinary(ReportDeviceRequestSchema, request) };
}
