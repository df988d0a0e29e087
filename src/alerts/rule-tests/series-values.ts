/** Values of a series one interval after the other, in promtool's notation: "70 81+1x5 _x3 70". */

/** Null: nothing comes. */
export type SeriesValues = readonly (number | null)[];

const VALUES_MAX = 1_000_000;
const NUMBER = String.raw`\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?`;
const PART = new RegExp(`^(?:(_)|([-+]?(?:${NUMBER}))([-+](?:${NUMBER}))?)(?:x(\\d+))?$`);
const WANTED = 'wanted numbers, a+bxN, a-bxN or axN (which are N + 1 values), "_" or "_xN" for nothing';

/** As Prometheus has it: a+bxN is a and N more, _xN nothing N times. Throws RangeError with what was wanted. */
export function parseSeriesValues(text: string): SeriesValues {
  const values: (number | null)[] = [];
  for (const part of text.trim().split(/\s+/)) {
    if (part === "") continue;
    for (const value of valuesOf(part, VALUES_MAX - values.length)) values.push(value);
  }
  if (values.length === 0) throw new RangeError(WANTED);
  return values;
}

function valuesOf(part: string, countMax: number): (number | null)[] {
  const [whole, nothing, first, step, times] = PART.exec(part) ?? [];
  // A step that is not repeated says nothing.
  if (whole === undefined || (step !== undefined && times === undefined)) {
    throw new RangeError(`${JSON.stringify(part)} is none of them: ${WANTED}`);
  }
  const count = nothing === undefined ? Number(times ?? 0) + 1 : Number(times ?? 1);
  if (count > countMax)
    throw new RangeError(`${part} makes it longer than ${VALUES_MAX} values; wanted at most that many`);
  if (nothing !== undefined) return Array.from({ length: count }, () => null);
  const [from, by] = [Number(first), Number(step ?? 0)];
  const values: number[] = [];
  // Added up one by one, as Prometheus does, so that decimals come out the same.
  for (let value = from; values.length < count; value += by) values.push(value);
  if (values.every(Number.isFinite)) return values;
  throw new RangeError(`${part} is past what a number can be; wanted finite ones`);
}
