/** Dashboards as files: the JSON form of their messages, as the command line has it. Pure. */
import { create, fromJson, toJson, type DescMessage, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { jsonFault } from "../../../model/json-fault.ts";
import {
  DashboardVariableSchema,
  PanelSchema,
  SavedDashboardSchema,
  type SavedDashboard,
} from "../../../wire/gen/saved_dashboards_pb.ts";

export interface ReadFile {
  readonly dashboards: readonly SavedDashboard[];
  /** What is wrong with the file, each with its place in it; where anything is, `dashboards` is empty. */
  readonly mistakes: readonly string[];
}

const FILE_BYTES_MAX = 4 << 20;
const DASHBOARDS_MAX = 1_000;

/** Several, as the command line exports them. */
export function fileTextOfAll(dashboards: readonly SavedDashboard[]): string {
  return `${JSON.stringify({ dashboards: dashboards.map(jsonOf) }, null, 2)}\n`;
}

/** Without what the server sets. */
export function fileText(dashboard: SavedDashboard): string {
  return `${JSON.stringify(jsonOf(dashboard), null, 2)}\n`;
}

function jsonOf({ dashboardId, title, description, variables, panels, rangeMs }: SavedDashboard): JsonValue {
  const kept = { dashboardId, title, description, variables, panels, rangeMs };
  return toJson(SavedDashboardSchema, create(SavedDashboardSchema, kept));
}

/** Of one dashboard, of a list of them, or of such a list as "dashboards". */
export function readFile(text: string): ReadFile {
  if (text.length > FILE_BYTES_MAX) {
    return wrong(`the file has ${text.length} characters; wanted at most ${FILE_BYTES_MAX}`);
  }
  const fault = jsonFault(text);
  if (fault !== undefined) return wrong(`line ${fault.line}, column ${fault.column}: wanted ${fault.wanted}`);
  const content = JSON.parse(text) as JsonValue;
  const inside = isObject(content) ? content["dashboards"] : content;
  if (!Array.isArray(inside)) return readAll([content], () => "");
  const name = inside === content ? "" : "dashboards";
  if (inside.length > 0 && inside.length <= DASHBOARDS_MAX) return readAll(inside, (i) => `${name}[${i}]`);
  return wrong(`the list has ${inside.length} dashboards; wanted 1 to ${DASHBOARDS_MAX}`);
}

function readAll(list: readonly JsonValue[], placeOf: (index: number) => string): ReadFile {
  const mistakes: string[] = [];
  const found = list.map((each, i) => readDashboard(each, placeOf(i), mistakes));
  const dashboards = found.filter((each) => each !== undefined);
  return { dashboards: mistakes.length > 0 ? [] : dashboards, mistakes };
}

/** Panels and variables one by one, so that all mistakes are said at once, each with its place. */
function readDashboard(json: JsonValue, place: string, mistakes: string[]): SavedDashboard | undefined {
  if (!isObject(json)) {
    mistakes.push(`${place || "the file"}: ${JSON.stringify(json)?.slice(0, 80)} is no dashboard; wanted an object`);
    return undefined;
  }
  const prefix = place === "" ? "" : `${place}.`;
  for (const [name, schema] of [
    ["panels", PanelSchema],
    ["variables", DashboardVariableSchema],
  ] as const) {
    const list = json[name];
    if (!Array.isArray(list)) continue;
    for (const [i, each] of list.entries()) tryRead(schema, each, `${prefix}${name}[${i}]`, mistakes);
  }
  const { panels, variables, ...head } = json;
  tryRead(SavedDashboardSchema, head, place || "the dashboard", mistakes);
  if (mistakes.length > 0) return undefined;
  const dashboard = tryRead(SavedDashboardSchema, json, place || "the dashboard", mistakes) as
    SavedDashboard | undefined;
  if (dashboard !== undefined && dashboard.dashboardId === "") {
    mistakes.push(`${prefix}dashboardId: missing; wanted letters, digits, "_" and "-"`);
  }
  return dashboard;
}

function tryRead(schema: DescMessage, json: JsonValue, place: string, mistakes: string[]): unknown {
  try {
    return fromJson(schema, json);
  } catch (error) {
    mistakes.push(`${place}: ${(error as Error).message.replaceAll("analytics.", "")}`);
    return undefined;
  }
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function wrong(mistake: string): ReadFile {
  return { dashboards: [], mistakes: [mistake] };
}
