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

/** The device without what the server fills in. `path`: what stands before the names of fields in errors. */
export function checkedDevice(given: Device, path = "device."): Device {
  const device = create(DeviceSchema, { deviceId: deviceIdIn(given.deviceId, `${path}device_id`) });
  for (const name of NAMES) device[name] = lineIn(given[name], `${path}${name}`);
  if (given.parent !== "") device.parent = deviceIdIn(given.parent, `${path}parent`);
  if (device.parent === device.deviceId)
    throw invalidField(`${path}parent`, given.parent, "another device than itself");
  if (given.location !== undefined) device.location = checkedLocation(given.location, `${path}location.`);
  device.tags = checkedTags(given.tags, `${path}tags`);
  for (const [name, field] of INTERVALS) device[name] = intervalIn(given[name], `${path}${field}`);
  const { lateAfterMs, offlineAfterMs } = device;
  if (offlineAfterMs > 0n && offlineAfterMs < lateAfterMs) {
    throw invalidField(`${path}offline_after_ms`, offlineAfterMs, `at least late_after_ms, which is ${lateAfterMs}`);
  }
  device.isEventDriven = given.isEventDriven;
  device.sensors = checkedSensors(given.sensors, `${path}sensors`);
  return device;
}

/** Without what the server fills in. */
export function checkedSensor(given: Sensor, path: string): Sensor {
  const { metricName, outOfRange } = given;
  if (!METRIC_NAME.test(metricName) || metricName.length > METRIC_NAME_LENGTH_MAX) {
    const wanted = `letters, digits, '_' and '.', at most ${METRIC_NAME_LENGTH_MAX} characters`;
    throw invalidField(`${path}metric_name`, metricName, wanted);
  }
  if (!["", "flag", "refuse"].includes(outOfRange)) {
    throw invalidField(`${path}out_of_range`, outOfRange, '"flag" or "refuse"');
  }
  const sensor = create(SensorSchema, {
    metricName,
    outOfRange,
    unit: lineIn(given.unit, `${path}unit`, UNIT_LENGTH_MAX),
    description: lineIn(given.description, `${path}description`, DESCRIPTION_LENGTH_MAX),
  });
  const { validMin, validMax, precision } = given;
  if (validMin !== undefined) sensor.validMin = finiteIn(validMin, `${path}valid_min`);
  if (validMax !== undefined) sensor.validMax = finiteIn(validMax, `${path}valid_max`);
  if (validMin !== undefined && validMax !== undefined && validMin > validMax) {
    throw invalidField(`${path}valid_max`, validMax, `at least valid_min, which is ${validMin}`);
  }
  if (precision !== undefined) {
    if (precision < 0 || precision > PRECISION_MAX) {
      throw invalidField(`${path}precision`, precision, `0 to ${PRECISION_MAX}`);
    }
    sensor.precision = precision;
  }
  return sensor;
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

function checkedSensors(given: readonly Sensor[], field: string): Sensor[] {
  if (given.length > SENSORS_MAX) throw invalidField(field, `${given.length} of them`, `at most ${SENSORS_MAX}`);
  const names = new Set<string>();
  return given.map((one, i) => {
    const sensor = checkedSensor(one, `${field}[${i}].`);
    if (names.has(sensor.metricName)) {
      throw invalidField(`${field}[${i}].metric_name`, sensor.metricName, "each metric once");
    }
    names.add(sensor.metricName);
    return sensor;
  });
}

function checkedLocation({ latitude, longitude, altitude, name }: Location, path: string): Location {
  if (!(Math.abs(latitude) <= 90)) throw invalidField(`${path}latitude`, latitude, "-90 to 90 degrees");
  if (!(Math.abs(longitude) <= 180)) throw invalidField(`${path}longitude`, longitude, "-180 to 180 degrees");
  const location = create(LocationSchema, { latitude, longitude, name: lineIn(name, `${path}name`) });
  if (altitude !== undefined) location.altitude = finiteIn(altitude, `${path}altitude`);
  return location;
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
