/** A line that is being typed: what each key makes of it. Pure. */
import type { Key, KeyName } from "./terminal-keys.ts";

export type EditOutcome =
  | { readonly kind: "edited" }
  | { readonly kind: "entered"; readonly text: string }
  | { readonly kind: "left" }
  | { readonly kind: "suspended" }
  | { readonly kind: "cleared" };

const EDITED: EditOutcome = { kind: "edited" };
const HISTORY_MAX = 200;
const TEXT_LENGTH_MAX = 64 * 1024;
const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export class LineEditor {
  /** Completes what stands before the cursor; "" where there is nothing, or not one thing, to add. */
  readonly #complete: (before: string) => string;
  #text = "";
  /** In UTF-16, never within a grapheme. */
  #at = 0;
  readonly #history: string[] = [];
  /** In the history; its length: at what is being typed. */
  #historyAt = 0;
  #typed = "";
  #killed = "";

  constructor(complete: (before: string) => string = () => "") {
    this.#complete = complete;
  }

  get text(): string {
    return this.#text;
  }

  get at(): number {
    return this.#at;
  }

  press(key: Key): EditOutcome {
    if (key.kind === "text") this.#insert(key.text);
    else return this.#pressed(key.name);
    return EDITED;
  }

  #pressed(name: KeyName): EditOutcome {
    switch (name) {
      case "enter":
        return { kind: "entered", text: this.#enter() };
      case "interrupt":
        return { kind: "left" };
      case "end-of-input":
        if (this.#text === "") return { kind: "left" };
        this.#remove(this.#at, this.#next(this.#at));
        return EDITED;
      case "suspend":
        return { kind: "suspended" };
      case "clear-screen":
        return { kind: "cleared" };
      default:
        this.#edit(name);
        return EDITED;
    }
  }

  #edit(name: KeyName): void {
    const at = this.#at;
    switch (name) {
      case "newline":
        return this.#insert("\n");
      case "tab":
        return this.#insert(this.#complete(this.#text.slice(0, at)));
      case "backspace":
        return this.#remove(this.#before(at), at);
      case "delete":
        return this.#remove(at, this.#next(at));
      case "left":
        return void (this.#at = this.#before(at));
      case "right":
        return void (this.#at = this.#next(at));
      case "home":
        return void (this.#at = this.#lineStart(at));
      case "end":
        return void (this.#at = this.#lineEnd(at));
      case "word-left":
        return void (this.#at = this.#wordLeft(at));
      case "word-right":
        return void (this.#at = this.#wordRight(at));
      case "kill-word":
        return this.#kill(this.#wordLeft(at), at);
      case "kill-word-right":
        return this.#kill(at, this.#wordRight(at));
      case "kill-left":
        return this.#kill(this.#lineStart(at), at);
      case "kill-right":
        return this.#kill(at, this.#lineEnd(at));
      case "yank":
        return this.#insert(this.#killed);
      case "up":
        return this.#recall(this.#historyAt - 1);
      case "down":
        return this.#recall(this.#historyAt + 1);
    }
  }

  #enter(): string {
    const text = this.#text;
    if (text.trim() !== "" && this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#historyAt = this.#history.length;
    this.#set("");
    return text;
  }

  #recall(at: number): void {
    if (at < 0 || at > this.#history.length) return;
    if (this.#historyAt === this.#history.length) this.#typed = this.#text;
    this.#historyAt = at;
    this.#set(this.#history[at] ?? this.#typed);
  }

  #set(text: string): void {
    this.#text = text;
    this.#at = text.length;
  }

  #insert(text: string): void {
    const room = TEXT_LENGTH_MAX - this.#text.length;
    const fitting = text.length <= room ? text : text.slice(0, Math.max(0, room));
    this.#text = this.#text.slice(0, this.#at) + fitting + this.#text.slice(this.#at);
    this.#at += fitting.length;
  }

  #remove(from: number, to: number): void {
    this.#text = this.#text.slice(0, from) + this.#text.slice(to);
    this.#at = from;
  }

  #kill(from: number, to: number): void {
    if (from === to) return;
    this.#killed = this.#text.slice(from, to);
    this.#remove(from, to);
  }

  #before(at: number): number {
    // Far enough back for any grapheme that is no hoax.
    const from = Math.max(0, at - 64);
    const last = [...graphemes.segment(this.#text.slice(from, at))].at(-1);
    return last === undefined ? at : from + last.index;
  }

  #next(at: number): number {
    const [first] = graphemes.segment(this.#text.slice(at, at + 64));
    return first === undefined ? at : at + first.segment.length;
  }

  #lineStart(at: number): number {
    return this.#text.lastIndexOf("\n", at - 1) + 1;
  }

  #lineEnd(at: number): number {
    const end = this.#text.indexOf("\n", at);
    return end < 0 ? this.#text.length : end;
  }

  #wordLeft(at: number): number {
    return this.#text.slice(0, at).replace(/\S*\s*$/u, "").length;
  }

  #wordRight(at: number): number {
    return at + /^\s*\S*/u.exec(this.#text.slice(at))![0].length;
  }
}
