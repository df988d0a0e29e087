/** Text of anybody in Markdown: it stays text, whatever stands in it. */

/** In one line: what formats, links or steers is made harmless. */
export function plain(text: string): string {
  return text
    .trim()
    .replaceAll(/\s+/gu, " ")
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "\ufffd")
    .replaceAll(/[\\`*_{}[\]()#+\-.!|<>~&:@$^]/g, "\\$&");
}

/** Line by line, each broken where it was, below the first by `indent`. */
export function plainLines(text: string, indent: string): string {
  const lines = text.split(/\r\n|[\n\r\u2028\u2029]/u).map(plain);
  return lines.filter((line) => line !== "").join(`  \n${indent}`);
}
