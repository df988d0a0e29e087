/** Active times as they are written, and back: days "mon-fri", from "08:00", to "18:00". */
import { field, list, optionalText, timeZone, type Field } from "./input/fields.ts";
import { record, type Given } from "./input/record.ts";
import type { ActiveTime } from "./rule.ts";

/** By their number. */
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONDAY = 1;
const DAY_MINUTES = 1_440;

const days = field('mon to sun or a range such as "mon-fri"', (given): number[] | undefined => {
  const [, first, last] = (typeof given === "string" ? /^([a-z]{3})(?:-([a-z]{3}))?$/i.exec(given) : null) ?? [];
  const from = DAYS.indexOf(first?.toLowerCase() ?? "");
  const to = last === undefined ? from : DAYS.indexOf(last.toLowerCase());
  if (from < 0 || to < 0) return undefined;
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, i) => (from + i) % 7);
});

function minuteOfDay(max: number): Field<number> {
  return field(`a time of day such as "08:00", at most ${formatMinute(max)}`, (given) => {
    const [, hours, minutes] = (typeof given === "string" ? /^(\d\d?):([0-5]\d)$/.exec(given) : null) ?? [];
    const minute = Number(hours) * 60 + Number(minutes);
    return minute <= max ? minute : undefined;
  });
}

export const activeTimeField: Field<ActiveTime> = record({
  fields: {
    days: list("days", days, 0, 7),
    from: optionalText(minuteOfDay(DAY_MINUTES - 1), 0),
    to: optionalText(minuteOfDay(DAY_MINUTES), DAY_MINUTES),
    zone: optionalText(timeZone(), "UTC"),
  },
  build: (read) => {
    const named = read.days.length === 0 ? DAYS.keys() : read.days.flat();
    return { days: [...new Set(named)].sort(), fromMinute: read.from, toMinute: read.to, timeZone: read.zone };
  },
});

/** What {@link activeTimeField} reads it from, with all defaults. */
export function activeTimeInputOf({ days: numbers, fromMinute, toMinute, timeZone: zone }: ActiveTime): Given {
  return { days: namesOf(numbers), from: formatMinute(fromMinute), to: formatMinute(toMinute), zone };
}

/** Runs of days as ranges, a week beginning on Monday. */
function namesOf(numbers: readonly number[]): string[] {
  const names: string[] = [];
  for (let i = 0; i < 7; i++) {
    const first = i;
    while (i < 7 && numbers.includes((MONDAY + i) % 7)) i++;
    if (i === first) continue;
    const [from, to] = [first, i - 1].map((at) => DAYS[(MONDAY + at) % 7]);
    names.push(from === to ? from : `${from}-${to}`);
  }
  return names;
}

function formatMinute(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
