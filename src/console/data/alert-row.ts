/** An alert as lists show it. Never changed: a change makes another. */
import { AlertState, type Alert } from "../../wire/gen/alerts_pb.ts";
import { msOf } from "../format.ts";

export const SEVERITIES: readonly string[] = ["critical", "high", "medium", "low"];
export const ALERT_STATUSES = ["firing", "acknowledged", "silenced", "cleared"] as const;
export type AlertStatus = (typeof ALERT_STATUSES)[number];

export interface AlertRow {
  readonly id: string;
  readonly alert: Alert;
  readonly status: AlertStatus;
  /** 0: critical. */
  readonly rank: number;
  readonly firedMs: number;
  /** Alerts of one incident have the same; one that has none is its own. */
  readonly incidentId: string;
  readonly device: string;
  readonly site: string;
  /** Who had acknowledged it when somebody else did, too; "": nobody. */
  readonly acknowledgedBefore: string;
  /** What text is looked for in, in small letters. */
  readonly haystack: string;
}

/** `deviceSite`: where its device is, which counts where its labels name no site. */
export function alertRow(alert: Alert, isSilenced: boolean, acknowledgedBefore = "", deviceSite = ""): AlertRow {
  const { id, severity, title, context, assignee, incidentId } = alert;
  const site = siteOf(alert, deviceSite);
  const rank = SEVERITIES.indexOf(severity);
  return {
    id,
    alert,
    status: statusOf(alert, isSilenced),
    rank: rank < 0 ? SEVERITIES.length : rank,
    firedMs: msOf(alert.createdAt) ?? 0,
    incidentId: incidentId || id,
    device: context["device"] ?? "",
    site,
    acknowledgedBefore,
    haystack: [title, assignee, site, ...Object.values(context)].join("\n").toLowerCase(),
  };
}

/** Nobody has said that they look after it, and nobody wants it quiet. */
export function needsSomebody({ status }: AlertRow): boolean {
  return status === "firing";
}

/** The gravest first, of these the one that fired last. */
export function byGravity(a: AlertRow, b: AlertRow): number {
  return a.rank - b.rank || b.firedMs - a.firedMs || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1);
}

/** As matchers of silences see them. */
export function silencedLabels({ labels, rule, severity }: Alert): Record<string, string> {
  return { ...labels, alertname: rule, severity };
}

export function siteOf({ labels }: Alert, deviceSite: string): string {
  return labels["site"] || deviceSite;
}

export function statusOf({ state, acknowledged }: Alert, isSilenced: boolean): AlertStatus {
  if (state === AlertState.CLEARED) return "cleared";
  if (acknowledged) return "acknowledged";
  return isSilenced ? "silenced" : "firing";
}
