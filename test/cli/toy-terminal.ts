/** As much of a terminal as prompts need: rows of cells, a cursor, and what scrolled away. */
import type { Terminal } from "../../src/cli/prompt-screen.ts";

const graphemes = new Intl.Segmenter();

export class ToyTerminal implements Terminal {
  columns: number;
  readonly rows: number;
  /** Everything from the first line on; the last {@link rows} of them are on the screen. */
  lines: string[][] = [[]];
  row = 0;
  column = 0;
  isCursorShown = true;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Lines as they are seen, without spaces at their ends and empty ones below. */
  get text(): string[] {
    const lines = this.lines.map((cells) =>
      Array.from(cells, (cell) => cell ?? " ")
        .join("")
        .trimEnd(),
    );
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }

  write(text: string): void {
    let rest = text;
    while (rest !== "") {
      const [sequence, parameters, final] = /^\x1b\[([?\d;]*)([A-Za-z])/.exec(rest) ?? [];
      if (sequence !== undefined) {
        this.#control(final, parameters);
        rest = rest.slice(sequence.length);
      } else if (rest[0] === "\r") {
        this.column = 0;
        rest = rest.slice(1);
      } else if (rest[0] === "\n") {
        this.#down();
        rest = rest.slice(1);
      } else {
        const [{ segment }] = graphemes.segment(rest);
        if (/\p{Cc}/u.test(segment)) throw new Error(`unexpected ${JSON.stringify(segment)}`);
        this.#put(segment);
        rest = rest.slice(segment.length);
      }
    }
  }

  #put(segment: string): void {
    const width = Bun.stringWidth(segment);
    if (this.column + width > this.columns) {
      this.column = 0;
      this.#down();
    }
    const line = this.lines[this.row];
    line[this.column] = segment;
    for (let i = 1; i < width; i++) line[this.column + i] = "";
    this.column += width;
  }

  #down(): void {
    this.row++;
    if (this.row === this.lines.length) this.lines.push([]);
  }

  #control(final: string, parameters: string): void {
    const count = Number(parameters || 1);
    switch (final) {
      case "A":
        return void (this.row = Math.max(this.#top, this.row - count));
      case "C":
        return void (this.column = Math.min(this.columns - 1, this.column + count));
      case "J":
        if (parameters === "2") this.lines.splice(this.#top, Infinity, ...Array.from({ length: this.rows }, () => []));
        else this.lines.splice(this.row, Infinity, this.lines[this.row].slice(0, this.column));
        return;
      case "H":
        this.row = this.#top;
        this.column = 0;
        return;
      case "h":
      case "l":
        if (parameters === "?25") this.isCursorShown = final === "h";
        return;
      case "m":
        return;
      default:
        throw new Error(`unexpected sequence ${parameters}${final}`);
    }
  }

  get #top(): number {
    return Math.max(0, this.lines.length - this.rows);
  }
}
