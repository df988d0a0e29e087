/** Saved dashboards on a journal in memory, called as clients call them. */
import { ANONYMOUS } from "../../../src/wire/service.ts";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SavedDashboards } from "../../../src/dashboard/saved/saved-dashboards.ts";
import { savedDashboardMethods } from "../../../src/dashboard/saved/service.ts";
import { commandsOf } from "../../../src/wire/call-method.ts";
import {
  PanelKind,
  SavedDashboards as Service,
  WatchDashboardsRequestSchema,
  type DashboardEvent,
  type SavedDashboard,
  type SavedDashboardSchema,
} from "../../../src/wire/gen/saved_dashboards_pb.ts";
import type { CallContext } from "../../../src/wire/service.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

export type DashboardInit = Exclude<MessageInitShape<typeof SavedDashboardSchema>, SavedDashboard>;

export interface SavedRig {
  readonly journal: MemoryJournal;
  readonly clock: ManualClock;
  readonly saved: SavedDashboards;
  readonly troubles: readonly string[];
  put(dashboard: DashboardInit, revision?: bigint, userId?: string): Promise<SavedDashboard>;
  get(dashboardId: string): Promise<SavedDashboard>;
  list(after?: string, limit?: number): Promise<{ readonly ids: string[]; readonly hasMore: boolean }>;
  remove(dashboardId: string, revision?: bigint, userId?: string): Promise<unknown>;
  watch(dashboardId: string, signal: AbortSignal): AsyncIterable<DashboardEvent>;
}

export async function savedRig({
  journal = new MemoryJournal(),
  dashboardsMax = 100,
  bytesMax = 1024 * 1024,
} = {}): Promise<SavedRig> {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const troubles: string[] = [];
  const onTrouble = (sentence: string) => void troubles.push(sentence);
  const saved = await SavedDashboards.open({ journal, clock, dashboardsMax, bytesMax, onTrouble });
  const methods = savedDashboardMethods(saved);
  const call = commandsOf(methods);
  const context: CallContext = {
    signal: new AbortController().signal,
    principal: { ...ANONYMOUS, name: "anonymous", isAuthenticated: false },
    headers: new Map(),
    peer: "",
  };
  const { method } = Service;
  return {
    ...{ journal, clock, saved, troubles },
    async put(dashboard, revision = 0n, userId = "ann") {
      return (await call(method.putDashboard, { dashboard, revision, userId }, context)).dashboard!;
    },
    async get(dashboardId) {
      return (await call(method.getDashboard, { dashboardId }, context)).dashboard!;
    },
    async list(after = "", limit = 0) {
      const { dashboards, hasMore } = await call(method.listDashboards, { after, limit }, context);
      return { ids: dashboards.map((one) => one.dashboardId), hasMore };
    },
    remove: (dashboardId, revision = 0n, userId = "ann") =>
      call(method.deleteDashboard, { dashboardId, revision, userId }, context),
    watch(dashboardId, signal) {
      const watch = methods.find((impl) => impl.method === method.watchDashboards)!;
      if (watch.kind !== "server_streaming") throw new Error("WatchDashboards does not stream");
      const request = create(WatchDashboardsRequestSchema, { dashboardId });
      return watch.run(request as never, { ...context, signal }) as AsyncIterable<DashboardEvent>;
    },
  };
}

/** One panel of each kind that shows a metric, and a variable. */
export function exampleDashboard(dashboardId: string): DashboardInit {
  return {
    ...{ dashboardId, title: `Dashboard ${dashboardId}`, description: "What it is for.", rangeMs: 3_600_000n },
    variables: [{ name: "site", label: "Site", tag: "site", defaultValue: "" }],
    panels: [
      {
        ...{ id: "temperature", kind: PanelKind.LINE, title: "Temperature", x: 0, y: 0, width: 8, height: 4 },
        queries: [{ metric: "temperature", filters: { site: "$site" }, groupBy: ["device"] }],
        thresholds: [{ value: 80, severity: "high" }],
        ...{ unit: "°C", min: 0, max: 100, decimals: 1 },
      },
      { id: "devices", kind: PanelKind.DEVICE_GRID, x: 8, y: 0, width: 4, height: 4 },
    ],
  };
}
