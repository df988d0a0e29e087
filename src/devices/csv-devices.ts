/**
 * Devices as comma separated values, RFC 4180 with a header. A row is a device, or a sensor of the device that it names: a device
 * with three sensors is three rows, of which only one has to say the rest. What is empty stays as it is. Pure.
 */
import { create } from "@bufbuild/protobuf";
import { closestName } from "../model/closest-name.ts";
import { splitCells, turnsQuotes, unguarded } from "../model/csv.ts";
import { parseDurationMs } from "../model/duration.ts";
import { invalidField, messageOf } from "../model/errors.ts";
import { DeviceSchema, LocationSchema, SensorSchema, type Device, type Sensor } from "../wire/gen/devices_pb.ts";
import { checkedDevice, deviceIdIn, type Attempt } from "./device-input.ts";
import type { Wanted } from "./devices.ts";
import { DEVICES_MAX, Problems, READ_AT_ONCE, refuseTooMany, type Imported, type Place } from "./import-problems.ts";
import type { Turns } from "./in-turns.ts";

interface Row {
  /** From 1; that it begins with. */
  readonly line: number;
  readonly cells: readonly string[];
}

interface Building {
  readonly line: number;
  /** Of each of its sensors. */
  readonly sensorLines: number[];
  readonly device: Device;
  readonly fields: Set<string>;
  readonly said: Map<string, string>;
}

type Setter = (device: Device, text: string) => void;

const COLUMNS_MAX = 256;
/** Empty ones, too: of ten thousand devices with twenty sensors each. */
const LINES_MAX = 200_000;
/** More than a device may take in the journal. */
const ROW_LENGTH_MAX = 256 * 1024;
/** In one turn: looked through, and read. */
const CHARACTERS_AT_ONCE = 256 * 1024;
const CELLS_AT_ONCE = 5_000;
const SETTERS: Readonly<Record<string, readonly [field: string, set: Setter]>> = {
  name: ["name", (device, text) => (device.name = text)],
  type: ["type", (device, text) => (device.type = text)],
  model: ["model", (device, text) => (device.model = text)],
  site: ["site", (device, text) => (device.site = text)],
  parent: ["parent", (device, text) => (device.parent = text)],
  firmware: ["firmware", (device, text) => (device.firmware = text)],
  latitude: ["location", (device, text) => (placeOf(device).latitude = numberIn(text, "latitude"))],
  longitude: ["location", (device, text) => (placeOf(device).longitude = numberIn(text, "longitude"))],
  altitude: ["location", (device, text) => (placeOf(device).altitude = numberIn(text, "altitude"))],
  location: ["location", (device, text) => (placeOf(device).name = text)],
  expected_interval: [
    "expected_interval_ms",
    (device, text) => (device.expectedIntervalMs = msIn(text, "expected_interval")),
  ],
  late_after: ["late_after_ms", (device, text) => (device.lateAfterMs = msIn(text, "late_after"))],
  offline_after: ["offline_after_ms", (device, text) => (device.offlineAfterMs = msIn(text, "offline_after"))],
  is_event_driven: ["is_event_driven", (device, text) => (device.isEventDriven = flagIn(text, "is_event_driven"))],
};
const SENSOR_SETTERS: Readonly<Record<string, (sensor: Sensor, text: string) => void>> = {
  unit: (sensor, text) => (sensor.unit = text),
  valid_min: (sensor, text) => (sensor.validMin = numberIn(text, "valid_min")),
  valid_max: (sensor, text) => (sensor.validMax = numberIn(text, "valid_max")),
  out_of_range: (sensor, text) => (sensor.outOfRange = text),
  precision: (sensor, text) => (sensor.precision = wholeIn(text, "precision")),
  description: (sensor, text) => (sensor.description = text),
};
const [ID, SENSOR, TAGS] = ["device_id", "sensor", "tags."];
const COLUMNS = [ID, ...Object.keys(SETTERS), `${TAGS}KEY`, SENSOR, ...Object.keys(SENSOR_SETTERS)];

/** Throws INVALID_ARGUMENT where there are too many devices or lines; all else is a problem. */
export function* csvDevices(text: string): Turns<Imported> {
  const problems = new Problems();
  const rows = rowsOf(text.replace(/^\ufeff/, ""), problems);
  let header: Row | undefined;
  let isHeader = false;
  const byId = new Map<string, Building>();
  let [read, cells] = [0, 0];
  for (const row of rows) {
    cells += row?.cells.length ?? 0;
    if (row === undefined || ++read % READ_AT_ONCE === 0 || cells > CELLS_AT_ONCE) {
      cells = 0;
      yield;
    }
    if (row === undefined) continue;
    if (header === undefined) {
      header = row;
      isHeader = isKnown(header, problems);
      continue;
    }
    if (problems.isFull) break;
    if (!isHeader) continue;
    const { line } = row;
    if (row.cells.length !== header.cells.length) {
      problems.add(`line ${line}: it has ${row.cells.length} cells; wanted ${header.cells.length}, as the header has`);
      continue;
    }
    const named = header.cells.map((name, i): [string, string] => [name.trim(), unguarded(row.cells[i].trim())]);
    const given = new Map(named.filter(([, value]) => value !== ""));
    const attempt = problems.attempt(placeIn(header, line));
    attempt(() => take(line, given, byId, attempt));
    refuseTooMany("devices", byId.size, DEVICES_MAX);
  }
  if (header === undefined && problems.isEmpty)
    problems.add(`the content is empty; wanted a header: ${COLUMNS.join(", ")}`);
  const devices: Wanted[] = [];
  for (const { line, sensorLines, device, fields, said } of byId.values()) {
    if (++read % READ_AT_ONCE === 0) yield;
    if (problems.isFull) break;
    const place = placeIn(header!, line, sensorLines);
    const attempt = problems.attempt(place);
    attempt(() => refuseHalfAPlace(said));
    const checked = checkedDevice(device, "", attempt);
    const kept = (stored: Device) => withPlaceOf(stored, checked, said.has("latitude"));
    devices.push({ device: checked, fields: [...fields], place, kept });
  }
  return { devices, problems };
}

/** Cells of the location that are empty leave what is there. */
function withPlaceOf({ location: before }: Device, device: Device, isElsewhere: boolean): Device {
  if (before === undefined || device.location === undefined) return device;
  const { latitude, longitude, altitude, name } = device.location;
  const location = {
    ...before,
    ...(isElsewhere && { latitude, longitude }),
    ...(altitude !== undefined && { altitude }),
    ...(name !== "" && { name }),
  };
  return { ...device, location };
}

function refuseHalfAPlace(said: ReadonlyMap<string, string>): void {
  const [given, other] = said.has("latitude") ? ["latitude", "longitude"] : ["longitude", "latitude"];
  if (said.has(given) && !said.has(other)) throw invalidField(other, "", `it, too, since ${given} is given`);
}

/** "line 3, column 5": from 1, of the cell that the field is said in, where it is said in one. */
function placeIn({ cells }: Row, line: number, sensorLines: readonly number[] = []): Place {
  return (field) => {
    const [, sensor, ofSensor] = /^sensors\[(\d+)\]\.(.*)$/.exec(field) ?? [];
    const own = sensor === undefined ? line : (sensorLines[Number(sensor)] ?? line);
    const name = ofSensor?.replace(/^metric_name$/, SENSOR) ?? field.replace(/^location\./, "").replace(/_ms$/, "");
    const at = cells.findIndex((cell) => cell.trim() === name);
    return at < 0 ? `line ${own}` : `line ${own}, column ${at + 1}`;
  };
}

/** Undefined where others may have a turn. Throws INVALID_ARGUMENT where there are too many lines. */
function* rowsOf(text: string, problems: Problems): Generator<Row | undefined, void> {
  let [from, looked, length] = [0, 0, 0];
  let record: string[] = [];
  for (let [at, number] = [0, 1]; at < text.length; number++) {
    refuseTooMany("lines", number, LINES_MAX);
    const feed = text.indexOf("\n", at);
    const end = feed < 0 ? text.length : feed;
    const line = text.slice(at, text[end - 1] === "\r" && end > at ? end - 1 : end);
    at = end + 1;
    looked += line.length + 16;
    if (looked > CHARACTERS_AT_ONCE) {
      looked = 0;
      yield undefined;
    }
    const isOpen = from > 0;
    if (!isOpen && line.trim() === "") continue;
    record.push(line);
    length += line.length + 1;
    if (!isOpen) from = number;
    if (length > ROW_LENGTH_MAX) {
      return problems.add(`line ${from}: the row has more than ${ROW_LENGTH_MAX} characters; does a quote not end?`);
    }
    if (isOpen !== turnsQuotes(line)) continue;
    const cells = splitCells(record.join("\n"));
    if (cells === undefined) problems.add(`line ${from}: a quote does not end; wanted RFC 4180`);
    else yield { line: from, cells };
    [record, from, length] = [[], 0, 0];
  }
  if (from > 0) problems.add(`line ${from}: a quote does not end; wanted RFC 4180`);
}

/** Whether rows can be read by it, be it that some columns are not known. */
function isKnown({ line, cells }: Row, problems: Problems): boolean {
  if (cells.length > COLUMNS_MAX) {
    problems.add(`line ${line}: it has ${cells.length} columns; wanted at most ${COLUMNS_MAX}`);
    return false;
  }
  const names = cells.map((name) => name.trim());
  const wrong = names.filter(
    (name) => !COLUMNS.includes(name) && !(name.startsWith(TAGS) && name.length > TAGS.length),
  );
  for (const name of wrong) {
    const closest = closestName(name, COLUMNS);
    const wanted = closest === undefined ? `wanted ${COLUMNS.join(", ")}` : `did you mean ${closest}?`;
    problems.add(`line ${line}, column ${names.indexOf(name) + 1}: the column is ${JSON.stringify(name)}; ${wanted}`);
  }
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) problems.add(`line ${line}: column ${JSON.stringify(twice)} is there twice; wanted it once`);
  if (!names.includes(ID)) problems.add(`line ${line}: there is no column ${ID}; wanted it`);
  return twice === undefined && names.includes(ID);
}

/** `cells`: those that are not empty. */
function take(line: number, cells: ReadonlyMap<string, string>, byId: Map<string, Building>, attempt: Attempt): void {
  const id = deviceIdIn(cells.get(ID) ?? "", ID);
  let building = byId.get(id);
  const isNew = building === undefined;
  building ??= {
    ...{ line, sensorLines: [], device: create(DeviceSchema, { deviceId: id }) },
    ...{ fields: new Set(), said: new Map() },
  };
  byId.set(id, building);
  const metric = cells.get(SENSOR);
  if (metric === undefined && !isNew)
    throw invalidField(ID, id, `each once, but for rows with a ${SENSOR}; it is in line ${building.line}, too`);
  const { device, fields, sensorLines } = building;
  for (const [name, value] of cells) attempt(() => takeCell(name, value, building));
  const about = Object.keys(SENSOR_SETTERS).filter((name) => cells.has(name));
  if (metric === undefined && about.length > 0) throw invalidField(SENSOR, "", `the metric that ${about[0]} is of`);
  if (metric !== undefined) {
    if (fields.has(`sensors.${metric}`)) throw invalidField(SENSOR, metric, "each metric of a device once");
    const sensor = create(SensorSchema, { metricName: metric });
    for (const name of about) attempt(() => SENSOR_SETTERS[name](sensor, cells.get(name)!));
    device.sensors.push(sensor);
    sensorLines.push(line);
    fields.add(`sensors.${metric}`);
  }
}

/** Of the device; what is of its sensor, or of nothing that is known, is passed over. */
function takeCell(name: string, value: string, { line, device, fields, said }: Building): void {
  const [field, set] = SETTERS[name] ?? [];
  const isTag = name.startsWith(TAGS);
  if (set === undefined && !isTag) return;
  const before = said.get(name);
  if (before !== undefined && before !== value)
    throw invalidField(name, value, `${JSON.stringify(before)}, as from line ${line} on`);
  said.set(name, value);
  if (isTag) device.tags[name.slice(TAGS.length)] = value;
  else set!(device, value);
  fields.add(field ?? name);
}

function placeOf(device: Device) {
  return (device.location ??= create(LocationSchema));
}

function numberIn(text: string, field: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  throw invalidField(field, text, "a number");
}

function wholeIn(text: string, field: string): number {
  const value = numberIn(text, field);
  if (Number.isInteger(value)) return value;
  throw invalidField(field, text, "a whole number");
}

function flagIn(text: string, field: string): boolean {
  const word = text.toLowerCase();
  if (["true", "yes", "1"].includes(word)) return true;
  if (["false", "no", "0"].includes(word)) return false;
  throw invalidField(field, text, "true or false");
}

function msIn(text: string, field: string): bigint {
  try {
    return BigInt(Math.round(parseDurationMs(text)));
  } catch (error) {
    throw invalidField(field, text, `a duration such as "90s": ${messageOf(error)}`);
  }
}
