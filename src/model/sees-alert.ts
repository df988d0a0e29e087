/** Whether an alert is in a scope: by what its labels say, and by the site that its device is registered with. Pure. */
import type { Scope } from "./access.ts";
import type { SeriesScopes } from "./series-scopes.ts";

/** Of the labels of an alert. */
export type SeesAlert = (labels: Readonly<Record<string, string>>) => boolean;

export type PlacesOfAlerts = Pick<SeriesScopes, "takes" | "seesDevice">;

export const SEES_ALL_ALERTS: SeesAlert = () => true;

/**
 * An alert is where its labels `source`, `device` and `site` say; what it does not say matches no name. One about a device, with
 * no source, is seen where the device is. One that says none of them, as of several series or of the server itself, is seen by
 * those who see everything. To be kept for as long as one likes: it follows when devices get other sites.
 */
export function seesAlert(scope: Scope, places: PlacesOfAlerts): SeesAlert {
  if (scope.isEverything) return SEES_ALL_ALERTS;
  return ({ source = "", device = "", site = "" }) => {
    if (source === "" && device === "" && site === "") return false;
    if (places.takes(scope, { source, device, site })) return true;
    return source === "" && device !== "" && places.seesDevice(scope, device);
  };
}
