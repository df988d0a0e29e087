/** Points from text: JSON Lines or CSV, whichever the first line is that can be either. */
import { WatchpostError } from "../model/errors.ts";
import { CsvRecords } from "./csv-records.ts";
import { csvParser, parseJsonLine, type ParsedLine } from "./parse-point.ts";
import type { LinePoint, ReadOptions } from "./point-file.ts";
import { LINE_CHARACTERS_MAX, rawLines, type NumberedLine } from "./text-lines.ts";

/** A banner or the rest of a line may come before the readings; what goes on for longer is something else. */
const LINES_BEFORE_MAX = 1_000;

const WANTED = 'wanted {"metric": …, "value": …} a line, or a header with metric and value';
const NEITHER = "is neither JSON nor a CSV header with metric and value";
const TOO_LONG = `has more than ${LINE_CHARACTERS_MAX} characters`;

/** Those of each chunk. Lines that are none are told and left out. Throws where the first 1,000 are neither kind. */
export async function* textPoints(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncIterable<LinePoint[]> {
  const parser = new TextParser(file, options);
  for await (const lines of rawLines(chunks)) yield parser.points(lines);
  yield parser.end();
}

class TextParser {
  readonly #file: string;
  readonly #options: ReadOptions;
  /** Undefined until it is known which kind the text is. */
  #parse: ((record: string) => ParsedLine) | undefined;
  readonly #records = new CsvRecords();
  #linesBefore = 0;

  constructor(file: string, options: ReadOptions) {
    this.#file = file;
    this.#options = options;
  }

  points(lines: readonly NumberedLine[]): LinePoint[] {
    const found: LinePoint[] = [];
    for (const { number, text } of lines) {
      const line = { number, text: number === 1 && text?.startsWith("\ufeff") ? text.slice(1) : text };
      if (this.#parse === undefined && line.text?.trimStart().startsWith("{")) {
        this.#addAll(this.#records.end(), found);
        this.#parse ??= parseJsonLine;
      }
      if (this.#parse === parseJsonLine) this.#add(line, found);
      else this.#addAll(this.#records.push(line), found);
    }
    return found;
  }

  end(): LinePoint[] {
    const found: LinePoint[] = [];
    this.#addAll(this.#records.end(), found);
    return found;
  }

  #addAll(records: Iterable<NumberedLine>, found: LinePoint[]): void {
    for (const record of records) this.#add(record, found);
  }

  #add({ number, text }: NumberedLine, found: LinePoint[]): void {
    const { onBadLine, fromLine = 0 } = this.#options;
    if (text?.trim() === "" || (this.#parse !== undefined && number < fromLine)) return;
    const read = text === null ? TOO_LONG : this.#read(text.endsWith("\r") ? text.slice(0, -1) : text);
    if (read !== undefined && number >= fromLine) {
      if (typeof read === "string") onBadLine?.({ file: this.#file, line: number, reason: read });
      else found.push({ ...read, line: number });
    }
    if (this.#parse === undefined && ++this.#linesBefore === LINES_BEFORE_MAX) {
      const message = `its first ${LINES_BEFORE_MAX} lines are neither JSON nor a CSV header; ${WANTED}`;
      throw new WatchpostError("INVALID_ARGUMENT", message);
    }
  }

  /** Undefined of a CSV header. */
  #read(record: string): ParsedLine | undefined {
    if (this.#parse !== undefined) return this.#parse(record);
    const parser = csvParser(record);
    if (typeof parser === "string") return this.#linesBefore === 0 && /[,;\t]/.test(record) ? parser : NEITHER;
    this.#parse = parser;
    return undefined;
  }
}
