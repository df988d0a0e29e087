import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { escalationConfigOf, unknownPolicies } from "../../../src/alerts/escalation/escalation-config-input.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";

const RECEIVERS = ["anna", "ben", "cleo", "lead", "pager"];
const HOUR_MS = 3_600_000;
const TIME_WANTED =
  'wanted a time such as "2026-07-01T08:00", in the time zone of the schedule, or "2026-07-01T06:00Z"';

const read = (yaml: string) =>
  escalationConfigOf(Bun.YAML.parse(yaml), { receivers: RECEIVERS, repeatIntervalMs: 4 * HOUR_MS });

function problemsOf(yaml: string): string[] {
  try {
    read(yaml);
  } catch (error) {
    const { status, message, violations } = error as WatchpostError;
    expect(status).toBe("FAILED_PRECONDITION");
    expect(message).toBe(violations.map(({ description }) => description).join("\n"));
    return message.split("\n");
  }
  return [];
}

test("the example in the source is read", () => {
  const file = join(import.meta.dir, "../../../src/alerts/escalation/escalation-config-input.ts");
  const [example] = /^ \* {5}schedules:[\s\S]*?\n \*\n/m.exec(readFileSync(file, "utf8"))!;
  expect(read(example.replaceAll(/^ \* {0,5}/gm, ""))).toEqual({
    schedules: [
      {
        name: "plant-on-call",
        timeZone: "Europe/Berlin",
        firstHandoff: "2026-01-05T08:00",
        shiftHours: 168,
        participants: ["anna", "ben", "cleo"],
        overrides: [
          {
            fromMs: Date.parse("2026-07-01T06:00Z"),
            toMs: Date.parse("2026-07-03T06:00Z"),
            receiver: "cleo",
          },
        ],
      },
    ],
    policies: [
      {
        name: "plant",
        steps: [
          { afterMs: 0, notify: ["plant-on-call"], raiseSeverity: undefined },
          { afterMs: 900_000, notify: ["plant-on-call", "lead"], raiseSeverity: undefined },
          { afterMs: 1_800_000, notify: ["lead", "pager"], raiseSeverity: "critical" },
        ],
        repeat: 2,
        repeatAfterMs: 1_200_000,
        ackTimeoutMs: 4 * HOUR_MS,
        repeatIntervalMs: HOUR_MS,
      },
    ],
  });
});

test("what is left out has defaults; nothing at all is nobody", () => {
  expect(
    read(`
escalations: [{ name: p, steps: [{ after: 1m, raise_severity: high }] }]
schedules: [{ name: s, rotation: 8h, start: 2026-01-05, participants: [anna], overrides: [
  { from: 2026-10-25 02:30, to: "2026-10-25T04:30:00+01:00", receiver: ben }] }]
`),
  ).toEqual({
    policies: [
      {
        name: "p",
        steps: [{ afterMs: 60_000, notify: [], raiseSeverity: "high" }],
        repeat: 0,
        repeatAfterMs: 1_800_000,
        ackTimeoutMs: undefined,
        repeatIntervalMs: 4 * HOUR_MS,
      },
    ],
    schedules: [
      {
        name: "s",
        timeZone: "UTC",
        firstHandoff: "2026-01-05T00:00",
        shiftHours: 8,
        participants: ["anna"],
        overrides: [
          { fromMs: Date.parse("2026-10-25T02:30Z"), toMs: Date.parse("2026-10-25T03:30Z"), receiver: "ben" },
        ],
      },
    ],
  });
  expect(read("{}")).toEqual({ policies: [], schedules: [] });
});

test("everything that is wrong is said at once: where, what it is, what was wanted", () => {
  expect(
    problemsOf(`
escalations:
  - name: plant
    steps:
      - { after: 10m, notify: [plant-oncall, ana] }
      - { after: 5m, notify: [], raise_severity: urgent }
      - { after: 10, notify: 7 }
      - { after: 20m }
    repeat: 6
    repeat_after: 0s
    ack_timeout: soon
    loops: 3
  - name: plant
    steps: []
schedules:
  - name: plant-on-call
    zone: Europe/Berlinn
    rotation: monthly
    start: 2026-02-30
    handoff: "24:00"
    participants: []
  - name: lead
    rotation: 0h
    start: "2026-01-05"
    participants: [anna, bem]
    overrides:
      - { from: "2026-07-03T08:00", to: "2026-07-01T08:00", receiver: plant-on-call }
      - { from: tomorrow, to: "2026-07-01T25:00", receiver: cleo }
      - { from: "2026-07-01T08:00" }
  - name: lead
`),
  ).toEqual([
    "escalations[0].loops is unknown; wanted name, steps, repeat, repeat_after, ack_timeout or repeat_interval",
    'escalations[0].steps[0].notify[0] is "plant-oncall"; did you mean plant-on-call?',
    'escalations[0].steps[0].notify[1] is "ana"; did you mean anna?',
    'escalations[0].steps[1].raise_severity is "urgent"; wanted low, medium, high or critical',
    'escalations[0].steps[2].after is 10; wanted a duration such as "90s" or "1h30m", from 0s to 400d',
    "escalations[0].steps[2].notify is 7; wanted a list of receivers or schedules",
    "escalations[0].steps[3].notify is missing; wanted receivers or schedules, or raise_severity",
    "escalations[0].repeat is 6; wanted a whole number from 0 to 5",
    'escalations[0].repeat_after is "0s"; wanted a duration such as "90s" or "1h30m", from 1m to 400d',
    'escalations[0].ack_timeout is "soon"; wanted a duration such as "90s" or "1h30m", from 1m to 400d',
    'escalations[0].steps[1].after is "5m"; wanted no less than the step before, "10m"',
    "escalations[1].steps has 0 steps; wanted 1 to 32",
    'schedules[0].zone is "Europe/Berlinn"; wanted a time zone such as "Europe/Berlin"',
    'schedules[0].rotation is "monthly"; wanted daily, weekly or whole hours such as "12h", at most 8760h',
    'schedules[0].handoff is "24:00"; wanted a time of day such as "08:00"',
    'schedules[0].start is "2026-02-30"; wanted a date such as "2026-01-05"',
    "schedules[0].participants has 0 receivers; wanted 1 to 1000",
    'schedules[1].rotation is "0h"; wanted daily, weekly or whole hours such as "12h", at most 8760h',
    'schedules[1].participants[1] is "bem"; did you mean ben?',
    'schedules[1].overrides[0].receiver is "plant-on-call"; wanted a receiver, such as anna, ben, cleo, lead or pager',
    `schedules[1].overrides[1].from is "tomorrow"; ${TIME_WANTED}`,
    `schedules[1].overrides[1].to is "2026-07-01T25:00"; ${TIME_WANTED}`,
    `schedules[1].overrides[2].to is missing; ${TIME_WANTED}`,
    "schedules[1].overrides[2].receiver is missing; wanted the name of a receiver",
    'schedules[1].name is "lead"; wanted a name that no receiver has',
    'schedules[1].overrides[0].to is "2026-07-01T08:00"; wanted a time after "2026-07-03T08:00"',
    'schedules[2].rotation is missing; wanted daily, weekly or whole hours such as "12h", at most 8760h',
    'schedules[2].start is missing; wanted a date such as "2026-01-05"',
    "schedules[2].participants is missing; wanted 1 to 1000 receivers",
    'schedules[2].name is "lead"; wanted a name that no receiver has',
    'escalations[1].name is "plant"; wanted a name that no other policy has',
    'schedules[2].name is "lead"; wanted a name that no other schedule has',
  ]);
});

test("rules that name a policy that there is not are told", () => {
  const config = read("escalations: [{ name: plant, steps: [{ after: 0s, notify: lead }] }]");
  const rules = ["", "plant", "plants", "night"].map((escalation) => ({ escalation }));
  expect(unknownPolicies(rules, config)).toEqual([
    { path: ["rules", 2, "escalation"], text: 'is "plants"; did you mean plant?', isKey: false },
    { path: ["rules", 3, "escalation"], text: 'is "night"; wanted an escalation policy, such as plant', isKey: false },
  ]);
  expect(unknownPolicies([{ escalation: "x" }], { policies: [], schedules: [] })).toMatchObject([
    { text: 'is "x"; wanted an escalation policy, and there are none' },
  ]);
});
