/** Dashboards as people give them, checked: every field by its name and value. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import { TAG_VALUE_BYTES_MAX } from "../../model/limits.ts";
import { lineIn, textIn } from "../../model/texts.ts";
import {
  DashboardVariableSchema,
  SavedDashboardSchema,
  type DashboardVariable,
  type SavedDashboard,
} from "../../wire/gen/saved_dashboards_pb.ts";
import { Faults } from "./faults.ts";
import { atMost, idIn, panelIn, tagIn } from "./panel-input.ts";

export const PANELS_MAX = 100;
export const VARIABLES_MAX = 10;
export const DESCRIPTION_BYTES_MAX = 4 * 1024;
const TITLE_LENGTH_MAX = 256;
const RANGE_MS_MAX = 3_660 * 86_400_000;
const NAME = /^[A-Za-z0-9_]{1,64}$/;

/**
 * The dashboard without what the server sets and what it does not know. Throws INVALID_ARGUMENT with all that is wrong, each
 * with its place from `field` on, such as "dashboard.panels[3].width".
 */
export function dashboardIn(given: SavedDashboard | undefined, field = "dashboard"): SavedDashboard {
  if (given === undefined) throw invalidField(field, given, "a dashboard");
  const { dashboardId, title, description, rangeMs } = given;
  const faults = new Faults();
  faults.attempt(() => idIn(dashboardId, `${field}.dashboard_id`));
  const line = faults.attempt(() => {
    const text = lineIn(title, `${field}.title`, TITLE_LENGTH_MAX);
    if (text === "") throw invalidField(`${field}.title`, title, "one line of text");
    return text;
  });
  faults.attempt(() => textIn(description, `${field}.description`, DESCRIPTION_BYTES_MAX));
  faults.attempt(() => {
    if (rangeMs !== 0n && (rangeMs < 1_000n || rangeMs > RANGE_MS_MAX))
      throw invalidField(`${field}.range_ms`, rangeMs, `0 (an hour), or 1,000 to ${RANGE_MS_MAX}`);
  });
  const givenVariables = atMost(given.variables, VARIABLES_MAX, `${field}.variables`, faults);
  const variables = givenVariables.map((variable, i) => variableIn(variable, `${field}.variables[${i}]`, faults));
  refuseTwice(
    variables,
    ({ name }) => name,
    (i) => `${field}.variables[${i}].name`,
    faults,
  );
  const names = new Set(given.variables.map(({ name }) => name));
  const givenPanels = atMost(given.panels, PANELS_MAX, `${field}.panels`, faults);
  const panels = givenPanels.map((panel, i) => panelIn(panel, `${field}.panels[${i}]`, names, faults));
  refuseTwice(
    panels,
    ({ id }) => id,
    (i) => `${field}.panels[${i}].id`,
    faults,
  );
  faults.throwAny();
  return create(SavedDashboardSchema, { dashboardId, title: line!, description, variables, panels, rangeMs });
}

function variableIn({ name, label, tag, defaultValue }: DashboardVariable, field: string, faults: Faults) {
  faults.attempt(() => {
    if (!NAME.test(name)) throw invalidField(`${field}.name`, name, 'letters, digits and "_", 1 to 64 of them');
  });
  faults.attempt(() => tagIn(tag, `${field}.tag`));
  faults.attempt(() => textIn(defaultValue, `${field}.default_value`, TAG_VALUE_BYTES_MAX));
  const line = faults.attempt(() => lineIn(label, `${field}.label`)) ?? "";
  return create(DashboardVariableSchema, { name, label: line, tag, defaultValue });
}

function refuseTwice<T>(
  all: readonly T[],
  nameOf: (one: T) => string,
  fieldOf: (i: number) => string,
  faults: Faults,
): void {
  const seen = new Set<string>();
  for (const [i, one] of all.entries()) {
    const name = nameOf(one);
    if (seen.has(name)) {
      faults.attempt(() => {
        throw invalidField(fieldOf(i), name, "each once");
      });
    }
    seen.add(name);
  }
}
