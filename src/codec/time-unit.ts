/** Times are written in the largest unit in which they are whole: sensors report on whole seconds or milliseconds mostly. */

/** By their number in what is written. */
export const UNITS_US = [1, 1_000, 1_000_000];

/** The number of the largest unit, at most `most`, that divides a time: whole microseconds, |t| < 2^53. */
export function unitOf(timeUs: number, most = UNITS_US.length - 1): number {
  let unit = most;
  while (unit > 0 && !divides(UNITS_US[unit], timeUs)) unit--;
  return unit;
}

/** As `time % unit === 0`, which is a call for each number and took half of what it takes to write a row. */
function divides(unit: number, time: number): boolean {
  return Math.floor(time / unit) * unit === time;
}
