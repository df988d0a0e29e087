/** What has happened lately, out of the journal, told in the words of each feature. */
import { tellAlert, tellRule, tellSilence } from "../alerts/tell-changes.ts";
import type { Visibility } from "../collaboration/seen/visibility.ts";
import { tellAnnotation, tellIssue, tellSession } from "../collaboration/tell-changes.ts";
import { tellDashboard } from "../dashboard/saved/tell-dashboard.ts";
import type { OpenDevices } from "../devices/open-devices.ts";
import { tellDevice } from "../devices/tell-changes.ts";
import type { Journal } from "../log/journal.ts";
import type { Scope } from "../model/access.ts";
import type { Logger } from "../model/logger.ts";
import { seesAlert } from "../model/sees-alert.ts";
import type { SeriesScopes } from "../model/series-scopes.ts";
import { SetAside } from "../model/set-aside.ts";
import { changesMethods } from "../overview/service.ts";
import type { MethodImpl } from "../wire/service.ts";

export interface ChangesForDeps {
  readonly journal: Journal;
  readonly devices: Pick<OpenDevices, "sightOf">;
  readonly scopes: SeriesScopes;
  readonly visibility: Visibility;
  readonly logger: Logger;
}

export function changesFor({ journal, devices, scopes, visibility, logger }: ChangesForDeps): MethodImpl[] {
  const seesIn = (scope: Scope) => visibility.sees(scope);
  return changesMethods({
    journal,
    tellers: {
      alert: tellAlert((scope, labels) => seesAlert(scope, scopes)(labels)),
      device: tellDevice((scope, id, site) => devices.sightOf(scope).seesThen(id, site)),
      rule: tellRule,
      silence: tellSilence,
      session: tellSession(seesIn),
      issue: tellIssue(seesIn),
      annotation: tellAnnotation(seesIn),
      dashboard: tellDashboard,
    },
    setAside: new SetAside((sentence) => logger.warn({ trouble: sentence }, "a change cannot be told")),
  });
}
