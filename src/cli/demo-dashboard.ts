/** The dashboard that a new demo has, so that there is one to look at. */
import { fromJson } from "@bufbuild/protobuf";
import { putDashboard } from "../client/saved-dashboards.ts";
import { SavedDashboardSchema } from "../wire/gen/saved_dashboards_pb.ts";
import { connectTo } from "./client-flags.ts";
import factory from "./demo-data/factory-dashboard.json";

export async function saveDemoDashboard(server: string): Promise<void> {
  const connection = connectTo(server);
  try {
    await putDashboard(connection, { dashboard: fromJson(SavedDashboardSchema, factory), userId: "demo" });
  } finally {
    connection.close();
  }
}
