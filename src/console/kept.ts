/** What the browser keeps of one's choices, under names that begin with "watchpost."; where it keeps nothing they last as long as the page. */
import { signal, type Signal } from "@preact/signals";

export interface Kept<T extends string> {
  readonly value: Signal<T>;
  set(value: T): void;
}

/** `isValid` is asked of what was kept, for an older version may have kept it. */
export function kept<T extends string>(name: string, otherwise: T, isValid: (text: string) => text is T): Kept<T> {
  const before = readKept(name);
  const value = signal(before !== null && isValid(before) ? before : otherwise);
  return {
    value,
    set(chosen) {
      writeKept(name, chosen);
      value.value = chosen;
    },
  };
}

/** One of a few. */
export function keptChoice<T extends string>(name: string, choices: readonly [T, ...T[]]): Kept<T> {
  return kept(name, choices[0], (text): text is T => (choices as readonly string[]).includes(text));
}

/** In the browser's storage. */
export function keyOf(name: string): string {
  return `watchpost.${name}`;
}

/** Where the browser keeps nothing. */
const unkept = new Map<string, string>();

/** Null: nothing. What other tabs keep is among it. */
export function readKept(name: string): string | null {
  const key = keyOf(name);
  try {
    return unkept.get(key) ?? globalThis.localStorage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

export function writeKept(name: string, text: string): void {
  const key = keyOf(name);
  unkept.set(key, text);
  try {
    if (globalThis.localStorage === undefined) return;
    localStorage.setItem(key, text);
    unkept.delete(key);
  } catch {
    // It is full, or the browser's settings forbid it.
  }
}

export function removeKept(name: string): void {
  const key = keyOf(name);
  unkept.delete(key);
  try {
    globalThis.localStorage?.removeItem(key);
  } catch {
    // Nothing is kept there.
  }
}

/** What was kept as JSON, as far as each member has the type it has in `standard`; all else is as there. */
export function membersOf<T extends object>(text: string | null, standard: T): T {
  let read: unknown;
  try {
    read = JSON.parse(text ?? "null");
  } catch {
    return standard;
  }
  const usual = new Map<string, unknown>(Object.entries(standard));
  const members = Object.entries(read ?? {}).filter(([name, value]) => isAs(value, usual.get(name)));
  return { ...standard, ...Object.fromEntries(members) };
}

function isAs(value: unknown, usual: unknown): boolean {
  if (!Array.isArray(usual)) return usual !== undefined && typeof value === typeof usual;
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
