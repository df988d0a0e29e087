/** What stands at the ticks of a time axis, in the reader's locale and zone. */

const [SECOND_MS, MINUTE_MS, DAY_MS] = [1_000, 60_000, 86_400_000];
const SPACE_PX = 62;

export type TimeFormat = (ms: number) => string;

const format = (options: Intl.DateTimeFormatOptions, timeZone: string | undefined): TimeFormat => {
  const { format: text } = new Intl.DateTimeFormat(undefined, {
    ...options,
    ...(timeZone !== undefined && { timeZone }),
  });
  return (ms) => text(ms);
};
const known = new Map<string, Record<"fine" | "second" | "minute" | "day" | "date", TimeFormat>>();

function formatsOf(timeZone: string | undefined) {
  const key = timeZone ?? "";
  let formats = known.get(key);
  if (formats === undefined) {
    const minute = { hour: "2-digit", minute: "2-digit" } as const;
    formats = {
      fine: format({ minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }, timeZone),
      second: format({ ...minute, second: "2-digit" }, timeZone),
      minute: format(minute, timeZone),
      day: format({ month: "short", day: "numeric" }, timeZone),
      date: format({ dateStyle: "medium" }, timeZone),
    };
    known.set(key, formats);
  }
  return formats;
}

/** One text for each tick, `stepMs` apart; where a day begins its date stands below, as under the first one. */
export function timeTicks(ticksMs: readonly number[], stepMs: number, timeZone?: string): string[] {
  const { fine, second, minute, day, date } = formatsOf(timeZone);
  if (stepMs >= DAY_MS) return ticksMs.map(day);
  const clock = stepMs < SECOND_MS ? fine : stepMs < MINUTE_MS ? second : minute;
  let before = "";
  return ticksMs.map((ms) => {
    const today = date(ms);
    const isNew = today !== before;
    before = today;
    return isNew ? `${clock(ms)}\n${day(ms)}` : clock(ms);
  });
}

/** How far apart ticks have to be so that none is written into the next one, where a pixel is `pixelMs`. */
export function timeTickSpacePx(pixelMs: number, characterPx: number, timeZone?: string): number {
  const { fine, second, minute } = formatsOf(timeZone);
  const spacePx = (...formats: TimeFormat[]) =>
    Math.max(SPACE_PX, ...formats.map((text) => (text(0).length + 1) * characterPx));
  const minutesPx = spacePx(minute);
  // Below a minute, of which half is the longest step, there are seconds in the texts.
  return minutesPx * pixelMs > MINUTE_MS / 2 ? minutesPx : spacePx(fine, second);
}
