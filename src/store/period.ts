/** Calendar months in UTC: the windows of event time that period files hold. */

/** Months since January 1970. */
export type Period = number;

const US_PER_MS = 1000;

export function periodOf(timeUs: number): Period {
  const date = new Date(Math.floor(timeUs / US_PER_MS));
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

/** First microsecond of a period; the period ends where the next one starts. */
export function periodStartUs(period: Period): number {
  return Date.UTC(1970, period) * US_PER_MS;
}

/** As in file names: 2026-11. */
export function periodName(period: Period): string {
  const year = 1970 + Math.floor(period / 12);
  return `${String(year).padStart(4, "0")}-${String((period % 12) + 1).padStart(2, "0")}`;
}
