/** Bytes as lines and CSV records; never a whole file in memory. Pure. */
import { splitCells, turnsQuotes } from "./csv.ts";

export interface NumberedLine {
  /** From 1; of a record over several lines its first. */
  readonly number: number;
  /** Without its end; null where it has more than {@link LINE_CHARACTERS_MAX} characters. */
  readonly text: string | null;
}

export const LINE_CHARACTERS_MAX = 1024 * 1024;
/** A record over several lines: a quote that is never closed must not take half a file with it. */
const RECORD_CHARACTERS_MAX = 64 * 1024;

/** Lines that still have the carriage return before their end. */
export async function* rawLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<NumberedLine> {
  let number = 0;
  let rest = "";
  let skipping = false;
  for await (const text of decoded(chunks)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      yield { number: ++number, text: skipping || line.length > LINE_CHARACTERS_MAX ? null : line };
      skipping = false;
    }
    if (rest.length > LINE_CHARACTERS_MAX) {
      rest = "";
      skipping = true;
    }
  }
  if (rest !== "" || skipping) yield { number: ++number, text: skipping ? null : rest };
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/**
 * Lines put together where a quote is still open at their end. Where it stays open for 64 KiB the first line stays as it
 * is, and the ones after it are lines of their own.
 */
export async function* csvRecords(lines: AsyncIterable<NumberedLine>): AsyncIterable<NumberedLine> {
  const input = lines[Symbol.asyncIterator]();
  let ahead: NumberedLine[] = [];
  try {
    for (;;) {
      const first = ahead.shift() ?? (await nextOf(input));
      if (first === undefined) return;
      if (first.text === null || !first.text.includes('"') || splitCells(first.text) !== undefined) {
        yield first;
        continue;
      }
      let text = first.text;
      let isWhole = false;
      let taken = 0;
      while (!isWhole && text.length < RECORD_CHARACTERS_MAX) {
        if (taken === ahead.length) {
          const next = await nextOf(input);
          if (next === undefined) break;
          ahead.push(next);
        }
        const line = ahead[taken++].text;
        if (line === null) break;
        text += `\n${line}`;
        isWhole = turnsQuotes(line) && splitCells(text) !== undefined;
      }
      if (isWhole) ahead = ahead.slice(taken);
      yield isWhole ? { number: first.number, text } : first;
    }
  } finally {
    await input.return?.();
  }
}

async function nextOf(input: AsyncIterator<NumberedLine>): Promise<NumberedLine | undefined> {
  const next = await input.next();
  return next.done ? undefined : next.value;
}
