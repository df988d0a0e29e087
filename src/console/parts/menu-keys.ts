/** Where a key leads from the entry `at` (-1: none); undefined: nowhere. */
export function nextInMenu(key: string, at: number, labels: readonly string[]): number | undefined {
  const count = labels.length;
  if (count === 0) return undefined;
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return at < 0 ? count - 1 : (at - 1 + count) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key.length !== 1 || key === " ") return undefined;
  for (let step = 1; step <= count; step++) {
    const each = (at + step + count) % count;
    if (labels[each].toLowerCase().startsWith(key.toLowerCase())) return each;
  }
  return undefined;
}
