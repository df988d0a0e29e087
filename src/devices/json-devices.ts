/**
 * Devices as JSON: an array of them, an object with it as "devices", or a line for each. A device is as protobuf JSON has it, or as
 * GetDevice answers. What the server fills in is passed over. Pure.
 */
import {
  create,
  fromJson,
  mergeFromJson,
  type DescMessage,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import { jsonFaultInTurns } from "../model/json-fault.ts";
import { countValues } from "../model/json-values.ts";
import { DeviceSchema, SensorSchema, type Device, type Sensor } from "../wire/gen/devices_pb.ts";
import { FIELDS } from "./change-device.ts";
import { checkedDevice, type Attempt } from "./device-input.ts";
import type { Wanted } from "./devices.ts";
import { DEVICES_MAX, Problems, READ_AT_ONCE, refuseTooMany, type Imported } from "./import-problems.ts";
import type { Turns } from "./in-turns.ts";
import { jsonProblem } from "./json-problem.ts";

interface Given {
  /** "device 3", "line 3". */
  readonly place: string;
  readonly value: JsonValue;
}

/** Of one device: more than one with the most sensors has. */
const DEVICE_VALUES_MAX = 20_000;
/** Read in one turn, but for the device that they are exceeded with. */
const VALUES_AT_ONCE = 5_000;
const SHAPE =
  'the content is JSON of another shape; wanted an array of devices, an object with it as "devices", or a device in each line';

/** Throws INVALID_ARGUMENT where there are too many devices; all else is a problem. */
export function* jsonDevices(text: string): Turns<Imported> {
  const problems = new Problems();
  const devices: Wanted[] = [];
  const seen = new Map<string, string>();
  let [values, read] = [0, 0];
  for (const { place, value } of yield* listIn(text, problems)) {
    if (problems.isFull) break;
    const own = countValues(value, DEVICE_VALUES_MAX);
    if (read++ % READ_AT_ONCE === 0 || (values += own) > VALUES_AT_ONCE) {
      values = own;
      yield;
    }
    if (own > DEVICE_VALUES_MAX) {
      problems.add(`${place}: it has more than ${DEVICE_VALUES_MAX} values; wanted at most so many`);
      continue;
    }
    const attempt = problems.attempt(() => place);
    attempt(() => {
      const given = unwrapped(value);
      const device = checkedDevice(deviceIn(given, attempt), "", attempt);
      const before = seen.get(device.deviceId);
      if (before !== undefined) throw invalidField("device_id", device.deviceId, `each once; it is ${before}, too`);
      if (device.deviceId === "") return;
      seen.set(device.deviceId, place);
      devices.push({ device, fields: fieldsOf(given), place: () => place });
    });
  }
  return { devices, problems };
}

function* listIn(text: string, problems: Problems): Turns<readonly Given[]> {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    if (isLines(text)) return yield* linesIn(text, problems);
    problems.add(yield* faultIn(text, 1));
    return [];
  }
  const isObject = typeof given === "object" && given !== null;
  const list = Array.isArray(given) ? given : (given as { devices?: unknown } | null)?.devices;
  if (Array.isArray(list)) {
    refuseTooMany("devices", list.length, DEVICES_MAX);
    return list.map((value: JsonValue, i) => ({ place: `device ${i + 1}`, value }));
  }
  if (isObject && ["device", "deviceId", "device_id"].some((key) => Object.hasOwn(given as object, key))) {
    return [{ place: "device 1", value: given as JsonValue }];
  }
  problems.add(SHAPE);
  return [];
}

/** The first line that is not empty is an object by itself. */
function isLines(text: string): boolean {
  const [, first = ""] = /^\s*(\{.*\})[ \t\r]*\n/.exec(text) ?? [];
  try {
    return first !== "" && JSON.parse(first) !== null;
  } catch {
    return false;
  }
}

function* linesIn(text: string, problems: Problems): Turns<readonly Given[]> {
  const all: Given[] = [];
  for (let [at, line] = [0, 1]; at < text.length && !problems.isFull; line++) {
    if (line % READ_AT_ONCE === 0) yield;
    const feed = text.indexOf("\n", at);
    const end = feed < 0 ? text.length : feed;
    const own = text.slice(at, end);
    at = end + 1;
    if (own.trim() === "") continue;
    try {
      all.push({ place: `line ${line}`, value: JSON.parse(own) as JsonValue });
    } catch {
      problems.add(yield* faultIn(own, line));
    }
    refuseTooMany("devices", all.length, DEVICES_MAX);
  }
  return all;
}

/** `first`: the number of its first line. */
function* faultIn(text: string, first: number): Turns<string> {
  const fault = (yield* jsonFaultInTurns(text)) ?? { line: 1, column: 1, wanted: "an array of devices" };
  const { line, column, wanted } = fault;
  return `line ${first + line - 1}, column ${column}: it is no JSON from there on; wanted ${wanted}`;
}

/** GetDevice answers with a device as one field, beside what happened to it. */
function unwrapped(value: JsonValue): Readonly<Record<string, JsonValue>> {
  const isObject = (one: JsonValue | undefined) => typeof one === "object" && one !== null && !Array.isArray(one);
  if (!isObject(value)) throw invalidField("device", JSON.stringify(value), "an object with device_id");
  const given = value as Record<string, JsonValue>;
  const isAnswer = isObject(given["device"]) && !Object.hasOwn(given, "deviceId");
  return (isAnswer ? given["device"] : given) as Record<string, JsonValue>;
}

/** Field by field, so that all that is wrong is said. */
function deviceIn(given: Readonly<Record<string, JsonValue>>, attempt: Attempt): Device {
  const device = create(DeviceSchema);
  for (const [key, value] of Object.entries(given)) {
    if (key === "sensors" && Array.isArray(value)) device.sensors = sensorsIn(value, attempt);
    else attempt(() => decoded(() => mergeFromJson(DeviceSchema, device, { [key]: value })));
  }
  return device;
}

function sensorsIn(given: readonly JsonValue[], attempt: Attempt): Sensor[] {
  return given.flatMap((one) => {
    const sensor = attempt(() => decoded(() => fromJson(SensorSchema, one)));
    return sensor === undefined || isSeenAlone(sensor) ? [] : [sensor];
  });
}

/** It was found in the data, and nobody said anything of it: it is found there again. */
function isSeenAlone({ lastTime, unit, validMin, validMax, outOfRange, precision, description }: Sensor): boolean {
  const said = [unit, validMin, validMax, outOfRange, precision, description];
  return lastTime !== undefined && said.every((one) => one === undefined || one === "");
}

function decoded<T extends MessageShape<DescMessage>>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new WatchpostError("INVALID_ARGUMENT", jsonProblem(messageOf(error)));
  }
}

/** Names of the fields that are given, which may be written either way. */
function fieldsOf(given: Readonly<Record<string, JsonValue>>): string[] {
  return Object.entries(FIELDS).flatMap(([field, name]) =>
    Object.hasOwn(given, field) || Object.hasOwn(given, name) ? [field] : [],
  );
}
