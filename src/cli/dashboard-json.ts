/** Dashboards as files: what export writes and import reads. */
import { create, toJson, type JsonValue } from "@bufbuild/protobuf";
import { dashboardIn } from "../dashboard/saved/dashboard-input.ts";
import { WatchpostError } from "../model/errors.ts";
import { jsonFault } from "../model/json-fault.ts";
import { SavedDashboardSchema, type SavedDashboard } from "../wire/gen/saved_dashboards_pb.ts";
import { isObject, messageIn, shown } from "./message-json.ts";

/** As it was made, without revision, who and when: what another server has of its own. */
export function portable(dashboard: SavedDashboard): SavedDashboard {
  const { dashboardId, title, description, variables, panels, rangeMs } = dashboard;
  return create(SavedDashboardSchema, { dashboardId, title, description, variables, panels, rangeMs });
}

/** One by itself is an object, several are a list in one. */
export function dashboardFile(dashboards: readonly SavedDashboard[], isList: boolean): string {
  const all = dashboards.map((one) => toJson(SavedDashboardSchema, portable(one)));
  return `${JSON.stringify(isList ? { dashboards: all } : all[0], null, 2)}\n`;
}

export interface ReadDashboards {
  readonly dashboards: readonly SavedDashboard[];
  /** All that is wrong, each with its place. */
  readonly problems: readonly string[];
}

/** One, a list, an object with a list as "dashboards", or what GetDashboard answers. */
export function readDashboards(text: string): ReadDashboards {
  const fault = jsonFault(text);
  if (fault !== undefined) {
    const { line, column, wanted } = fault;
    return {
      dashboards: [],
      problems: [`line ${line}, column ${column}: it is no JSON from there on; wanted ${wanted}`],
    };
  }
  const problems: string[] = [];
  const dashboards: SavedDashboard[] = [];
  const seen = new Map<string, string>();
  for (const { place, json } of listIn(JSON.parse(text) as JsonValue, problems)) {
    const before = problems.length;
    const given = messageIn(SavedDashboardSchema, json, place, (problem) => problems.push(problem));
    if (problems.length > before) continue;
    try {
      const dashboard = dashboardIn(given, place);
      const first = seen.get(dashboard.dashboardId);
      if (first === undefined) dashboards.push(dashboard);
      else
        problems.push(
          `${place}.dashboard_id is ${shown(dashboard.dashboardId)}, as that of ${first}; wanted each once`,
        );
      seen.set(dashboard.dashboardId, place);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      problems.push(...error.violations.map(({ description }) => description));
    }
  }
  return { dashboards, problems };
}

function listIn(json: JsonValue, problems: string[]): readonly { readonly place: string; readonly json: JsonValue }[] {
  const list = isObject(json) && Object.keys(json).length === 1 ? json["dashboards"] : json;
  if (Array.isArray(list)) return list.map((one, i) => ({ place: `dashboards[${i}]`, json: one }));
  if (isObject(json)) return [{ place: "dashboard", json: isObject(json["dashboard"]) ? json["dashboard"] : json }];
  problems.push(`it is ${shown(json)}; wanted a dashboard, or a list of dashboards`);
  return [];
}
