/** Points from text: JSON Lines or CSV, whichever the first line is. */
import { CsvRecords } from "./csv-records.ts";
import { csvParser, parseJsonLine, type ParsedLine } from "./parse-point.ts";
import type { LinePoint, ReadOptions } from "./point-file.ts";
import { LINE_CHARACTERS_MAX, rawLines, type NumberedLine } from "./text-lines.ts";

/** Those of each chunk. Lines that are none are told and left out. */
export async function* textPoints(
  file: string,
  chunks: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncIterable<LinePoint[]> {
  const parser = new TextParser(file, options);
  for await (const lines of rawLines(chunks)) {
    yield parser.points(lines);
    if (parser.isHopeless) return;
  }
  yield parser.end();
}

class TextParser {
  readonly #file: string;
  readonly #options: ReadOptions;
  #parse: ((record: string) => ParsedLine) | undefined;
  /** Of CSV. */
  #records: CsvRecords | undefined;
  /** The first line is neither JSON nor a CSV header, which was said: the rest means nothing. */
  isHopeless = false;

  constructor(file: string, options: ReadOptions) {
    this.#file = file;
    this.#options = options;
  }

  points(lines: readonly NumberedLine[]): LinePoint[] {
    const found: LinePoint[] = [];
    for (const { number, text } of lines) {
      const line = { number, text: number === 1 && text?.startsWith("\ufeff") ? text.slice(1) : text };
      if (this.#parse === undefined && this.#records === undefined && line.text?.trim()) {
        if (line.text.trimStart().startsWith("{")) this.#parse = parseJsonLine;
        else this.#records = new CsvRecords();
      }
      if (this.#records === undefined) this.#add(line, found);
      else for (const record of this.#records.push(line)) this.#add(record, found);
    }
    return found;
  }

  end(): LinePoint[] {
    const found: LinePoint[] = [];
    for (const record of this.#records?.end() ?? []) this.#add(record, found);
    return found;
  }

  #add({ number, text }: NumberedLine, found: LinePoint[]): void {
    const { onBadLine, fromLine = 0 } = this.#options;
    if (this.isHopeless) return;
    const bad = (reason: string) => onBadLine?.({ file: this.#file, line: number, reason });
    if (text === null) {
      if (number >= fromLine) bad(`has more than ${LINE_CHARACTERS_MAX} characters`);
      return;
    }
    if (text.trim() === "") return;
    const record = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (this.#parse === undefined) {
      const parser = csvParser(record);
      this.isHopeless = typeof parser === "string";
      if (typeof parser === "string") bad(parser);
      else this.#parse = parser;
      return;
    }
    if (number < fromLine) return;
    const parsed = this.#parse(record);
    if (typeof parsed === "string") bad(parsed);
    else found.push({ line: number, point: parsed });
  }
}
