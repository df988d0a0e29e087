/** Dashboards that are kept on the server: what there is, and one of them as it changes. */
import { ConnectError } from "@connectrpc/connect";
import { computed } from "@preact/signals";
import { BadRequestSchema } from "../../wire/gen/google/rpc/error_details_pb.ts";
import type { SavedDashboard } from "../../wire/gen/saved_dashboards_pb.ts";
import { savedDashboardsApi } from "../api.ts";
import { errorText } from "../errors.ts";
import { follow } from "../follow.ts";
import { user } from "../user.ts";
import { Standing } from "./standing.ts";

const standing = new Standing<SavedDashboard>();
export const areDashboardsKnown = standing.isKnown;

/** Without their panels, by title. */
export const dashboardList = computed(() => {
  return [...standing.all.value.values()].sort((a, b) => a.title.localeCompare(b.title));
});

export function followDashboards(): () => void {
  return follow(
    (options) => {
      standing.begin();
      return savedDashboardsApi.watchDashboards({}, options);
    },
    ({ kind, dashboard }) => {
      if (kind === "snapshot_end") standing.known();
      else if (dashboard) standing.put(dashboard.dashboardId, kind === "deleted" ? undefined : dashboard);
    },
    { what: "dashboards" },
  );
}

export interface DashboardEvents {
  /** As it is, each time the stream begins, and whenever somebody saves it. */
  onSaved(dashboard: SavedDashboard): void;
  /** By whom and when is missing where that was while nobody listened. */
  onDeleted(by: SavedDashboard | undefined): void;
}

/** Returns what stops it. */
export function followDashboard(dashboardId: string, { onSaved, onDeleted }: DashboardEvents): () => void {
  let isThere = false;
  return follow(
    (options) => {
      isThere = false;
      return savedDashboardsApi.watchDashboards({ dashboardId }, options);
    },
    ({ kind, dashboard }) => {
      if (kind === "snapshot_end") {
        if (!isThere) onDeleted(undefined);
      } else if (kind === "deleted") onDeleted(dashboard);
      else if (dashboard) {
        isThere = true;
        onSaved(dashboard);
      }
    },
    { what: "what others do with the dashboard" },
  );
}

/** `revision` is the one that is replaced; 0: there must be none. Answers with what is kept. */
export async function putDashboard(dashboard: SavedDashboard, revision: bigint): Promise<SavedDashboard> {
  const answer = await savedDashboardsApi.putDashboard({ dashboard, revision, userId: user.peek() });
  return answer.dashboard!;
}

export async function getDashboard(dashboardId: string): Promise<SavedDashboard> {
  return (await savedDashboardsApi.getDashboard({ dashboardId })).dashboard!;
}

export async function deleteDashboard({ dashboardId, revision }: SavedDashboard): Promise<void> {
  await savedDashboardsApi.deleteDashboard({ dashboardId, revision, userId: user.peek() });
}

/** All that the server finds wrong with a dashboard. */
export function violationsOf(error: unknown): { readonly field: string; readonly description: string }[] {
  return ConnectError.from(error)
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations);
}

/** The same in words, each with its place; otherwise what went wrong. */
export function mistakesOf(error: unknown): string[] {
  const found = violationsOf(error);
  return found.length === 0
    ? [errorText(error)]
    : found.map(({ description }) => description.replace(/^dashboard\./, ""));
}
