/** A message out of JSON that somebody wrote, field by field: all that is wrong is said, each with its place. */
import {
  create,
  mergeFromJson,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { closestName } from "../model/closest-name.ts";
import { truncated } from "../model/errors.ts";

const SHOWN_MAX = 80;

/** `place`: what it is called, such as "panels[3]". Where something is said the message is not whole. */
export function messageIn<D extends DescMessage>(
  schema: D,
  json: JsonValue,
  place: string,
  say: (problem: string) => void,
): MessageShape<D> {
  const message = create(schema);
  if (!isObject(json)) {
    say(`${place} is ${shown(json)}; wanted an object`);
    return message;
  }
  const fields = message as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find(({ jsonName, name }) => jsonName === key || name === key);
    const at = `${place}.${key}`;
    if (field === undefined) say(`${place} has ${shown(key)}; ${wantedKey(key, schema)}`);
    else if (field.fieldKind !== "list" || field.listKind !== "message") {
      try {
        mergeFromJson(schema, message, { [key]: value });
      } catch {
        say(`${at} is ${shown(value)}; wanted ${wantedOf(field)}`);
      }
    } else if (!Array.isArray(value)) say(`${at} is ${shown(value)}; wanted a list`);
    else fields[field.localName] = value.map((one, i) => messageIn(field.message, one, `${at}[${i}]`, say));
  }
  return message;
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function shown(json: JsonValue): string {
  return truncated(JSON.stringify(json), SHOWN_MAX);
}

function wantedKey(key: string, { fields }: DescMessage): string {
  const known = fields.map(({ jsonName }) => jsonName);
  const closest = closestName(key, known);
  return closest === undefined ? `wanted ${known.join(", ")}` : `did you mean ${closest}?`;
}

function wantedOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return wantedScalar(field.scalar);
    case "enum":
      return wantedEnum(field.enum);
    case "map":
      return 'an object, such as {"site": "north"}';
    case "list":
      return field.listKind === "enum" ? `a list of ${wantedEnum(field.enum)}` : "a list of text";
    case "message":
      return field.message.typeName === "google.protobuf.Timestamp"
        ? "a time such as 2026-01-31T12:00:00Z"
        : "an object";
  }
}

function wantedScalar(scalar: ScalarType): string {
  if (scalar === ScalarType.STRING) return "text";
  if (scalar === ScalarType.BOOL) return "true or false";
  return scalar === ScalarType.DOUBLE || scalar === ScalarType.FLOAT ? "a number" : "a whole number";
}

function wantedEnum({ values }: DescEnum): string {
  return `one of ${values
    .slice(1)
    .map(({ name }) => name)
    .join(", ")}`;
}
