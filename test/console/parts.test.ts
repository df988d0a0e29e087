import { Code, ConnectError } from "@connectrpc/connect";
import { beforeEach, expect, test } from "bun:test";
import { fileName } from "../../src/console/parts/file-name.ts";
import { nextInMenu } from "../../src/console/parts/menu-keys.ts";
import { putAwayErrors, tell, tellError, toasts } from "../../src/console/parts/tell.ts";

beforeEach(() => {
  toasts.value = [];
});

test("in a menu arrows go round, and a letter goes to the next entry that begins with it", () => {
  const labels = ["Acknowledge", "Silence", "Assign"];
  const from = (key: string, at: number) => nextInMenu(key, at, labels);
  expect([from("ArrowDown", 2), from("ArrowUp", 0), from("ArrowUp", -1), from("Home", 2), from("End", 0)]).toEqual([
    0, 2, 2, 0, 2,
  ]);
  expect([from("a", 0), from("A", 2), from("s", 1), from("a", -1)]).toEqual([2, 0, 1, 0]);
  expect([from("z", 0), from(" ", 0), from("Tab", 0), nextInMenu("Home", 0, [])]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("a file is called what its title says, whatever stands in it", () => {
  expect(
    [" Pump 3: ../etc/passwd?", "Kühlung, Halle 2", "x".repeat(200)].map((title) => fileName(title, "chart")),
  ).toEqual(["Pump-3-..-etc-passwd", "Kühlung-Halle-2", "x".repeat(80)]);
  expect([fileName("", "chart"), fileName("../..", "chart")]).toEqual(["chart", "chart"]);
});

test("what is told again counts, the newest stay, and no more than four", () => {
  for (const text of ["a", "b", "a", "c", "d", "e"]) tell(text);
  expect(toasts.value.map(({ text, times }) => [text, times])).toEqual([
    ["a", 2],
    ["c", 1],
    ["d", 1],
    ["e", 1],
  ]);
});

test("an error says what was tried and what the server said; one that was cancelled says nothing", () => {
  tellError(new ConnectError("no device pump-9", Code.NotFound), "Pump 9 was not saved");
  tellError(new ConnectError("gone", Code.Canceled));
  tellError(new TypeError("the server is silent"));
  expect(toasts.value.map(({ text, isError }) => [text, isError])).toEqual([
    ["Pump 9 was not saved: no device pump-9", true],
    ["the server is silent", true],
  ]);
});

test("what is tried again puts away what was told of it, and nothing else", () => {
  for (const text of ["no metric", "no device"]) tellError(new Error(text), "It was not saved");
  tellError(new Error("no rule"), "The rule was not saved");
  tell("It was not saved");
  putAwayErrors("It was not saved");
  expect(toasts.value.map(({ text }) => text)).toEqual(["The rule was not saved: no rule", "It was not saved"]);
});
