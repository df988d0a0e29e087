import { useEffect, useState } from "preact/hooks";
import type { Alert } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";

export interface Episodes {
  /** Of the same rule for the same labels, the last first; this one is not among them. */
  readonly alerts: readonly Alert[];
  /** There may be more. */
  readonly isCut: boolean;
}

const READ_MAX = 500;

/** Undefined: not read yet. */
export function useEpisodes(alert: Alert | undefined): Episodes | undefined {
  const [read, setRead] = useState<Episodes & { readonly of: string }>();
  useEffect(() => {
    if (alert === undefined) return;
    const controller = new AbortController();
    const { signal } = controller;
    const ask = async () => {
      const device = alert.context["device"];
      const request = { rules: [alert.rule], devices: device === undefined ? [] : [device], limit: READ_MAX };
      const { alerts, nextPage } = await alertsApi.listAlerts(request, { signal });
      const same = alerts.filter((each) => each.id !== alert.id && isSame(each.labels, alert.labels));
      setRead({ of: alert.id, alerts: same, isCut: nextPage !== "" });
    };
    ask().catch(() => {});
    return () => controller.abort();
  }, [alert?.id, alert?.state]);
  return read?.of === alert?.id ? read : undefined;
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
