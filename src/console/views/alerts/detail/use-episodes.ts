import type { Alert } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { usePolled, type Polled } from "../../../data/polled.ts";

export interface Episodes {
  /** Of the same rule for the same labels, the last first; this one is not among them. */
  readonly alerts: readonly Alert[];
  /** There may be more. */
  readonly isCut: boolean;
}

const READ_MAX = 500;
const AGAIN_MS = 5_000;

/** Read once, when the alert is known. */
export function useEpisodes(alert: Alert | undefined): Polled<Episodes | undefined> {
  const key = alert === undefined ? "" : `${alert.id} ${alert.state}`;
  return usePolled((options) => episodesBeside(alert, options), { everyMs: AGAIN_MS, isOnce: true, key });
}

async function episodesBeside(
  alert: Alert | undefined,
  options: { signal: AbortSignal },
): Promise<Episodes | undefined> {
  if (alert === undefined) return undefined;
  const device = alert.context["device"];
  const request = { rules: [alert.rule], devices: device === undefined ? [] : [device], limit: READ_MAX };
  const { alerts, nextPage } = await alertsApi.listAlerts(request, options);
  const same = alerts.filter((each) => each.id !== alert.id && isSame(each.labels, alert.labels));
  return { alerts: same, isCut: nextPage !== "" };
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
