/** Names where there is little room: without what all of them begin with. Pure. */

/** Cut behind a separator, and marked: "cooler-0001", "cooler-0002" are "…0001", "…0002". */
export function shortLabels(labels: readonly string[]): string[] {
  if (labels.length < 2) return [...labels];
  let common = labels[0].length;
  for (const label of labels) {
    let length = 0;
    while (length < common && label[length] === labels[0][length]) length++;
    common = length;
  }
  const head = /^.*[-_./:\s]/s.exec(labels[0].slice(0, common))?.[0].length ?? 0;
  return head < 3 || labels.some(({ length }) => length === head)
    ? [...labels]
    : labels.map((label) => `…${label.slice(head)}`);
}
