/** What the browser keeps of one's choices, under names that begin with "watchpost."; where it keeps nothing they last as long as the page. */
import { signal, type Signal } from "@preact/signals";

export interface Kept<T extends string> {
  readonly value: Signal<T>;
  set(value: T): void;
}

/** `isValid` is asked of what was kept, for an older version may have kept it. */
export function kept<T extends string>(name: string, otherwise: T, isValid: (text: string) => text is T): Kept<T> {
  const key = `watchpost.${name}`;
  const before = read(key);
  const value = signal(before !== null && isValid(before) ? before : otherwise);
  return {
    value,
    set(chosen) {
      write(key, chosen);
      value.value = chosen;
    },
  };
}

/** One of a few. */
export function keptChoice<T extends string>(name: string, choices: readonly [T, ...T[]]): Kept<T> {
  return kept(name, choices[0], (text): text is T => (choices as readonly string[]).includes(text));
}

function read(key: string): string | null {
  try {
    return globalThis.localStorage?.getItem(key) ?? null;
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    globalThis.localStorage?.setItem(key, value);
  } catch {
    // It is full, or the browser's settings forbid it.
  }
}
