/** What was asked for, as text for people: however large a message is, only so much of it is looked at. */
import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";

/** How much of a message is told. */
export interface TextBounds {
  /** Characters in all. */
  readonly text: number;
  /** Characters of one string. */
  readonly string: number;
  /** Of one list or map. */
  readonly items: number;
  /** Messages in messages. */
  readonly depth: number;
}

/** A line among others. */
const LINE: TextBounds = { text: 400, string: 80, items: 4, depth: 3 };

/** What is still to be told, of one message and all that is in it. */
interface Telling extends TextBounds {
  left: number;
}

/** "{metric: "temp", step_ms: 60000}"; what is left out is an ellipsis. */
export function requestText(schema: DescMessage, message: unknown, bounds = LINE): string {
  if (typeof message !== "object" || message === null || message instanceof Uint8Array) return "";
  return cut(messageText(schema, message as Message, 0, { ...bounds, left: bounds.text }), bounds.text);
}

function messageText(schema: DescMessage, message: Message, depth: number, telling: Telling): string {
  if (depth > telling.depth) return "{…}";
  const parts: string[] = [];
  for (const field of schema.fields) {
    const value = valueOf(field, message as unknown as Record<string, unknown>);
    if (value === undefined) continue;
    if (telling.left <= 0) {
      if (!isNothing(field, value)) return `{${[...parts, "…"].join(", ")}}`;
      continue;
    }
    const text = fieldText(field, value, depth, telling);
    if (text === "") continue;
    parts.push(`${field.name}: ${text}`);
    telling.left -= field.name.length;
  }
  return `{${parts.join(", ")}}`;
}

function valueOf({ oneof, localName }: DescField, message: Record<string, unknown>): unknown {
  if (oneof === undefined) return message[localName];
  const one = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
  return one?.case === localName ? one.value : undefined;
}

/** It says nothing. */
function isNothing({ fieldKind, oneof }: DescField, value: unknown): boolean {
  if (fieldKind === "list") return (value as readonly unknown[]).length === 0;
  if (fieldKind === "map") {
    for (const _key in value as Record<string, unknown>) return false;
    return true;
  }
  return !oneof && (value === "" || value === 0 || value === 0n || value === false);
}

/** "": it says nothing. */
function fieldText(field: DescField, value: unknown, depth: number, telling: Telling): string {
  if (isNothing(field, value)) return "";
  const one = (item: unknown) => itemText(field, item, depth, telling);
  if (field.fieldKind === "list") return `[${itemsText(value as readonly unknown[], one, telling)}]`;
  if (field.fieldKind !== "map") return one(value);
  const map = value as Record<string, unknown>;
  return `{${itemsText(keysOf(map), (key) => `${keyText(key, telling)}: ${one(map[key])}`, telling)}}`;
}

function itemsText<T>(items: Iterable<T>, text: (item: T) => string, telling: Telling): string {
  const parts: string[] = [];
  for (const item of items) {
    if (parts.length === telling.items || telling.left <= 0) return [...parts, "…"].join(", ");
    parts.push(text(item));
  }
  return parts.join(", ");
}

function* keysOf(map: Record<string, unknown>): Iterable<string> {
  for (const key in map) yield key;
}

function keyText(key: string, telling: Telling): string {
  return told(JSON.stringify(cut(key, telling.string)), telling);
}

function itemText({ message, enum: names }: DescField, value: unknown, depth: number, telling: Telling): string {
  if (message === undefined || typeof value !== "object" || value === null || value instanceof Uint8Array) {
    return told(plainText(names, value, telling), telling);
  }
  const { seconds } = value as { seconds?: bigint };
  if (message.typeName === "google.protobuf.Timestamp") return told(instant(Number(seconds)), telling);
  return messageText(message, value as Message, depth + 1, telling);
}

function plainText(names: DescEnum | undefined, value: unknown, telling: Telling): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "string") return JSON.stringify(cut(value, telling.string));
  return names?.value[value as number]?.name ?? String(value);
}

/** `text`, which takes its part of what is still to be told. */
function told(text: string, telling: Telling): string {
  // Not nothing either way: of what is empty a list may hold a lot.
  telling.left -= text.length + 2;
  return text;
}

function instant(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString();
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).toWellFormed()}…`;
}
