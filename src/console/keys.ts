/** Keys of the whole page, and of what it shows. They do nothing while one types, in menus and while a dialog is open. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { KeySequence, type ToldKey } from "./key-sequence.ts";
import { singleKeys } from "./preferences.ts";

export interface Key extends ToldKey {
  run(event: KeyboardEvent): void;
}

/** Of the page or of what it shows. */
export interface KeyGroup {
  readonly title: string;
  readonly keys: readonly Key[];
  /** What has the focus listens for these by itself. */
  readonly told?: readonly ToldKey[];
}

/** All that do something now, those of the page first: what the help shows. */
export const keyGroups = signal<readonly KeyGroup[]>([]);

const TYPING =
  "input:not([type=checkbox], [type=radio], [type=button]), select, textarea, [contenteditable], [role=menu]";

/**
 * Keys of a view or a part of it, for as long as it is rendered: `useKeys("Alerts", [{ keys: "x", label: "Select", run }])`.
 * They come before the page's where they are the same. Say them in titles, too: `title={keyTitle("Select", "x")}`.
 * `told`: those that its parts listen for while they have the focus.
 */
export function useKeys(title: string, keys: readonly Key[], told: readonly ToldKey[] = []): void {
  const present = useRef(keys);
  present.current = keys;
  const names = [...keys, ...told].map((key) => `${key.keys} ${key.label}`).join("\n");
  useEffect(() => {
    // What a key runs is that of the last rendering.
    const stable = keys.map((key, i) => ({ ...key, run: (event: KeyboardEvent) => present.current[i].run(event) }));
    return addKeys({ title, keys: stable, told });
  }, [title, names]);
}

/** Returns what takes them away. */
export function addKeys(group: KeyGroup): () => void {
  keyGroups.value = [...keyGroups.peek(), group];
  return () => (keyGroups.value = keyGroups.peek().filter((each) => each !== group));
}

/** "Select (x)"; without the key where single keys are off. */
export function keyTitle(label: string, keys: string): string {
  return singleKeys.value.value === "on" ? `${label} (${keys})` : label;
}

export function listenForKeys(): void {
  const sequence = new KeySequence<Key>();
  addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey, timeStamp, defaultPrevented, isComposing } = event;
    if (ctrlKey || metaKey || altKey || defaultPrevented || isComposing || singleKeys.value.peek() === "off") return;
    if ((target as Element).closest?.(TYPING) || document.querySelector("dialog[open]")) return;
    const meant = sequence.press(key, timeStamp, keyGroups.peek());
    if (meant === undefined) return;
    event.preventDefault();
    meant.run(event);
  });
}
