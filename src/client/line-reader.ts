/** Lines of a file to points: finds out what it is by its first line, and puts CSV records of several lines together. */
import type { Point } from "./batch.ts";
import { csvParser, OPEN_QUOTE, parseJsonLine, type ParsedLine } from "./parse-point.ts";

export const LINE_CHARACTERS_MAX = 1024 * 1024;
/** Of a CSV record in several lines: more than all tags a point may have, so that a stray quote costs little. */
const RECORD_CHARACTERS_MAX = 64 * 1024;

interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

export class LineReader {
  readonly #onBad: (line: number, reason: string) => void;
  #parse: ((line: string) => ParsedLine) | undefined;
  #number = 0;
  /** Of a record whose quote is open, and these put together. */
  #held: Line[] = [];
  #record = "";
  #hopeless = false;

  constructor(onBad: (line: number, reason: string) => void) {
    this.#onBad = onBad;
  }

  /** The first line is neither JSON nor a CSV header, which was said: the rest means nothing. */
  get isHopeless(): boolean {
    return this.#hopeless;
  }

  /** The next line without its "\n"; null for one of more than {@link LINE_CHARACTERS_MAX} characters. */
  *take(line: string | null): Generator<Point> {
    const number = ++this.#number;
    if (line !== null) return yield* this.#takeLine({ number, text: number === 1 ? withoutMark(line) : line });
    yield* this.end();
    this.#onBad(number, `has more than ${LINE_CHARACTERS_MAX} characters`);
  }

  /** What is held when no line follows. */
  *end(): Generator<Point> {
    while (this.#held.length > 0 && !this.#hopeless) yield* this.#giveUp();
  }

  *#takeLine(line: Line): Generator<Point> {
    const isFirst = this.#held.length === 0;
    if (isFirst && line.text.trim() === "") return;
    this.#held.push(line);
    this.#record = isFirst ? line.text : `${this.#record}\n${line.text}`;
    // Without a quote in it the line cannot end the cell that is open.
    const parsed = isFirst || line.text.includes('"') ? this.#parsed(withoutReturn(this.#record)) : OPEN_QUOTE;
    if (parsed === OPEN_QUOTE && this.#record.length <= RECORD_CHARACTERS_MAX) return;
    if (parsed === OPEN_QUOTE) return yield* this.#giveUp();
    const { number } = this.#held[0];
    this.#held = [];
    if (typeof parsed === "string") this.#onBad(number, parsed);
    else if (parsed !== undefined) yield parsed;
  }

  /** The quote does not end: that costs the line it begins in, and those after it are read for themselves. */
  *#giveUp(): Generator<Point> {
    const [first, ...rest] = this.#held;
    this.#held = [];
    this.#onBad(first.number, OPEN_QUOTE);
    this.#hopeless ||= this.#parse === undefined;
    for (const line of rest) {
      if (!this.#hopeless) yield* this.#takeLine(line);
    }
  }

  /** Undefined for a CSV header. */
  #parsed(text: string): ParsedLine | undefined {
    if (this.#parse === undefined && text.trimStart().startsWith("{")) this.#parse = parseJsonLine;
    if (this.#parse !== undefined) return this.#parse(text);
    const parser = csvParser(text);
    if (typeof parser === "function") {
      this.#parse = parser;
      return undefined;
    }
    this.#hopeless = parser !== OPEN_QUOTE;
    return parser;
  }
}

function withoutMark(line: string): string {
  return line.startsWith("\ufeff") ? line.slice(1) : line;
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
