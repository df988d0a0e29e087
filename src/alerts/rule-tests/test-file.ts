/** Files of unit tests for rules, written like promtool's. */
import { z } from "zod";
import { durationMs, field, list, optional, text, within, wordsOf, type Field } from "../input/fields.ts";
import { fileError, problemsOf, sentenceOf, shown, type Path, type Place, type Problem } from "../input/problem.ts";
import { mapOf, record } from "../input/record.ts";
import { readYaml } from "../input/yaml-document.ts";
import type { DeviceStanding } from "../../model/device-standing.ts";
import type { WatchpostError } from "../../model/errors.ts";
import { parseDeviceStates, type DeviceStates } from "./device-states.ts";
import { parseSeries, type TestedSeries } from "./series-text.ts";
import { parseSeriesValues, type SeriesValues } from "./series-values.ts";

/** What alerts say in words, by the names that rules have for it. */
export const ANNOTATIONS = ["title", "description", "runbook"] as const;

export type Annotation = (typeof ANNOTATIONS)[number];

/** Has at least these labels, and these texts. */
export interface ExpectedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Partial<Record<Annotation, string>>>;
}

/** That these alerts of a rule fire at a time, and no others. */
export interface AlertCheck {
  readonly atMs: number;
  readonly rule: string;
  readonly alerts: readonly ExpectedAlert[];
}

export interface InputSeries extends TestedSeries {
  readonly values: SeriesValues;
}

export interface InputDevice extends Omit<DeviceStanding, "status" | "reason"> {
  readonly states: DeviceStates;
}

export interface RuleTest {
  /** "": it has none. */
  readonly name: string;
  readonly intervalMs: number;
  readonly series: readonly InputSeries[];
  readonly devices: readonly InputDevice[];
  readonly checks: readonly AlertCheck[];
}

export interface RuleTestFile {
  /** Paths or globs, from where the file is. */
  readonly ruleFiles: readonly string[];
  readonly tests: readonly RuleTest[];
  placeOf(path: Path): Place;
  /** What else turns out to be wrong; paths begin at the top of the file. */
  errorOf(problems: readonly Problem[]): WatchpostError;
}

const INTERVAL_MS = 60_000;
const [FILES_MAX, TESTS_MAX, SERIES_MAX, CHECKS_MAX, ALERTS_MAX] = [1_000, 10_000, 10_000, 100_000, 10_000];
const DEVICES_MAX = SERIES_MAX;

const series = record({
  fields: {
    series: field("a series", (given) => (typeof given === "string" ? parseSeries(given) : undefined)),
    values: field("values", (given) => {
      // One number alone is one for YAML, too.
      return typeof given === "string" || typeof given === "number" ? parseSeriesValues(String(given)) : undefined;
    }),
  },
  build: (read): InputSeries => ({ ...read.series, values: read.values }),
});

const word = optional(
  text("a text", () => true),
  "",
);

const device = record({
  fields: {
    device: text("a device's id", (given) => given !== ""),
    ...{ site: word, type: word, parent: word },
    tags: texts("texts"),
    states: field("states", (given) => (typeof given === "string" ? parseDeviceStates(given) : undefined)),
  },
  build: (read): InputDevice => read,
});

const alert = record({
  fields: { exp_labels: texts("labels"), exp_annotations: texts("texts", ANNOTATIONS) },
  build: (read): ExpectedAlert => ({ labels: read.exp_labels, annotations: read.exp_annotations }),
});

const check = record({
  fields: {
    eval_time: durationMs(0),
    alertname: text("the name of a rule", (given) => given !== ""),
    exp_alerts: list("alerts", alert, 0, ALERTS_MAX),
  },
  build: (read): AlertCheck => ({ atMs: read.eval_time, rule: read.alertname, alerts: read.exp_alerts }),
});

const fileField = record({
  fields: {
    rule_files: list(
      "files",
      text("the path of a rules file", (given) => given !== ""),
      1,
      FILES_MAX,
    ),
    tests: list(
      "tests",
      record({
        fields: {
          name: optional(
            text("a name", () => true),
            "",
          ),
          interval: optional(durationMs(1), INTERVAL_MS),
          input_series: list("series", series, 0, SERIES_MAX),
          input_devices: list("devices", device, 0, DEVICES_MAX),
          alert_rule_test: list("checks", check, 1, CHECKS_MAX),
        },
        check: (given, _read, report) => {
          for (const [field, key] of [
            ["input_series", "series"],
            ["input_devices", "device"],
          ] as const) {
            const written = Array.isArray(given[field]) ? given[field] : [];
            const names = written.map((each: unknown) => mapOf(each)?.[key]);
            names.forEach((name, i) => {
              if (typeof name !== "string" || names.indexOf(name) === i) return;
              report([field, i, key], `is ${shown(name)}; wanted another one than before`);
            });
          }
        },
        build: (read): RuleTest => ({
          name: read.name,
          intervalMs: read.interval,
          series: read.input_series,
          devices: read.input_devices,
          checks: read.alert_rule_test,
        }),
      }),
      1,
      TESTS_MAX,
    ),
  },
  build: (read) => ({ ruleFiles: read.rule_files, tests: read.tests }),
});

/** Throws FAILED_PRECONDITION with a line for everything that is wrong, which begins with file, line and column. */
export function parseRuleTests(name: string, content: string | Uint8Array): RuleTestFile {
  const { value, placeOf } = readYaml(name, content);
  const errorOf = (problems: readonly Problem[]) =>
    fileError(
      name,
      problems.map((problem) => ({ place: placeOf(problem), sentence: sentenceOf(problem, "") })),
    );
  const { data, error } = fileField.safeParse(value);
  if (error !== undefined) throw errorOf(problemsOf(error));
  return { ...data, errorOf, placeOf: (path) => placeOf({ path, text: "", isKey: false }) };
}

/** A map of texts; `known`: which keys there may be. */
function texts(what: string, known?: readonly string[]): Field<Readonly<Record<string, string>>> {
  const value = text("text, in quotes where it looks like something else", () => true);
  return z.unknown().transform((written, context) => {
    const given = mapOf(written ?? null);
    if (given === undefined) {
      context.addIssue({ code: "custom", message: `is ${shown(written)}; wanted a map of ${what}` });
      return z.NEVER;
    }
    const read: Record<string, string> = Object.create(null);
    for (const [key, one] of Object.entries(given)) {
      if (known === undefined || known.includes(key)) read[key] = within(value, one, [key], context);
      else {
        const message = `is unknown; wanted ${wordsOf(known)}`;
        context.addIssue({ code: "custom", path: [key], message, params: { isKey: true } });
      }
    }
    return read;
  });
}
