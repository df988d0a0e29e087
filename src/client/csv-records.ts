import { splitCells, turnsQuotes } from "../model/csv.ts";
import type { NumberedLine } from "./text-lines.ts";

/** A record over several lines: a quote that is never closed must not take half a file with it. */
const RECORD_CHARACTERS_MAX = 64 * 1024;

/**
 * Puts lines together where a quote is still open at their end. Where it stays open for 64 KiB the first line stays as it
 * is, and the ones after it are lines of their own. Pure.
 */
export class CsvRecords {
  /** A line with an open quote and those after it. */
  #open: NumberedLine[] = [];
  #text = "";

  /** The records that are whole with this line. */
  *push(line: NumberedLine): Iterable<NumberedLine> {
    if (this.#open.length === 0) {
      if (line.text === null || !line.text.includes('"') || splitCells(line.text) !== undefined) yield line;
      else {
        this.#open = [line];
        this.#text = line.text;
      }
      return;
    }
    this.#open.push(line);
    if (line.text === null) return yield* this.#giveUp();
    this.#text += `\n${line.text}`;
    if (turnsQuotes(line.text) && splitCells(this.#text) !== undefined) {
      yield { number: this.#open[0].number, text: this.#text };
      this.#open = [];
    } else if (this.#text.length > RECORD_CHARACTERS_MAX) yield* this.#giveUp();
  }

  /** There are no more lines. */
  *end(): Iterable<NumberedLine> {
    while (this.#open.length > 0) yield* this.#giveUp();
  }

  *#giveUp(): Iterable<NumberedLine> {
    const [first, ...rest] = this.#open;
    this.#open = [];
    yield first;
    for (const line of rest) yield* this.push(line);
  }
}
