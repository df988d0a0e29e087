/** The Devices service, over messages. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../model/clock.ts";
import { invalidField, WatchpostError } from "../model/errors.ts";
import { textIn } from "../model/texts.ts";
import { actorOf } from "../wire/actor.ts";
import {
  Devices as Service,
  type Device,
  type GetDeviceRequest,
  type ReportDeviceRequest,
} from "../wire/gen/devices_pb.ts";
import { serverStreaming, unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import type { DeviceRecord } from "./device-book.ts";
import { DEVICE_EVENT, subjectOf, toldOfEntry } from "./device-documents.ts";
import type { DeviceHearing } from "./device-hearing.ts";
import { deviceIdIn } from "./device-input.ts";
import { messageOf } from "./device-message.ts";
import type { DeviceWriter } from "./device-writer.ts";
import { noDevice } from "./devices.ts";
import { inTurns } from "./in-turns.ts";
import { learnReadings } from "./learn-readings.ts";
import { outOfScope, type Author } from "./limited-author.ts";
import { listDevices, type ListDeps } from "./list-devices.ts";
import type { DeviceSight, SeenDevices } from "./seen-devices.ts";
import { senderSight } from "./sender-sight.ts";
import { watchDevices, withoutUnseen, type WatchDeps } from "./watch-devices.ts";
import { watchLastSeen } from "./watch-last-seen.ts";

export interface DeviceServiceDeps extends WatchDeps, ListDeps {
  readonly hearing: DeviceHearing;
  readonly writer: DeviceWriter;
  readonly clock: Clock;
  readonly seen: SeenDevices;
  /** Whether any series is known to be of it. */
  hasPoints(deviceId: string): boolean;
  nowMs(): number;
}

const EVENTS_MAX = 1_000;
const REASON_BYTES_MAX = 1_024;
/** Clocks of callers may be ahead of this one: as far as those of readings, where nothing else is set. */
const AHEAD_MS_MAX = 600_000;

export function deviceMethods(deps: DeviceServiceDeps): MethodImpl[] {
  const { devices, seen } = deps;
  const { method } = Service;
  const sightOf = ({ principal }: CallContext) => seen.of(principal.scope);
  const authorOf = (userId: string, context: CallContext): Author => {
    return { name: actorOf(userId, context), sight: sightOf(context) };
  };
  /** The same, of whoever may be one that sends and nothing else. */
  const senderOf = async (userId: string, deviceId: string, context: CallContext): Promise<Author> => {
    const { name, sight } = authorOf(userId, context);
    return { name, sight: isSender(context) ? await senderSight(deviceId, context.principal, deps) : sight };
  };
  const answer = (record: DeviceRecord, { seesSeries }: DeviceSight) => {
    return { device: messageOf(record, true, deps, seesSeries) };
  };
  /** Who sends is not told what others have said. */
  const answerTo = (context: CallContext, record: DeviceRecord, sight: DeviceSight) =>
    isSender(context) ? { device: { deviceId: record.id, status: record.standing.status } } : answer(record, sight);
  return [
    unary(method.registerDevice, async ({ device, replace, userId }, context) => {
      if (replace) refuseReplacing(context);
      const by = await senderOf(userId, given(device).deviceId, context);
      return answerTo(context, await devices.register(given(device), replace, by), by.sight);
    }),
    unary(method.updateDevice, async ({ device, fields, revision, userId }, context) => {
      if (fields.length === 0) throw invalidField("fields", "", 'names of what changes, such as "name"');
      const by = await senderOf(userId, given(device).deviceId, context);
      return answerTo(context, await devices.update(given(device), fields, revision, by), by.sight);
    }),
    unary(method.getDevice, async (request, context) => {
      const sight = sightOf(context);
      const record = devices.get(deviceIdIn(request.deviceId), sight);
      await learnReadings([record], true, deps);
      return { ...answer(record, sight), events: await eventsOf(request, sight, deps) };
    }),
    unary(method.listDevices, (request, context) => listDevices(request, sightOf(context), deps)),
    unary(method.deleteDevice, async ({ deviceId, userId }, context) => {
      await devices.delete(deviceId, authorOf(userId, context));
      return {};
    }),
    serverStreaming(method.watchLastSeen, (request, context) =>
      watchLastSeen(request, sightOf(context), deps, context.signal),
    ),
    serverStreaming(method.watchDevices, (request, context) =>
      watchDevices(request, sightOf(context), deps, context.signal),
    ),
    unary(method.importDevices, async ({ format, content, isDryRun, userId }, context) => {
      const by = authorOf(userId, context);
      const { importedDevices } = await import("./imported-devices.ts");
      const imported = await inTurns(importedDevices(format, content), () => deps.pause());
      const made = await devices.import(imported, isDryRun, by);
      return imported.problems.isEmpty ? made : { problems: imported.problems.sorted };
    }),
    unary(method.reportDevice, async (request, context) => {
      const by = await senderOf(request.userId, request.deviceId, context);
      refuseOutOfScope(request, by);
      const { record, ignored } = await report(request, by.name, deps);
      return { ...answerTo(context, record, by.sight), ignored };
    }),
  ];
}

function isSender({ principal }: CallContext): boolean {
  return principal.role === "ingest";
}

/** What others have said of a device is not a sender's to take away. */
function refuseReplacing(context: CallContext): void {
  if (!isSender(context)) return;
  const { name, role } = context.principal;
  const message = `${name} has the role ${role}, which may not replace what is registered; wanted operator or admin`;
  throw new WatchpostError("PERMISSION_DENIED", message);
}

function given(device: Device | undefined): Device {
  if (device === undefined) throw invalidField("device", "", "a device");
  return device;
}

async function eventsOf(
  { deviceId, events }: GetDeviceRequest,
  sight: DeviceSight,
  { journal, setAside }: DeviceServiceDeps,
) {
  if (events < 0 || events > EVENTS_MAX) throw invalidField("events", events, `0 to ${EVENTS_MAX}`);
  if (events === 0) return [];
  const query = { after: 0, limit: events, descending: true, kind: DEVICE_EVENT, subject: subjectOf(deviceId) };
  const entries = await journal.read(query);
  return entries.flatMap((entry) => {
    const told = setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
    if (told === undefined || !sight.seesThen(deviceId, told.event.device!.site)) return [];
    return [{ ...withoutUnseen(told, sight), cursor: journal.cursorOf(entry.position) }];
  });
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** One that would be made known is refused by name; any other is as if it were not there. */
function refuseOutOfScope({ deviceId, kind, mustBeKnown }: ReportDeviceRequest, by: Author): void {
  if (by.sight.sees(deviceId)) return;
  throw kind === "death" || mustBeKnown ? noDevice(deviceId) : outOfScope("device_id", deviceId, by);
}

/** Resolves once what comes of it is durable. */
async function report(
  request: ReportDeviceRequest,
  by: string,
  deps: DeviceServiceDeps,
): Promise<{ readonly record: DeviceRecord; readonly ignored: string }> {
  const { kind, time } = request;
  const { devices, hearing, writer, nowMs } = deps;
  const device = deviceIdIn(request.deviceId);
  if (kind !== "birth" && kind !== "death") throw invalidField("kind", kind, '"birth" or "death"');
  if (kind === "death" || request.mustBeKnown) devices.get(device);
  const said = textIn(request.reason, "reason", REASON_BYTES_MAX);
  const reason = said || (kind === "birth" ? `${by} said that it is there` : `${by} said that it left`);
  const timeMs = time === undefined ? nowMs() : timestampMs(time);
  if (timeMs > nowMs() + AHEAD_MS_MAX) {
    throw invalidField("time", isoOf(timeMs), `at most ten minutes from now, which is ${isoOf(nowMs())} here`);
  }
  const taken = hearing.event({ kind, device, timeMs, reason }, by);
  if (taken === "full") {
    const message = `device ${JSON.stringify(device)} is not made known: as many devices as may be (devices.max) are`;
    throw new WatchpostError("RESOURCE_EXHAUSTED", message);
  }
  await hearing.noted();
  if (!(await writer.tried())) {
    const message = `the ${kind} of device ${JSON.stringify(device)} is not written yet: the journal cannot be; it is tried on`;
    throw new WatchpostError("UNAVAILABLE", message);
  }
  const record = devices.get(device);
  const isIgnored = taken === "ignored";
  return { record, ignored: isIgnored ? whyIgnored(kind, timeMs, record, deps) : "" };
}

function whyIgnored(
  kind: string,
  timeMs: number,
  { id, standing, index }: DeviceRecord,
  { statuses }: DeviceServiceDeps,
): string {
  const newer =
    kind === "death" ? `it was heard at ${isoOf(statuses.seenMs(index))}` : `it left at ${isoOf(standing.sinceMs)}`;
  return `the ${kind} of device ${JSON.stringify(id)} at ${isoOf(timeMs)} changes nothing: ${newer}`;
}
