/** Which alerts are in a scope: they are where their labels say. Pure. */
import type { Scope } from "./access.ts";
import type { SeriesScopes } from "./series-scopes.ts";

/** Of the labels of an alert. */
export type SeesAlert = (labels: Readonly<Record<string, string>>) => boolean;

export const SEES_ALL_ALERTS: SeesAlert = () => true;

/** To be kept for as long as one likes: it follows when devices get other sites. */
export function seesAlert(scope: Scope, scopes: Pick<SeriesScopes, "seesLabels">): SeesAlert {
  return scope.isEverything ? SEES_ALL_ALERTS : (labels) => scopes.seesLabels(scope, labels);
}
