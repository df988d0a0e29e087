/** On-call schedules as they are written in YAML; an example stands in escalation-config-input.ts. */
import { field, list, optional, text, timeZone, type Field } from "../input/fields.ts";
import { shown } from "../input/problem.ts";
import { mapOf, record, type Report } from "../input/record.ts";
import type { OnCallSchedule } from "./escalation-config.ts";
import { knownName } from "./known-name.ts";

const NAME_LENGTH_MAX = 256;
const PARTICIPANTS_MAX = 1_000;
const OVERRIDES_MAX = 10_000;
const DAY_HOURS = 24;
const WEEK_HOURS = 168;
const SHIFT_HOURS_MAX = 8_760;
/** A date, a time of day, and perhaps an offset from UTC. */
const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(Z|[+-]\d\d:\d\d)?$/;
const TIME_WANTED = 'a time such as "2026-07-01T08:00", in the time zone of the schedule, or "2026-07-01T06:00Z"';

/** Any that schedules and policies can have. */
export const nameField = text("a name", (given) => given.trim() !== "" && given.length <= NAME_LENGTH_MAX);

const rotation = field(
  `daily, weekly or whole hours such as "12h", at most ${SHIFT_HOURS_MAX}h`,
  (given): number | undefined => {
    if (given === "daily") return DAY_HOURS;
    if (given === "weekly") return WEEK_HOURS;
    const [, hours] = (typeof given === "string" ? /^(\d{1,4})h$/.exec(given) : null) ?? [];
    return Number(hours) >= 1 && Number(hours) <= SHIFT_HOURS_MAX ? Number(hours) : undefined;
  },
);

const timeOfDay = field('a time of day such as "08:00"', (given) => {
  const [, hours, minutes] = (typeof given === "string" ? /^(\d\d?):([0-5]\d)$/.exec(given) : null) ?? [];
  return Number(hours) < DAY_HOURS ? `${hours.padStart(2, "0")}:${minutes}` : undefined;
});

const date = field('a date such as "2026-01-05"', (given) => {
  const isOne = typeof given === "string" && /^\d{4}-\d\d-\d\d$/.test(given) && isTime(given);
  return isOne ? given : undefined;
});

const time = text(TIME_WANTED, (given) => TIME.test(given) && isTime(given));

/** `receivers` are the names of all of them. */
export function scheduleField(receivers: readonly string[]): Field<OnCallSchedule> {
  const receiver = knownName("a receiver", receivers);
  const override = record({
    fields: { from: time, to: time, receiver },
    build: (read) => read,
  });
  return record({
    fields: {
      name: nameField,
      zone: optional(timeZone(), "UTC"),
      rotation,
      handoff: optional(timeOfDay, "00:00"),
      start: date,
      participants: list("receivers", receiver, 1, PARTICIPANTS_MAX),
      overrides: list("overrides", override, 0, OVERRIDES_MAX),
    },
    check: (given, { name, zone }, report) => {
      if (name !== undefined && receivers.includes(name)) {
        report(["name"], `is ${shown(name)}; wanted a name that no receiver has`);
      }
      if (zone !== undefined) checkOverrides(given["overrides"], zone, report);
    },
    build: ({ name, zone, rotation: shiftHours, handoff, start, participants, overrides }) => ({
      name,
      timeZone: zone,
      firstHandoff: `${start}T${handoff}`,
      shiftHours,
      participants,
      overrides: overrides.map(({ from, to, receiver: by }) => ({
        fromMs: timeMs(from, zone),
        toMs: timeMs(to, zone),
        receiver: by,
      })),
    }),
  });
}

/** Also of a schedule that has something else wrong with it. */
function checkOverrides(overrides: unknown, zone: string, report: Report): void {
  for (const [i, override] of Array.isArray(overrides) ? overrides.entries() : []) {
    const { from, to } = mapOf(override) ?? {};
    if (!time.safeParse(from).success || !time.safeParse(to).success) continue;
    if (timeMs(to as string, zone) > timeMs(from as string, zone)) continue;
    report(["overrides", i, "to"], `is ${shown(to)}; wanted a time after ${shown(from)}`);
  }
}

function isTime(given: string): boolean {
  try {
    Temporal.PlainDateTime.from(withoutOffset(given), { overflow: "reject" });
    return true;
  } catch {
    return false;
  }
}

function timeMs(given: string, zone: string): number {
  const [, offset] = TIME.exec(given)!;
  if (offset !== undefined) return Temporal.Instant.from(given).epochMilliseconds;
  return Temporal.PlainDateTime.from(given).toZonedDateTime(zone).epochMilliseconds;
}

function withoutOffset(given: string): string {
  return given.replace(/(Z|(?<=:\d\d)[+-]\d\d:\d\d)$/, "");
}
