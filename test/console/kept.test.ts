/** What the browser keeps of one's choices, and browsers that keep nothing. */
import { afterEach, expect, test } from "bun:test";
import { Lease } from "../../src/console/attention/lease.ts";
import { membersOf, readKept, removeKept, writeKept } from "../../src/console/kept.ts";

const given = Object.getOwnPropertyDescriptor(globalThis, "localStorage");

afterEach(() => {
  removeKept("x");
  if (given === undefined) Reflect.deleteProperty(globalThis, "localStorage");
  else Object.defineProperty(globalThis, "localStorage", given);
});

function browserWith(get: () => unknown): void {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get });
}

const refuse = () => {
  throw new DOMException("Access is denied for this document.", "SecurityError");
};
const FULL = { getItem: () => "old", setItem: refuse, removeItem: () => undefined };

test.each([
  ["forbids it", refuse],
  ["has none", () => undefined],
  ["has no room", () => FULL],
])("where the browser %s, it lasts as long as the page", (_, get) => {
  browserWith(get);
  writeKept("x", "kept");
  expect(readKept("x")).toBe("kept");
  removeKept("x");
  expect(readKept("x")).toBe(get === refuse || get() === undefined ? null : "old");
  // Whoever cannot agree with other tabs sounds.
  const store = {
    read: () => readKept("x"),
    write: (text: string) => writeKept("x", text),
    remove: () => removeKept("x"),
  };
  expect(new Lease(store, "tab").hold(0)).toBe(true);
});

test("where it is kept, what other tabs have written since is read", () => {
  const texts = new Map<string, string>();
  browserWith(() => ({
    getItem: (key: string) => texts.get(key) ?? null,
    setItem: (key: string, text: string) => texts.set(key, text),
    removeItem: (key: string) => texts.delete(key),
  }));
  writeKept("x", "mine");
  expect([...texts]).toEqual([["watchpost.x", "mine"]]);
  texts.set("watchpost.x", "theirs");
  expect(readKept("x")).toBe("theirs");
});

test.each([
  ["", {}],
  ["{", {}],
  ["null", {}],
  ["[1]", {}],
  ['"text"', {}],
  ['{"volume":"loud","severities":{"critical":true}}', {}],
  ['{"severities":["high",3]}', {}],
  ['{"isOn":false,"volume":1,"other":1,"__proto__":{"a":1}}', { isOn: false, volume: 1 }],
  ['{"severities":[]}', { severities: [] }],
])("of %p what is of its kind is taken", (text, taken) => {
  const standard = { isOn: true, volume: 0.4, severities: ["critical"] };
  expect(membersOf(text, standard)).toEqual({ ...standard, ...taken });
});
