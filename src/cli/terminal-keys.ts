/** What a person types on a terminal in raw mode: text to keys. Pure. */

export type KeyName =
  | "enter"
  | "newline"
  | "backspace"
  | "delete"
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "word-left"
  | "word-right"
  | "kill-word"
  | "kill-word-right"
  | "kill-left"
  | "kill-right"
  | "yank"
  | "tab"
  | "clear-screen"
  | "interrupt"
  | "end-of-input"
  | "suspend";

export type Key =
  | { readonly kind: "key"; readonly name: KeyName }
  /** Typed or pasted; has no control characters but line breaks and tabs, and those only where it was pasted. */
  | { readonly kind: "text"; readonly text: string };

const CONTROLS: Readonly<Record<string, KeyName>> = {
  "\r": "enter",
  "\n": "newline",
  "\x7f": "backspace",
  "\b": "backspace",
  "\t": "tab",
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end-of-input",
  "\x05": "end",
  "\x06": "right",
  "\x0b": "kill-right",
  "\x0c": "clear-screen",
  "\x0e": "down",
  "\x10": "up",
  "\x15": "kill-left",
  "\x17": "kill-word",
  "\x19": "yank",
  "\x1a": "suspend",
};
/** Behind ESC. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  "[1~": "home",
  "[7~": "home",
  "[4~": "end",
  "[8~": "end",
  "[3~": "delete",
  "[1;5C": "word-right",
  "[1;3C": "word-right",
  "[1;5D": "word-left",
  "[1;3D": "word-left",
  OA: "up",
  OB: "down",
  OC: "right",
  OD: "left",
  OH: "home",
  OF: "end",
  b: "word-left",
  f: "word-right",
  d: "kill-word-right",
  "\x7f": "kill-word",
  "\b": "kill-word",
  "\r": "newline",
  "\n": "newline",
};
const PASTE_BEGINS = "\x1b[200~";
const PASTE_ENDS = "\x1b[201~";
/** CSI and SS3, or one more character. */
const SEQUENCE = /^\x1b(\[[0-?]*[ -/]*[@-~]|O[^]|[^[O])/u;
const UNFINISHED = /^\x1b(\[[0-?]*[ -/]*|O)?$/;
const PASTED_LENGTH_MAX = 1024 * 1024;

/** Turns bracketed paste on, and off. */
export const PASTE_ON = "\x1b[?2004h";
export const PASTE_OFF = "\x1b[?2004l";

export class TerminalKeys {
  /** The beginning of a sequence, or of what is pasted, whose end has not come. */
  #rest = "";

  take(chunk: string): Key[] {
    const keys: Key[] = [];
    let text = this.#rest + chunk;
    this.#rest = "";
    while (text !== "") {
      if (text.startsWith(PASTE_BEGINS)) {
        const end = text.indexOf(PASTE_ENDS);
        if (end < 0 && text.length <= PASTED_LENGTH_MAX) return this.#waiting(keys, text);
        const pasted = pastedText(text.slice(PASTE_BEGINS.length, end < 0 ? undefined : end));
        if (pasted !== "") keys.push({ kind: "text", text: pasted });
        text = end < 0 ? "" : text.slice(end + PASTE_ENDS.length);
      } else if (text[0] === "\x1b") {
        if (UNFINISHED.test(text)) return this.#waiting(keys, text);
        const [whole, sequence] = SEQUENCE.exec(text) ?? ["\x1b", ""];
        const name = SEQUENCES[sequence];
        if (name !== undefined) keys.push({ kind: "key", name });
        text = text.slice(whole.length);
      } else {
        const [plain] = /^[^\p{Cc}]*/u.exec(text)!;
        if (plain !== "") keys.push({ kind: "text", text: plain });
        const name = plain === "" ? CONTROLS[text[0]] : undefined;
        if (name !== undefined) keys.push({ kind: "key", name });
        text = text.slice(plain.length || 1);
      }
    }
    return keys;
  }

  #waiting(keys: Key[], rest: string): Key[] {
    this.#rest = rest;
    return keys;
  }
}

/** Terminals send line breaks as the Enter key does. */
function pastedText(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(/[^\P{Cc}\n\t]/gu, "");
}
