/** What is wrong with a device as JSON, as people call it. Pure. */
import { closestName } from "../model/closest-name.ts";
import { FIELDS } from "./change-device.ts";

/** What people say of each, not what the server fills in. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  Device: ["deviceId", ...Object.values(FIELDS)],
  Sensor: ["metricName", "unit", "validMin", "validMax", "outOfRange", "precision", "description"],
  Location: ["latitude", "longitude", "altitude", "name"],
};
const WORDS: Readonly<Record<string, string>> = {
  ...{ string: "text", boolean: "true or false", number: "a number", bigint: "a whole number" },
};

/** What the library says of a device that it cannot read, without how things are called inside. */
export function jsonProblem(said: string): string {
  const [, type, key] = /^cannot decode message analytics\.(\w+) from JSON: key "(.*)" is unknown$/s.exec(said) ?? [];
  if (type !== undefined) {
    const known = KNOWN[type] ?? [];
    const closest = closestName(key, known);
    const wanted = closest === undefined ? `wanted ${known.join(", ")}` : `did you mean ${closest}?`;
    return `${type.toLowerCase()} has ${JSON.stringify(key)}; ${wanted}`;
  }
  const [, of, field, wrong] = /^cannot decode field analytics\.(\w+)\.(\w+) from JSON: (.*)$/s.exec(said) ?? [];
  if (of === undefined) return said;
  const path = of === "Device" ? field : `${of.toLowerCase()}.${field}`;
  const [, outOfRange] = /^expected bigint \(int64\): (.*) out of range$/s.exec(wrong) ?? [];
  if (outOfRange !== undefined) return `${path} is ${JSON.stringify(outOfRange)}; wanted a whole number${ofMs(field)}`;
  const [, entry, wanted, got] = /^(?:map entry "(.*)": )?expected (\w+)[^,]*, got (.*)$/s.exec(wrong) ?? [];
  if (wanted === undefined) return `${path}: ${wrong}`;
  return `${path}${entry === undefined ? "" : `.${entry}`} is ${got}; wanted ${WORDS[wanted] ?? wanted}${ofMs(field)}`;
}

function ofMs(field: string): string {
  return field.endsWith("_ms") ? " of milliseconds, such as 30000" : "";
}
