/** What was asked for, in a line for people: however large a message is, only so much of it is looked at. */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

const [TEXT_MAX, STRING_MAX, ITEMS_MAX, DEPTH_MAX] = [400, 80, 4, 3];

/** "{metric: "temp", step_ms: 60000}"; what is left out is an ellipsis. */
export function requestText(schema: DescMessage, message: unknown): string {
  if (typeof message !== "object" || message === null) return "";
  return cut(messageText(schema, message as Message, 0), TEXT_MAX);
}

function messageText(schema: DescMessage, message: Message, depth: number): string {
  if (depth > DEPTH_MAX) return "{…}";
  const parts: string[] = [];
  let length = 0;
  for (const field of schema.fields) {
    const value = valueOf(field, message as unknown as Record<string, unknown>);
    if (value === undefined) continue;
    const text = fieldText(field, value, depth);
    if (text === "") continue;
    if (length > TEXT_MAX) {
      parts.push("…");
      break;
    }
    parts.push(`${field.name}: ${text}`);
    length += text.length + field.name.length;
  }
  return `{${parts.join(", ")}}`;
}

function valueOf({ oneof, localName }: DescField, message: Record<string, unknown>): unknown {
  if (oneof === undefined) return message[localName];
  const one = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
  return one?.case === localName ? one.value : undefined;
}

/** "": it says nothing. */
function fieldText(field: DescField, value: unknown, depth: number): string {
  const one = (item: unknown) => itemText(field.message, item, depth);
  if (field.fieldKind === "list") {
    const items = value as readonly unknown[];
    if (items.length === 0) return "";
    return `[${[...items.slice(0, ITEMS_MAX).map(one), ...(items.length > ITEMS_MAX ? ["…"] : [])].join(", ")}]`;
  }
  if (field.fieldKind === "map") {
    const parts: string[] = [];
    for (const key in value as Record<string, unknown>) {
      if (parts.length === ITEMS_MAX) return `{${parts.join(", ")}, …}`;
      parts.push(`${JSON.stringify(cut(key, STRING_MAX))}: ${one((value as Record<string, unknown>)[key])}`);
    }
    return parts.length === 0 ? "" : `{${parts.join(", ")}}`;
  }
  if (!field.oneof && (value === "" || value === 0 || value === 0n || value === false)) return "";
  return one(value);
}

function itemText(schema: DescMessage | undefined, value: unknown, depth: number): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return JSON.stringify(cut(value, STRING_MAX));
  if (schema === undefined || typeof value !== "object" || value === null) return String(value);
  const { seconds } = value as { seconds?: bigint };
  if (schema.typeName === "google.protobuf.Timestamp") return instant(Number(seconds));
  return messageText(schema, value as Message, depth + 1);
}

function instant(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString();
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`;
}
