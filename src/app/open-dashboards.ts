/** Dashboards that are kept on the server. */
import type { Config } from "../config/config.ts";
import { SavedDashboards } from "../dashboard/saved/saved-dashboards.ts";
import { savedDashboardMethods } from "../dashboard/saved/service.ts";
import type { Clock } from "../model/clock.ts";
import type { Logger } from "../model/logger.ts";
import type { MethodImpl } from "../wire/service.ts";
import type { Storage } from "./open-storage.ts";

/** They hold nothing that would have to be closed. */
export async function openDashboards(
  { dashboards: { max, bytes_max: bytesMax } }: Config,
  { journal }: Storage,
  { logger, clock }: { readonly logger: Logger; readonly clock: Clock },
): Promise<{ readonly saved: SavedDashboards; readonly methods: readonly MethodImpl[] }> {
  const onTrouble = (sentence: string) => logger.error({ trouble: sentence }, "saved dashboards have trouble");
  const saved = await SavedDashboards.open({ journal, clock, dashboardsMax: max, bytesMax, onTrouble });
  return { saved, methods: savedDashboardMethods(saved) };
}
