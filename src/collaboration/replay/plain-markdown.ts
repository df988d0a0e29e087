/** Text of anybody in Markdown: it stays text, whatever stands in it. */

/** Also where it is no markup now, for what stands beside it. */
const ALWAYS = /[\\`*_{}[\]#|<>~&@$^]/g;
/** At the beginning of a line: lists and rules, and numbered lists. */
const AT_BEGINNING = /^(?:[-+=]|\d+(?=[.)]))/;
/** What is made links or pictures of without brackets. */
const BARE_LINK = /:(?=\S)|(?<=\bwww)\./gi;

/** In one line: what formats, links or steers is made harmless, and the rest is left as it reads best. */
export function plain(text: string): string {
  return text
    .trim()
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\ufffd")
    .replaceAll(ALWAYS, "\\$&")
    .replaceAll(BARE_LINK, "\\$&")
    .replace(AT_BEGINNING, (begin) => (/\d/.test(begin) ? `${begin}\\` : `\\${begin}`));
}

/** Line by line, each broken where it was, below the first by `indent`. */
export function plainLines(text: string, indent: string): string {
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/u).map(plain);
  return lines.filter((line) => line !== "").join(`  \n${indent}`);
}
