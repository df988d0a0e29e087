/** What people and programs say of a device, checked: bounds, and no fields that are the server's to fill in. Pure. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../model/errors.ts";
import { METRIC_NAME_LENGTH_MAX, TAG_KEY_BYTES_MAX, TAG_VALUE_BYTES_MAX, TAGS_MAX } from "../model/limits.ts";
import { lineIn } from "../model/texts.ts";
import { DeviceSchema, LocationSchema, SensorSchema } from "../wire/gen/devices_pb.ts";
import type { Device, Location, Sensor } from "../wire/gen/devices_pb.ts";

/** As long as a tag's value, for it may be one. */
export const DEVICE_ID_BYTES_MAX = TAG_VALUE_BYTES_MAX;
export const SENSORS_MAX = 1_000;
export const UNIT_LENGTH_MAX = 64;
export const DESCRIPTION_LENGTH_MAX = 1_024;
const PRECISION_MAX = 15;
/** A year: what sends more rarely is event-driven. */
const INTERVAL_MS_MAX = 366 * 86_400_000;
const METRIC_NAME = /^[A-Za-z0-9_.]+$/;
const NAMES = ["name", "type", "model", "site", "firmware"] as const;
const INTERVALS = [
  ["expectedIntervalMs", "expected_interval_ms"],
  ["lateAfterMs", "late_after_ms"],
  ["offlineAfterMs", "offline_after_ms"],
] as const;

/** Throws INVALID_ARGUMENT, as all of these do. */
export function deviceIdIn(id: string, field = "device_id"): string {
  const bytes = Buffer.byteLength(id);
  if (bytes === 0 || bytes > DEVICE_ID_BYTES_MAX || id.includes("\0")) {
    throw invalidField(
      field,
      id,
      `1 to ${DEVICE_ID_BYTES_MAX} bytes without NUL, as the tag "device" of its points has it`,
    );
  }
  return id;
}

/** What `check` returns; undefined where it throws what somebody did wrong, and that is noted. */
export type Attempt = <T>(check: () => T) => T | undefined;

const throwing: Attempt = (check) => check();

/**
 * The device without what the server fills in. `path`: what stands before the names of fields in errors. With `attempt` all that is
 * wrong is noted, and left out.
 */
export function checkedDevice(given: Device, path = "device.", attempt = throwing): Device {
  const device = create(DeviceSchema, {
    deviceId: attempt(() => deviceIdIn(given.deviceId, `${path}device_id`)) ?? "",
  });
  for (const name of NAMES) device[name] = attempt(() => lineIn(given[name], `${path}${name}`)) ?? "";
  device.parent = attempt(() => checkedParent(given, `${path}parent`)) ?? "";
  const { location } = given;
  if (location !== undefined) {
    const checked = attempt(() => checkedLocation(location, `${path}location.`, attempt));
    if (checked !== undefined) device.location = checked;
  }
  device.tags = attempt(() => checkedTags(given.tags, `${path}tags`)) ?? {};
  for (const [name, field] of INTERVALS) device[name] = attempt(() => intervalIn(given[name], `${path}${field}`)) ?? 0n;
  attempt(() => refuseEarlyOffline(device, path));
  device.isEventDriven = given.isEventDriven;
  device.sensors = attempt(() => checkedSensors(given.sensors, `${path}sensors`, attempt)) ?? [];
  return device;
}

/** Without what the server fills in. */
export function checkedSensor(given: Sensor, path: string, attempt = throwing): Sensor {
  const { metricName, outOfRange } = given;
  if (!METRIC_NAME.test(metricName) || metricName.length > METRIC_NAME_LENGTH_MAX) {
    const wanted = `letters, digits, '_' and '.', at most ${METRIC_NAME_LENGTH_MAX} characters`;
    throw invalidField(`${path}metric_name`, metricName, wanted);
  }
  const sensor = create(SensorSchema, {
    metricName,
    outOfRange: attempt(() => policyIn(outOfRange, `${path}out_of_range`)) ?? "",
    unit: attempt(() => lineIn(given.unit, `${path}unit`, UNIT_LENGTH_MAX)) ?? "",
    description: attempt(() => lineIn(given.description, `${path}description`, DESCRIPTION_LENGTH_MAX)) ?? "",
  });
  const { validMin, validMax, precision } = given;
  if (validMin !== undefined) sensor.validMin = attempt(() => finiteIn(validMin, `${path}valid_min`)) ?? 0;
  if (validMax !== undefined) sensor.validMax = attempt(() => validMaxIn(validMax, validMin, `${path}valid_max`)) ?? 0;
  if (precision !== undefined) sensor.precision = attempt(() => precisionIn(precision, `${path}precision`)) ?? 0;
  return sensor;
}

function policyIn(outOfRange: string, field: string): string {
  if (["", "flag", "refuse"].includes(outOfRange)) return outOfRange;
  throw invalidField(field, outOfRange, '"flag" or "refuse"');
}

function validMaxIn(validMax: number, validMin: number | undefined, field: string): number {
  if (validMin === undefined || !(validMin > validMax)) return finiteIn(validMax, field);
  throw invalidField(field, validMax, `at least valid_min, which is ${validMin}`);
}

function precisionIn(precision: number, field: string): number {
  if (precision >= 0 && precision <= PRECISION_MAX) return precision;
  throw invalidField(field, precision, `0 to ${PRECISION_MAX}`);
}

export function checkedTag(key: string, value: string, field: string): readonly [key: string, value: string] {
  if (key === "" || Buffer.byteLength(key) > TAG_KEY_BYTES_MAX || key.includes("\0")) {
    throw invalidField(field, key, `keys of 1 to ${TAG_KEY_BYTES_MAX} bytes without NUL`);
  }
  if (Buffer.byteLength(value) > TAG_VALUE_BYTES_MAX || value.includes("\0")) {
    throw invalidField(`${field}.${key}`, value, `at most ${TAG_VALUE_BYTES_MAX} bytes without NUL`);
  }
  return [key, value];
}

function checkedParent({ deviceId, parent }: Device, field: string): string {
  if (parent === "") return "";
  if (parent === deviceId) throw invalidField(field, parent, "another device than itself");
  return deviceIdIn(parent, field);
}

function refuseEarlyOffline({ lateAfterMs, offlineAfterMs }: Device, path: string): void {
  if (offlineAfterMs === 0n || offlineAfterMs >= lateAfterMs) return;
  throw invalidField(`${path}offline_after_ms`, offlineAfterMs, `at least late_after_ms, which is ${lateAfterMs}`);
}

function checkedSensors(given: readonly Sensor[], field: string, attempt: Attempt): Sensor[] {
  if (given.length > SENSORS_MAX) throw invalidField(field, `${given.length} of them`, `at most ${SENSORS_MAX}`);
  const names = new Set<string>();
  const sensorAt = (one: Sensor, i: number) => {
    const sensor = checkedSensor(one, `${field}[${i}].`, attempt);
    if (names.has(sensor.metricName)) {
      throw invalidField(`${field}[${i}].metric_name`, sensor.metricName, "each metric once");
    }
    names.add(sensor.metricName);
    return sensor;
  };
  return given.flatMap((one, i) => attempt(() => sensorAt(one, i)) ?? []);
}

function checkedLocation({ latitude, longitude, altitude, name }: Location, path: string, attempt: Attempt): Location {
  const location = create(LocationSchema, {
    latitude: attempt(() => degreesIn(latitude, 90, `${path}latitude`)) ?? 0,
    longitude: attempt(() => degreesIn(longitude, 180, `${path}longitude`)) ?? 0,
    name: attempt(() => lineIn(name, `${path}name`)) ?? "",
  });
  if (altitude !== undefined) location.altitude = attempt(() => finiteIn(altitude, `${path}altitude`)) ?? 0;
  return location;
}

function degreesIn(degrees: number, max: number, field: string): number {
  if (Math.abs(degrees) <= max) return degrees;
  throw invalidField(field, degrees, `-${max} to ${max} degrees`);
}

function checkedTags(given: Readonly<Record<string, string>>, field: string): Record<string, string> {
  const tags = Object.entries(given);
  if (tags.length > TAGS_MAX) throw invalidField(field, `${tags.length} of them`, `at most ${TAGS_MAX}`);
  return Object.fromEntries(tags.map(([key, value]) => checkedTag(key, value, field)));
}

function intervalIn(ms: bigint, field: string): bigint {
  if (ms >= 0n && ms <= BigInt(INTERVAL_MS_MAX)) return ms;
  throw invalidField(field, ms, `0 to ${INTERVAL_MS_MAX} ms`);
}

function finiteIn(value: number, field: string): number {
  if (Number.isFinite(value)) return value;
  throw invalidField(field, value, "a finite number");
}
