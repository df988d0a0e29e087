/** Of a list in an address: a sentence where some of it are no known words; empty: all are. */
export function unknownWords(name: string, text: string | null, known: readonly string[]): string[] {
  const given = (text ?? "").split(",").map((each) => each.trim());
  const unknown = given.filter((each) => each !== "" && !known.includes(each));
  if (unknown.length === 0) return [];
  return [
    `${name} has ${unknown.map((each) => `"${each.slice(0, 40)}"`).join(", ")}; wanted any of ${known.join(", ")}`,
  ];
}
