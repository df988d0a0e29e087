/** Bytes as lines; never a whole file in memory. Pure. */

export interface NumberedLine {
  /** From 1; of a record over several lines its first. */
  readonly number: number;
  /** Without its end; null where it has more than {@link LINE_CHARACTERS_MAX} characters. */
  readonly text: string | null;
}

export const LINE_CHARACTERS_MAX = 1024 * 1024;

/** Those that end in each chunk. They still have the carriage return before their end. */
export async function* rawLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<NumberedLine[]> {
  let number = 0;
  let rest = "";
  let skipping = false;
  for await (const text of decoded(chunks)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield lines.map((line) => {
      const isTooLong = skipping || line.length > LINE_CHARACTERS_MAX;
      skipping = false;
      return { number: ++number, text: isTooLong ? null : line };
    });
    if (rest.length > LINE_CHARACTERS_MAX) {
      rest = "";
      skipping = true;
    }
  }
  if (rest !== "" || skipping) yield [{ number: ++number, text: skipping ? null : rest }];
}

async function* decoded(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}
