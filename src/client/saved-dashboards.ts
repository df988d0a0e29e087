/** Dashboards that are kept on the server: lists of them, one whole, saved and deleted. All throw the server's status. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  SavedDashboards,
  type PutDashboardRequestSchema,
  type SavedDashboard,
} from "../wire/gen/saved_dashboards_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

const PAGE_MAX = 1_000;

/** In order of id, without panels and variables. */
export async function* allDashboards(
  connection: Connection,
  options: AskOptions = {},
): AsyncGenerator<SavedDashboard, void> {
  for (let after = ""; ;) {
    const request = { after, limit: PAGE_MAX };
    const { dashboards, hasMore } = await ask(connection, SavedDashboards.method.listDashboards, request, options);
    yield* dashboards;
    if (!hasMore || dashboards.length === 0) return;
    after = dashboards.at(-1)!.dashboardId;
  }
}

/** NOT_FOUND where there is none of that id. */
export async function getDashboard(
  connection: Connection,
  dashboardId: string,
  options: AskOptions = {},
): Promise<SavedDashboard> {
  return (await ask(connection, SavedDashboards.method.getDashboard, { dashboardId }, options)).dashboard!;
}

/** Resolves with what is kept now. ABORTED where another revision than the one that is named is there. */
export async function putDashboard(
  connection: Connection,
  request: MessageInitShape<typeof PutDashboardRequestSchema>,
  options: AskOptions = {},
): Promise<SavedDashboard> {
  return (await ask(connection, SavedDashboards.method.putDashboard, request, options)).dashboard!;
}

/** Whichever revision there is. NOT_FOUND where there is none of that id. */
export async function deleteDashboard(
  connection: Connection,
  { dashboardId, userId }: { readonly dashboardId: string; readonly userId: string },
  options: AskOptions = {},
): Promise<void> {
  await ask(connection, SavedDashboards.method.deleteDashboard, { dashboardId, userId }, options);
}
