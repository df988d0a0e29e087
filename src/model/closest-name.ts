/** The known name that was probably meant by an unknown one; undefined where none is near. */
export function closestName(given: string, known: readonly string[]): string | undefined {
  let closest: string | undefined;
  let editsLeast = Math.floor(Math.min(given.length, 24) / 3) + 1;
  for (const name of known) {
    const edits =
      Math.abs(name.length - given.length) < editsLeast ? editsBetween(given.toLowerCase(), name) : Infinity;
    if (edits < editsLeast) {
      closest = name;
      editsLeast = edits;
    }
  }
  return closest;
}

/** Letters put in, left out, changed or swapped with the next one (optimal string alignment distance). */
function editsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(last[j] + 1, row[j - 1] + 1, changed, isSwapped ? beforeLast[j - 2] + 1 : Infinity));
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
