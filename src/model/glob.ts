/** Globs, as in filters and metric names. Pure. */

/** Whether `pattern` needs more than a comparison. */
export function isGlob(pattern: string): boolean {
  return /[*?|]/.test(pattern);
}

/**
 * A glob with alternatives: `*` is any run of characters, `?` one, `|` separates alternatives.
 * Matching is linear in text × pattern, whatever the pattern: no regular expression, so nothing to blow up.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (!isGlob(pattern)) return (text) => text === pattern;
  const alternatives = pattern.split("|");
  if (alternatives.includes("*")) return () => true;
  return (text) => alternatives.some((alternative) => matchesGlob(alternative, text));
}

function matchesGlob(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let resumeAt = 0;
  while (t < text.length) {
    const c = glob[g];
    if (c === "*") {
      star = g++;
      resumeAt = t;
    } else if (g < glob.length && (c === "?" || c === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++resumeAt;
    } else return false;
  }
  while (glob[g] === "*") g++;
  return g === glob.length;
}

/** The narrowest glob that takes a name, whatever stands in it: beside it only names of the same length that differ where it has `*`, `?` or `|`. */
export function globOfName(name: string): string {
  return name.replace(/[*|]/g, "?");
}
