/** Numbers as devices write them. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const TEXT_LENGTH_MAX = 64;

/** Undefined: it is none. Infinity where it is too large for a double. */
export function numberOfText(given: string, words: ReadonlyMap<string, number>): number | undefined {
  if (given.length > TEXT_LENGTH_MAX) return words.get(given);
  const text = given.trim();
  const word = words.get(text);
  if (word !== undefined) return word;
  if (text === "true") return 1;
  if (text === "false") return 0;
  return NUMBER.test(text) ? Number(text) : undefined;
}
