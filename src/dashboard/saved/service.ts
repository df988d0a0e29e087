/** The SavedDashboards service, over messages. */
import { invalidField } from "../../model/errors.ts";
import { actorOf } from "../../wire/actor.ts";
import { SavedDashboards as Service, type SavedDashboard } from "../../wire/gen/saved_dashboards_pb.ts";
import { serverStreaming, unary, type MethodImpl } from "../../wire/service.ts";
import type { SavedDashboards } from "./saved-dashboards.ts";
import { watchDashboards } from "./watch-dashboards.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
/** Of one answer: clients take messages of 4 MB as a rule. */
const PAGE_CHARS_MAX = 1024 * 1024;

export function savedDashboardMethods(saved: SavedDashboards): MethodImpl[] {
  const { method } = Service;
  return [
    unary(method.putDashboard, async ({ dashboard, revision, userId }, context) => ({
      dashboard: await saved.put(dashboard, revisionIn(revision), actorOf(userId, context)),
    })),
    unary(method.getDashboard, async ({ dashboardId }) => ({ dashboard: await saved.get(dashboardId) })),
    unary(method.listDashboards, async ({ after, limit }) => pageOf(saved.heads(), after, limit)),
    unary(method.deleteDashboard, async ({ dashboardId, revision, userId }, context) => {
      await saved.delete(dashboardId, revisionIn(revision), actorOf(userId, context));
      return {};
    }),
    serverStreaming(method.watchDashboards, ({ dashboardId }, { signal }) =>
      watchDashboards(dashboardId, saved, signal),
    ),
  ];
}

function revisionIn(revision: bigint): bigint {
  if (revision >= 0n) return revision;
  throw invalidField("revision", revision, "0, or the revision that was read");
}

function pageOf(all: readonly SavedDashboard[], after: string, limit: number) {
  if (limit < 0 || limit > LIMIT_MAX) throw invalidField("limit", limit, `0 (${LIMIT_DEFAULT}) to ${LIMIT_MAX}`);
  const from = all.findIndex(({ dashboardId }) => dashboardId > after);
  const rest = from < 0 ? [] : all.slice(from);
  const dashboards: SavedDashboard[] = [];
  let chars = 0;
  for (const one of rest) {
    if (dashboards.length === (limit || LIMIT_DEFAULT) || chars > PAGE_CHARS_MAX) break;
    dashboards.push(one);
    chars += one.title.length + one.description.length;
  }
  return { dashboards, hasMore: dashboards.length < rest.length };
}
