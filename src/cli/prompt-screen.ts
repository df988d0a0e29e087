/** A terminal with a prompt below everything that is printed: text goes above it, and it is drawn anew. */
import type { PromptLayout } from "./prompt-layout.ts";

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

const ERASE_DOWN = "\x1b[J";
/** Drawn without the cursor running over it. */
const HIDE = "\x1b[?25l";
const SHOW = "\x1b[?25h";

export class PromptScreen {
  readonly #terminal: Terminal;
  readonly #layout: (terminal: Terminal) => PromptLayout;
  #drawn: PromptLayout | undefined;
  #isClosed = false;

  /** `layout` is asked for the prompt whenever it is drawn. */
  constructor(terminal: Terminal, layout: (terminal: Terminal) => PromptLayout) {
    this.#terminal = terminal;
    this.#layout = layout;
  }

  /** Lines without what steers a terminal, but colours; those that are wider than it are broken between words. */
  print(lines: readonly string[]): void {
    const { columns } = this.#terminal;
    const fitting = lines.map((line) => Bun.wrapAnsi(line, columns, { hard: true, trim: false }));
    this.#draw(fitting.map((line) => `${line.replaceAll("\n", "\r\n")}\r\n`).join(""));
  }

  /** What is typed, or the terminal's size, has changed. */
  redraw(): void {
    this.#draw("");
  }

  /** With nothing but the prompt on it. */
  clear(): void {
    this.#drawn = undefined;
    this.#draw("\x1b[H\x1b[2J");
  }

  /** Takes the prompt away until it is drawn again. */
  erase(): void {
    this.#terminal.write(`${this.#home()}${SHOW}`);
    this.#drawn = undefined;
  }

  /** The same for good: what is printed from now on has no prompt below it. */
  close(): void {
    this.erase();
    this.#isClosed = true;
  }

  #draw(above: string): void {
    if (this.#isClosed) return this.#terminal.write(above);
    const layout = this.#layout(this.#terminal);
    const { rows, cursorRow, cursorColumn } = layout;
    const up = rows.length - 1 - cursorRow;
    const back = `${up > 0 ? `\x1b[${up}A` : ""}\r${cursorColumn > 0 ? `\x1b[${cursorColumn}C` : ""}`;
    this.#terminal.write(`${HIDE}${this.#home()}${above}${rows.join("\r\n")}${back}${SHOW}`);
    this.#drawn = layout;
  }

  /** To where the prompt began, and erases it. */
  #home(): string {
    if (this.#drawn === undefined) return "";
    const { rows, cursorRow, cursorColumn } = this.#drawn;
    // Terminals wrap what was wider than they are now.
    const { columns } = this.#terminal;
    const wrapped = rows.slice(0, cursorRow).map((row) => Math.max(1, Math.ceil(Bun.stringWidth(row) / columns)));
    const up = wrapped.reduce((sum, count) => sum + count, Math.floor(cursorColumn / columns));
    return `${up > 0 ? `\x1b[${up}A` : ""}\r${ERASE_DOWN}`;
  }
}
