/** WatchDashboards: what there is, a mark, then what becomes of it, each change once and in order. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Backlog } from "../../model/backlog.ts";
import { WatchpostError } from "../../model/errors.ts";
import type { DashboardEventSchema, SavedDashboard } from "../../wire/gen/saved_dashboards_pb.ts";
import { headOf } from "./dashboard-documents.ts";
import { idIn } from "./panel-input.ts";
import type { SavedDashboards, ToldDashboard } from "./saved-dashboards.ts";

/** Changes that wait for a reader, and their characters; one that is further behind is disconnected. */
const BOUNDS = { waitingMax: 1_000, sizeMax: 8 * 1024 * 1024, what: "changes of dashboards", goesOn: "watch again" };

/** `dashboardId` "": all, without panels and variables. Ends when `signal` does. Throws UNAVAILABLE where the reader falls behind. */
export async function* watchDashboards(
  dashboardId: string,
  saved: SavedDashboards,
  signal: AbortSignal,
): AsyncGenerator<MessageInitShape<typeof DashboardEventSchema>, void> {
  if (dashboardId !== "") idIn(dashboardId, "dashboard_id");
  const isAll = dashboardId === "";
  using backlog = new Backlog<ToldDashboard>(BOUNDS, signal, (add) =>
    saved.follow(({ kind, dashboard, size }) => {
      if (isAll) add({ kind, dashboard: kind === "saved" ? headOf(dashboard) : dashboard, size: headSize(dashboard) });
      else if (dashboard.dashboardId === dashboardId) add({ kind, dashboard, size });
    }),
  );
  const found = isAll ? saved.heads() : await one(dashboardId, saved);
  for (const dashboard of found) yield { kind: "snapshot", dashboard };
  yield { kind: "snapshot_end" };
  // What changed while it was read may be in what was read.
  const read = isAll ? 0n : (found[0]?.revision ?? 0n);
  for await (const { kind, dashboard } of backlog.changes()) {
    if (dashboard.revision > read) yield { kind, dashboard };
  }
}

async function one(dashboardId: string, saved: SavedDashboards): Promise<readonly SavedDashboard[]> {
  try {
    return [await saved.get(dashboardId)];
  } catch (error) {
    if (error instanceof WatchpostError && error.status === "NOT_FOUND") return [];
    throw error;
  }
}

function headSize({ title, description }: SavedDashboard): number {
  return title.length + description.length;
}
