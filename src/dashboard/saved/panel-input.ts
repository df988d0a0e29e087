/** Panels as people give them, checked. */
import { create } from "@bufbuild/protobuf";
import { invalidField } from "../../model/errors.ts";
import { TAG_KEY_BYTES_MAX, TAGS_MAX } from "../../model/limits.ts";
import { compileMatcher } from "../../model/matcher.ts";
import { lineIn, textIn } from "../../model/texts.ts";
import { UNIT_LENGTH_MAX } from "../../model/units.ts";
import { Aggregation, RangeFunction } from "../../wire/gen/history_pb.ts";
import {
  PanelKind,
  PanelQuerySchema,
  PanelSchema,
  PanelThresholdSchema,
  type Panel,
  type PanelQuery,
  type PanelThreshold,
} from "../../wire/gen/saved_dashboards_pb.ts";
import type { Faults } from "./faults.ts";

export const QUERIES_MAX = 10;
export const THRESHOLDS_MAX = 20;
export const GRID_COLUMNS = 12;
const ROW_MAX = 9_999;
const HEIGHT_MAX = 100;
const GROUP_BY_MAX = 16;
const STEP_MS_MAX = 400 * 86_400_000;
const DECIMALS_MAX = 10;
const SEVERITIES: readonly string[] = ["good", "low", "medium", "high", "critical"];
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const VARIABLE = /\$([A-Za-z0-9_]+)/g;

/** Of a dashboard or a panel. */
export function idIn(id: string, field: string): string {
  if (ID.test(id)) return id;
  throw invalidField(field, id, 'letters, digits, "_" and "-", 1 to 64 of them');
}

/** `field`: where it stands, such as "dashboard.panels[0]"; `variables`: the names that it may speak of. */
export function panelIn(given: Panel, field: string, variables: ReadonlySet<string>, faults: Faults): Panel {
  const { id, kind, title, unit, min, max, logScale, minMaxBand, decimals } = given;
  faults.attempt(() => idIn(id, `${field}.id`));
  faults.attempt(() => {
    if (kind === PanelKind.UNSPECIFIED || PanelKind[kind] === undefined) {
      const known = Object.values(PanelKind).filter((name) => typeof name === "string" && name !== "UNSPECIFIED");
      throw invalidField(`${field}.kind`, PanelKind[kind] ?? kind, `one of ${known.join(", ")} (PANEL_KIND_…)`);
    }
  });
  checkPlace(given, field, faults);
  checkScale(given, field, faults);
  return create(PanelSchema, {
    ...{ id, kind, logScale, minMaxBand },
    ...{ x: given.x, y: given.y, width: given.width, height: given.height },
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(decimals !== undefined && { decimals }),
    title: faults.attempt(() => lineIn(title, `${field}.title`)) ?? "",
    unit: faults.attempt(() => lineIn(unit, `${field}.unit`, UNIT_LENGTH_MAX)) ?? "",
    queries: atMost(given.queries, QUERIES_MAX, `${field}.queries`, faults).map((query, i) =>
      queryIn(query, `${field}.queries[${i}]`, variables, faults),
    ),
    thresholds: atMost(given.thresholds, THRESHOLDS_MAX, `${field}.thresholds`, faults).map((threshold, i) =>
      thresholdIn(threshold, `${field}.thresholds[${i}]`, faults),
    ),
  });
}

/** None of them where there are too many: what is wrong with each would not help. */
export function atMost<T>(all: readonly T[], max: number, field: string, faults: Faults): readonly T[] {
  if (all.length <= max) return all;
  faults.attempt(() => {
    throw invalidField(field, all.length, `at most ${max} of them`);
  });
  return [];
}

function checkPlace({ x, y, width, height }: Panel, field: string, faults: Faults): void {
  const check = (name: string, value: number, min: number, max: number, more = "") =>
    faults.attempt(() => {
      if (value < min || value > max) throw invalidField(`${field}.${name}`, value, `${min} to ${max}${more}`);
    });
  check("x", x, 0, GRID_COLUMNS - 1, `, a column of ${GRID_COLUMNS}`);
  const widthMax = x >= 0 && x < GRID_COLUMNS ? GRID_COLUMNS - x : GRID_COLUMNS;
  check("width", width, 1, widthMax, widthMax < GRID_COLUMNS ? `: it begins at column ${x} of ${GRID_COLUMNS}` : "");
  check("y", y, 0, ROW_MAX);
  check("height", height, 1, HEIGHT_MAX);
}

function checkScale({ min, max, logScale, decimals }: Panel, field: string, faults: Faults): void {
  const bound = (name: string, value: number | undefined) =>
    faults.attempt(() => {
      if (value === undefined) return;
      if (!Number.isFinite(value)) throw invalidField(`${field}.${name}`, value, "a finite number, or none");
      if (logScale && value <= 0) throw invalidField(`${field}.${name}`, value, "more than 0 with log_scale, or none");
    });
  bound("min", min);
  bound("max", max);
  faults.attempt(() => {
    if (min !== undefined && max !== undefined && min >= max) {
      throw invalidField(`${field}.min`, min, `less than max, which is ${max}`);
    }
  });
  faults.attempt(() => {
    if (decimals !== undefined && (decimals < 0 || decimals > DECIMALS_MAX)) {
      throw invalidField(`${field}.decimals`, decimals, `0 to ${DECIMALS_MAX}, or none`);
    }
  });
}

function thresholdIn({ value, severity }: PanelThreshold, field: string, faults: Faults): PanelThreshold {
  faults.attempt(() => {
    if (!Number.isFinite(value)) throw invalidField(`${field}.value`, value, "a finite number");
  });
  faults.attempt(() => {
    if (!SEVERITIES.includes(severity))
      throw invalidField(`${field}.severity`, severity, `one of ${SEVERITIES.join(", ")}`);
  });
  return create(PanelThresholdSchema, { value, severity });
}

function queryIn(given: PanelQuery, field: string, variables: ReadonlySet<string>, faults: Faults): PanelQuery {
  const { metric, filters, function: func, stepMs, aggregation } = given;
  faults.attempt(() => {
    patternIn(metric, `${field}.metric`, variables);
    compileMatcher([metric], {}, `${field}.metric`);
  });
  const entries = atMost(Object.entries(filters), TAGS_MAX, `${field}.filters`, faults);
  for (const [key, value] of entries) {
    const name = `${field}.filters[${JSON.stringify(key.slice(0, TAG_KEY_BYTES_MAX))}]`;
    faults.attempt(() => {
      tagIn(key, `${field}.filters`);
      patternIn(value, name, variables);
      // Names are those of this place, not of a request.
      compileMatcher([value], {}, name);
    });
  }
  faults.attempt(() => {
    if (RangeFunction[func] === undefined) throw invalidField(`${field}.function`, func, "a known function");
  });
  faults.attempt(() => {
    if (Aggregation[aggregation] === undefined)
      throw invalidField(`${field}.aggregation`, aggregation, "a known aggregation");
  });
  faults.attempt(() => {
    if (stepMs < 0n || stepMs > STEP_MS_MAX)
      throw invalidField(`${field}.step_ms`, stepMs, `0 (as fits) to ${STEP_MS_MAX}`);
  });
  const groupBy = atMost(given.groupBy, GROUP_BY_MAX, `${field}.group_by`, faults);
  groupBy.forEach((tag, i) => faults.attempt(() => tagIn(tag, `${field}.group_by[${i}]`)));
  return create(PanelQuerySchema, {
    ...{ metric, filters: Object.fromEntries(entries), function: func, stepMs, aggregation },
    groupBy: [...groupBy],
  });
}

/** "source", "metric", "device" or any tag. */
export function tagIn(tag: string, field: string): string {
  if (tag === "") throw invalidField(field, tag, '"source", "device" or another tag');
  return textIn(tag, field, TAG_KEY_BYTES_MAX);
}

function patternIn(pattern: string, field: string, variables: ReadonlySet<string>): void {
  for (const [named, name] of pattern.matchAll(VARIABLE)) {
    if (variables.has(name)) continue;
    const known = [...variables].map((one) => `$${one}`).join(", ");
    throw invalidField(field, pattern, `a variable of the dashboard for ${named}: ${known || "it has none"}`);
  }
}
