/** What an import is of, before it is compared with what there is. Pure. */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { invalidField, messageOf, WatchpostError } from "../model/errors.ts";
import { jsonFaultInTurns } from "../model/json-fault.ts";
import { countJsonValues, countValues } from "../model/json-values.ts";
import { DeviceSchema } from "../wire/gen/devices_pb.ts";
import { FIELDS } from "./change-device.ts";
import { csvDevices } from "./csv-devices.ts";
import { checkedDevice } from "./device-input.ts";
import type { Wanted } from "./devices.ts";
import { DEVICES_MAX, Problems, READ_AT_ONCE, refuseTooMany, type Imported } from "./import-problems.ts";
import type { Turns } from "./in-turns.ts";
import { jsonProblem } from "./json-problem.ts";

const CONTENT_BYTES_MAX = 16 * 1024 * 1024;
/** Of ten thousand devices with ten sensors each, of which all is said; parsed at once, in a few ten milliseconds. */
const VALUES_MAX = 1_500_000;
/** Of one device: more than one with the most sensors has. */
const DEVICE_VALUES_MAX = 20_000;
/** Read in one turn, but for the device that they are exceeded with. */
const VALUES_AT_ONCE = 5_000;

/** Throws INVALID_ARGUMENT for a format that there is not and what is too large; all else is a problem. */
export function* importedDevices(format: string, content: Uint8Array): Turns<Imported> {
  if (format !== "csv" && format !== "json") throw invalidField("format", format, '"csv" or "json"');
  if (content.length > CONTENT_BYTES_MAX) {
    throw invalidField("content", `${content.length} bytes`, `at most ${CONTENT_BYTES_MAX}: import it in parts`);
  }
  if (format === "json") refuseTooMany("values", countJsonValues(content, VALUES_MAX), VALUES_MAX);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return { devices: [], problems: ["the content is not UTF-8; wanted text in UTF-8"] };
  }
  return yield* format === "csv" ? csvDevices(text) : jsonDevices(text.replace(/^\ufeff/, ""));
}

/** An array of devices, or an object with them under "devices", each as Device is as protobuf JSON. */
function* jsonDevices(text: string): Turns<Imported> {
  const problems = new Problems();
  const devices: Wanted[] = [];
  const all = yield* listIn(text, problems);
  const seen = new Map<string, number>();
  let values = 0;
  refuseTooMany("devices", all.length, DEVICES_MAX);
  for (const [i, given] of all.entries()) {
    if (problems.isFull) break;
    const own = countValues(given, DEVICE_VALUES_MAX);
    if (i % READ_AT_ONCE === 0 || (values += own) > VALUES_AT_ONCE) {
      values = own;
      yield;
    }
    const place = `device ${i + 1}`;
    if (own > DEVICE_VALUES_MAX) {
      problems.add(`${place}: it has more than ${DEVICE_VALUES_MAX} values; wanted at most so many`);
      continue;
    }
    problems.catch(
      () => place,
      () => {
        if (typeof given !== "object" || given === null || Array.isArray(given)) {
          throw invalidField("device", JSON.stringify(given), "an object with device_id");
        }
        const device = checkedDevice(deviceIn(given), "");
        const before = seen.get(device.deviceId);
        if (before !== undefined)
          throw invalidField("device_id", device.deviceId, `each once; it is device ${before}, too`);
        seen.set(device.deviceId, i + 1);
        devices.push({ device, fields: fieldsOf(given) });
      },
    );
  }
  return { devices, problems: problems.all };
}

function* listIn(text: string, problems: Problems): Turns<readonly JsonValue[]> {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    const { line, column, wanted } = (yield* jsonFaultInTurns(text)) ?? {
      line: 1,
      column: 1,
      wanted: "an array of devices",
    };
    problems.add(`line ${line}, column ${column}: it is no JSON from there on; wanted ${wanted}`);
    return [];
  }
  const list = Array.isArray(given) ? given : (given as { devices?: unknown } | null)?.devices;
  if (Array.isArray(list)) return list as JsonValue[];
  problems.add('the content is JSON of another shape; wanted an array of devices, or an object with it as "devices"');
  return [];
}

function deviceIn(given: JsonValue) {
  try {
    return fromJson(DeviceSchema, given);
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
