/** What is typed on a terminal: keys, the line they make, and how it stands below what is printed. */
import { describe, expect, test } from "bun:test";
import { CHAT_COMMANDS, completionOf } from "../../src/model/chat-command.ts";
import { LineEditor } from "../../src/cli/line-editor.ts";
import { layoutPrompt } from "../../src/cli/prompt-layout.ts";
import { PromptScreen } from "../../src/cli/prompt-screen.ts";
import { TerminalKeys, type Key } from "../../src/cli/terminal-keys.ts";
import { randomOf } from "../support/random.ts";
import { ToyTerminal } from "./toy-terminal.ts";

const shown = (keys: readonly Key[]) => keys.map((key) => (key.kind === "text" ? JSON.stringify(key.text) : key.name));

describe("keys", () => {
  test("text, controls and sequences, wherever they are cut", () => {
    const typed = "aé漢\x1b[A\x1b[1;5D\x1bOC\x1bb\x7f\x01x\x1b[3~\r\x1b[200~one\r\ntwo\x1b[31m\x07\ttab\x1b[201~z\x04";
    const wanted = [
      ...['"aé漢"', "up", "word-left", "right", "word-left", "backspace", "home", '"x"', "delete", "enter"],
      ...['"one\\ntwo[31m\\ttab"', '"z"', "end-of-input"],
    ];
    expect(shown(new TerminalKeys().take(typed))).toEqual(wanted);
    for (let cut = 1; cut < typed.length; cut++) {
      const keys = new TerminalKeys();
      const taken = shown([...keys.take(typed.slice(0, cut)), ...keys.take(typed.slice(cut))]);
      // Text alone may come in two.
      expect(taken.join(" ").replaceAll('" "', "")).toBe(wanted.join(" ").replaceAll('" "', ""));
    }
  });

  test("unknown sequences and controls are nothing", () => {
    expect(shown(new TerminalKeys().take("\x1b[99~\x1b[?1;2c\x1b[<0;1;1M\x00\x1c\x1bzok"))).toEqual(['"ok"']);
  });
});

function typed(text: string, editor = new LineEditor(completionOf)): LineEditor {
  for (const key of new TerminalKeys().take(text)) editor.press(key);
  return editor;
}

/** With | where the cursor is. */
function line(text: string): string {
  const { text: whole, at } = typed(text);
  return `${whole.slice(0, at)}|${whole.slice(at)}`;
}

describe("the line", () => {
  test("is edited as shells do it", () => {
    expect(line("abc\x1b[D\x1b[DX")).toBe("aX|bc");
    expect(line("one two three\x17\x17x")).toBe("one x|");
    expect(line("one two\x01\x1bd!")).toBe("!| two");
    expect(line("one two\x1bb\x0b\x01\x19 ")).toBe("two |one ");
    expect(line("abc\x15\x7f\x1b[Cok")).toBe("ok|");
    expect(line("abc\x02\x04\x02\x04")).toBe("a|");
    expect(line("\x1b[200~a\nb c\x1b[201~\x01x\x1b[F\x0b")).toBe("a\nxb c|");
  });

  test("moves over what people see as one character", () => {
    expect(line("a👩‍👩‍👧e\u0301漢\x7f\x1b[D\x1b[Dx")).toBe("ax|👩‍👩‍👧e\u0301");
    expect(line("a👩‍👩‍👧e\u0301\x7f\x7f")).toBe("a|");
  });

  test("comes back from the history, and what was being typed after it", () => {
    const editor = typed("first\rsecond\rsecond\r  \rtyp");
    const seen = ["\x1b[A", "\x1b[A", "\x1b[A", "\x1b[B", "\x1b[B", "\x1b[B"].map((key) => typed(key, editor).text);
    expect(seen).toEqual(["second", "first", "first", "second", "typ", "typ"]);
  });

  test("is entered, left, and left where nothing is typed", () => {
    const press = (text: string, last: string) => typed(text).press(new TerminalKeys().take(last)[0]);
    expect(press("hi", "\r")).toEqual({ kind: "entered", text: "hi" });
    expect(press("hi", "\x03")).toEqual({ kind: "left" });
    expect(press("", "\x04")).toEqual({ kind: "left" });
    expect(press("hi", "\x04")).toEqual({ kind: "edited" });
    expect(typed(`${"x".repeat(70_000)}`).text.length).toBe(64 * 1024);
  });

  test("completes commands as far as they are told apart", () => {
    expect(line("/h\t")).toBe("/help |");
    expect(line("/as\tx")).toBe("/assign x|");
    expect(line("/a\t")).toBe("/a|");
    expect(line("/iss\t")).toBe("/issue|");
    expect(line("/zz\t")).toBe("/zz|");
    expect(line("a /h\t")).toBe("a /h|");
    expect(CHAT_COMMANDS.length).toBeGreaterThan(5);
  });
});

test("a prompt wraps where the terminal does, and shows what is around the cursor where there are too many rows", () => {
  const size = { columns: 10, rowsMax: 3 };
  expect(layoutPrompt("> ", "12345678", 8, size)).toEqual({ rows: ["> 12345678", ""], cursorRow: 1, cursorColumn: 0 });
  expect(layoutPrompt("> ", "1234567漢x", 7, size)).toEqual({
    rows: ["> 1234567", "漢x"],
    cursorRow: 1,
    cursorColumn: 0,
  });
  expect(layoutPrompt("> ", "a\n\nb", 2, size)).toEqual({ rows: ["> a", "", "b"], cursorRow: 1, cursorColumn: 0 });
  const long = layoutPrompt("> ", "x".repeat(100), 0, size);
  expect(long).toEqual({ rows: ["> xxxxxxxx", "xxxxxxxxxx", "xxxxxxxxxx"], cursorRow: 0, cursorColumn: 2 });
  expect(layoutPrompt("> ", "x".repeat(100), 100, size)).toMatchObject({ cursorRow: 2, cursorColumn: 2 });
  expect(layoutPrompt("> ", "\x1b[31m\u202e\x07", 0, size).rows).toEqual(["> �[31m��"]);
});

test("whatever is printed and typed, the prompt stands once below everything, and nothing is lost or left behind", () => {
  const random = randomOf(11);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
  const alphabet = ["a", "b ", "漢", "é", "👩‍👩‍👧", "\n", "word ", "\t"];
  const keys = ["\x1b[D", "\x1b[C", "\x01", "\x05", "\x7f", "\x17", "\x15", "\x0b", "\x19"];
  for (let run = 0; run < 60; run++) {
    const terminal = new ToyTerminal(8 + Math.floor(random() * 40), 40);
    const editor = new LineEditor();
    const size = { columns: terminal.columns, rowsMax: 6 };
    const screen = new PromptScreen(terminal, () => layoutPrompt("s> ", editor.text, editor.at, size));
    const printed: string[] = [];
    screen.redraw();
    for (let step = 0; step < 60; step++) {
      if (random() < 0.3) {
        const line = Array.from({ length: Math.floor(random() * 30) }, () => pick(["x", "漢", "yz ", "é"])).join("");
        printed.push(...Bun.wrapAnsi(line, terminal.columns, { hard: true, trim: false }).split("\n"));
        screen.print([line]);
      } else {
        const text = random() < 0.7 ? pick(alphabet) : pick(keys);
        for (const key of new TerminalKeys().take(text === "\n" ? "\x1b\r" : text)) editor.press(key);
        screen.redraw();
      }
      const { rows, cursorRow, cursorColumn } = layoutPrompt("s> ", editor.text, editor.at, size);
      const wanted = [...printed, ...rows].map((each) => each.trimEnd());
      while (wanted.at(-1) === "") wanted.pop();
      expect(terminal.text).toEqual(wanted);
      expect([terminal.row, terminal.column]).toEqual([
        printed.length + cursorRow,
        Math.min(cursorColumn, terminal.columns - 1),
      ]);
      expect(terminal.isCursorShown).toBe(true);
    }
    screen.erase();
    const left = [...printed].map((each) => each.trimEnd());
    while (left.at(-1) === "") left.pop();
    expect(terminal.text).toEqual(left);
  }
});

test("a terminal that has grown narrower has wrapped the prompt: all of it is taken away", () => {
  const terminal = new ToyTerminal(20, 30);
  let size = { columns: 20, rowsMax: 6 };
  const text = "0123456789 0123456789 0123456789";
  const screen = new PromptScreen(terminal, () => layoutPrompt("s> ", text, text.length, size));
  screen.print(["said"]);
  // What terminals do that reflow: two rows of 20 and 15 become four of 12, 8, 12 and 3.
  terminal.lines = ["said", "s> 012345678", "9 012345", "6789 0123456", "789"].map((each) => [...each]);
  terminal.columns = 12;
  terminal.row = 4;
  terminal.column = 3;
  size = { columns: 12, rowsMax: 6 };
  screen.redraw();
  expect(terminal.text).toEqual(["said", "s> 012345678", "9 0123456789", " 0123456789"]);
});
