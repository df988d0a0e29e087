/** Places of a line in small. Pure. */

/** As SVG takes them, from 0 to the largest of them. Fewer than two: nothing is drawn. */
export function sparkPoints(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return "";
  const most = Math.max(...values, Number.MIN_VALUE);
  const xOf = (i: number) => Math.round((10 * i * width) / (values.length - 1)) / 10;
  const yOf = (value: number) => Math.round(10 * (height - 1 - (Math.max(0, value) / most) * (height - 2))) / 10;
  return values.map((value, i) => `${xOf(i)},${yOf(value)}`).join(" ");
}
