/** How devices come to be and change: pure, from a device and a request to the next device. */
import { clone, create, equals } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../model/errors.ts";
import { TAGS_MAX } from "../model/limits.ts";
import { DeviceSchema, SensorSchema, type Device, type Sensor } from "../wire/gen/devices_pb.ts";
import { checkedDevice, SENSORS_MAX } from "./device-input.ts";

/** Names of fields that people change, as the wire has them, and of the message's properties. */
export const FIELDS = {
  name: "name",
  type: "type",
  model: "model",
  site: "site",
  parent: "parent",
  location: "location",
  firmware: "firmware",
  tags: "tags",
  expected_interval_ms: "expectedIntervalMs",
  is_event_driven: "isEventDriven",
  sensors: "sensors",
  late_after_ms: "lateAfterMs",
  offline_after_ms: "offlineAfterMs",
} as const;
const FIELDS_MAX = 1_100;
const ONE_OF = /^(sensors|tags)\.(.+)$/s;

/**
 * `before` with the named fields of `given`, both without what the server fills in. Throws INVALID_ARGUMENT for fields that there
 * are not, and what would be no device.
 */
export function withFields(before: Device, given: Device, fields: readonly string[]): Device {
  if (fields.length > FIELDS_MAX) throw invalidField("fields", `${fields.length} of them`, `at most ${FIELDS_MAX}`);
  const after = clone(DeviceSchema, before);
  for (const field of fields) {
    const [, kind, name] = ONE_OF.exec(field) ?? [];
    if (kind === "sensors") setSensor(after, given, name);
    else if (kind === "tags") setTag(after, given, name);
    else if (Object.hasOwn(FIELDS, field)) setField(after, given, FIELDS[field as keyof typeof FIELDS]);
    else throw invalidField("fields", field, `${Object.keys(FIELDS).join(", ")}, sensors.METRIC or tags.KEY`);
  }
  return checkedDevice(after);
}

/** A device as somebody registers it, with what it said of itself before where nothing else is given. */
export function withSaid(given: Device, said: Device): Device {
  const after = clone(DeviceSchema, given);
  after.parent ||= said.parent;
  after.firmware ||= said.firmware;
  after.model ||= said.model;
  addTags(after.tags, Object.entries(said.tags));
  const known = sensorsOf(after);
  for (const sensor of said.sensors) {
    const { metricName, unit, description } = sensor;
    const own = known.get(metricName);
    if (own !== undefined) {
      own.unit ||= unit;
      own.description ||= description;
    } else if (after.sensors.length < SENSORS_MAX) {
      after.sensors.push(create(SensorSchema, { metricName, unit, description }));
    }
  }
  return after;
}

/** Whether two are the same but for what the server fills in. */
export function isSame(a: Device, b: Device): boolean {
  return equals(DeviceSchema, plain(a), plain(b));
}

/** What has to be set in `before` to make it `after`, as {@link withFields} takes it: sensors and tags one by one. */
export function changedFields(before: Device, after: Device): string[] {
  const [from, to] = [plain(before), plain(after)];
  const alone = (device: Device, name: (typeof FIELDS)[keyof typeof FIELDS]) => {
    return create(DeviceSchema, { [name]: device[name] });
  };
  const changed = Object.entries(FIELDS).filter(
    ([, name]) => name !== "sensors" && name !== "tags" && !equals(DeviceSchema, alone(from, name), alone(to, name)),
  );
  const sensors = differing(sensorsOf(from), sensorsOf(to), (a, b) => equals(SensorSchema, a, b));
  const tags = differing(new Map(Object.entries(from.tags)), new Map(Object.entries(to.tags)), (a, b) => a === b);
  return [
    ...changed.map(([field]) => field),
    ...sensors.map((metric) => `sensors.${metric}`),
    ...tags.map((key) => `tags.${key}`),
  ];
}

/** Without what the server fills in. */
export function plain(device: Device): Device {
  return create(DeviceSchema, {
    deviceId: device.deviceId,
    name: device.name,
    type: device.type,
    model: device.model,
    site: device.site,
    parent: device.parent,
    ...(device.location && { location: device.location }),
    firmware: device.firmware,
    tags: device.tags,
    expectedIntervalMs: device.expectedIntervalMs,
    isEventDriven: device.isEventDriven,
    sensors: device.sensors,
    lateAfterMs: device.lateAfterMs,
    offlineAfterMs: device.offlineAfterMs,
  });
}

/** The next revision. `before`: undefined where it was found in the data alone, or is new; `isBySomebody`: registered from now on. */
export function revised(
  device: Device,
  before: Device | undefined,
  createdMs: number,
  atMs: number,
  isBySomebody: boolean,
): Device {
  return {
    ...plain(device),
    isRegistered: isBySomebody || (before?.isRegistered ?? false),
    createdAt: before?.createdAt ?? timestampFromMs(createdMs),
    updatedAt: timestampFromMs(atMs),
    revision: (before?.revision ?? 0n) + 1n,
  };
}

function sensorsOf({ sensors }: Device): Map<string, Sensor> {
  return new Map(sensors.map((sensor) => [sensor.metricName, sensor]));
}

/** Keys of what is in one of both alone, or another in each. */
function differing<T>(before: Map<string, T>, after: Map<string, T>, isSameValue: (a: T, b: T) => boolean): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => {
    const [a, b] = [before.get(key), after.get(key)];
    return a === undefined || b === undefined ? a !== b : !isSameValue(a, b);
  });
}

function setField(after: Device, given: Device, name: (typeof FIELDS)[keyof typeof FIELDS]): void {
  if (given[name] === undefined) delete after.location;
  else Object.assign(after, { [name]: given[name] });
}

/** One that is not given goes. */
function setSensor(after: Device, given: Device, metric: string): void {
  const sensor = given.sensors.find(({ metricName }) => metricName === metric);
  const at = after.sensors.findIndex(({ metricName }) => metricName === metric);
  if (sensor === undefined) {
    if (at >= 0) after.sensors.splice(at, 1);
  } else if (at >= 0) after.sensors[at] = sensor;
  else after.sensors.push(sensor);
}

function setTag(after: Device, given: Device, key: string): void {
  if (Object.hasOwn(given.tags, key)) after.tags[key] = given.tags[key];
  else delete after.tags[key];
}

/** Where nothing else is given, and as far as there is room: whoever tells too much is heard all the same. */
export function addTags(tags: Record<string, string>, more: Iterable<readonly [string, string]>): void {
  let room = TAGS_MAX - Object.keys(tags).length;
  for (const [key, value] of more) {
    if (Object.hasOwn(tags, key)) continue;
    if (room-- <= 0) return;
    tags[key] = value;
  }
}
