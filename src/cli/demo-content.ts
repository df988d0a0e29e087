/** What a new demo has, so that there is something to look at: what its devices are, a dashboard, and rules that fire now and then. */
import { fromJson } from "@bufbuild/protobuf";
import type { Connection } from "../client/connection.ts";
import { putRule } from "../client/rules.ts";
import { putDashboard } from "../client/saved-dashboards.ts";
import { RuleSchema } from "../wire/gen/rules_pb.ts";
import { SavedDashboardSchema } from "../wire/gen/saved_dashboards_pb.ts";
import { saveDemoDevices } from "./demo-devices.ts";
import factory from "./demo-data/factory-dashboard.json";
import rules from "./demo-data/rules.json";

export const DEMO_DASHBOARD = factory.dashboardId;

export async function saveDemoContent(connect: () => Connection): Promise<void> {
  const connection = connect();
  try {
    await saveDemoDevices(connection);
    await putDashboard(connection, { dashboard: fromJson(SavedDashboardSchema, factory), userId: "demo" });
    for (const rule of rules) await putRule(connection, fromJson(RuleSchema, rule));
  } finally {
    connection.close();
  }
}
