/** Flags of the commands that say what a device is. */
import { create } from "@bufbuild/protobuf";
import { InvalidArgumentError, type Command } from "commander";
import { WatchpostError } from "../model/errors.ts";
import {
  DeviceSchema,
  LocationSchema,
  SensorSchema,
  type Device,
  type Location,
  type Sensor,
} from "../wire/gen/devices_pb.ts";
import { addServerOption, wholeMsArgument } from "./client-flags.ts";
import { addUserOption } from "./user-flag.ts";

export interface DeviceFlags {
  server: string;
  user?: string;
  json?: boolean;
  name?: string;
  type?: string;
  model?: string;
  site?: string;
  parent?: string;
  at?: readonly number[];
  location?: string;
  firmware?: string;
  tag?: Readonly<Record<string, string>>;
  interval?: number;
  eventDriven?: boolean;
  lateAfter?: number;
  offlineAfter?: number;
  sensor?: readonly Sensor[];
}

const SENSOR_KEYS = "unit, min, max, out-of-range, precision, description";
const NAMES = ["name", "type", "model", "site", "parent", "firmware"] as const;
const TIMES = [
  ["interval", "expectedIntervalMs", "expected_interval_ms"],
  ["lateAfter", "lateAfterMs", "late_after_ms"],
  ["offlineAfter", "offlineAfterMs", "offline_after_ms"],
] as const;

/** For changes of devices. */
export function addDeviceActionOptions(command: Command): Command {
  return addUserOption(addServerOption(command)).option("--json", "the device as it is then, as a JSON line");
}

export function addDeviceOptions(command: Command): Command {
  return command
    .option("--name <text>", "what people call it")
    .option("--type <text>", "what it is: pump, gateway, meter")
    .option("--model <text>", "its maker's name for it")
    .option("--site <text>", "where it belongs")
    .option("--parent <device>", "the device that it is reached through, such as a gateway")
    .option("--at <lat,lon[,alt]>", "where it is: degrees, and metres above the sea", placeArgument)
    .option("--location <text>", "the same in words; goes with --at")
    .option("--firmware <text>", "its version")
    .option("--tag <key=value>", "a tag; may be repeated", tagArgument)
    .option("--interval <duration>", "how often it sends; 0s: found out from what comes", msArgument)
    .option("--event-driven", "it sends when something happens: silence means nothing")
    .option("--no-event-driven", "it sends all the time")
    .option("--late-after <duration>", "silence after which it is late; 0s: by its interval", msArgument)
    .option("--offline-after <duration>", "silence after which it is offline; 0s: by its interval", msArgument)
    .option("--sensor <spec>", `METRIC,key=value,...: ${SENSOR_KEYS}; may be repeated`, sensorArgument);
}

/** The device that is meant, and the names of the fields that are given. */
export function deviceGiven(
  deviceId: string,
  flags: DeviceFlags,
): { readonly device: Device; readonly fields: string[] } {
  const device = create(DeviceSchema, { deviceId });
  const fields: string[] = [];
  for (const name of NAMES) {
    const text = flags[name];
    if (text === undefined) continue;
    device[name] = text;
    fields.push(name);
  }
  for (const [flag, property, field] of TIMES) {
    const ms = flags[flag];
    if (ms === undefined) continue;
    device[property] = BigInt(ms);
    fields.push(field);
  }
  if (flags.eventDriven !== undefined) {
    device.isEventDriven = flags.eventDriven;
    fields.push("is_event_driven");
  }
  if (flags.at !== undefined) {
    device.location = locationOf(flags);
    fields.push("location");
  } else if (flags.location !== undefined) {
    throw new WatchpostError("INVALID_ARGUMENT", "--location is given without --at; wanted both");
  }
  for (const [key, value] of Object.entries(flags.tag ?? {})) {
    device.tags[key] = value;
    fields.push(`tags.${key}`);
  }
  for (const sensor of flags.sensor ?? []) {
    device.sensors.push(sensor);
    fields.push(`sensors.${sensor.metricName}`);
  }
  return { device, fields };
}

export function tagArgument(text: string, all: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, key, value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("wanted KEY=VALUE");
  return { ...all, [key]: value };
}

function locationOf({ at = [], location = "" }: DeviceFlags): Location {
  const [latitude, longitude, altitude] = at;
  return create(LocationSchema, { latitude, longitude, name: location, ...(altitude !== undefined && { altitude }) });
}

function placeArgument(text: string): number[] {
  const numbers = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  if ((numbers.length === 2 || numbers.length === 3) && numbers.every(Number.isFinite)) return numbers;
  throw new InvalidArgumentError("wanted degrees, and metres if you like: 52.52,13.405 or 52.52,13.405,34");
}

/** Zero is "not said". */
function msArgument(text: string): number {
  return /^0+(ms|[smhd])?$/.test(text.trim()) ? 0 : wholeMsArgument(text);
}

function sensorArgument(text: string, all: readonly Sensor[] = []): Sensor[] {
  const [metric, ...parts] = text.split(",").map((part) => part.trim());
  if (metric === "" || metric.includes("="))
    throw new InvalidArgumentError(`wanted the metric first: temperature,unit=°C`);
  const sensor = create(SensorSchema, { metricName: metric });
  for (const part of parts) {
    const [, key = "", value = ""] = /^([a-z-]+)=(.*)$/s.exec(part) ?? [];
    setPart(sensor, key, value, part);
  }
  return [...all, sensor];
}

function setPart(sensor: Sensor, key: string, value: string, part: string): void {
  const number = () => {
    const given = value.trim() === "" ? NaN : Number(value);
    if (Number.isFinite(given)) return given;
    throw new InvalidArgumentError(`${key} is ${JSON.stringify(value)}; wanted a number`);
  };
  if (key === "unit") sensor.unit = value;
  else if (key === "min") sensor.validMin = number();
  else if (key === "max") sensor.validMax = number();
  else if (key === "out-of-range") sensor.outOfRange = value;
  else if (key === "precision") sensor.precision = number();
  else if (key === "description") sensor.description = value;
  else throw new InvalidArgumentError(`${JSON.stringify(part)} is none of ${SENSOR_KEYS}, as key=value`);
}
