/** What has happened to the alerts of one incident, put together as it is told: of few words, however many there are. Pure. */
import { graver, type AlertNews, type Severity } from "./alert-news.ts";

/** What a rule may have opened for the incidents of its alerts. */
export type Opening = "session" | "issue";

/** Changes of one kind. */
export interface AlertSum {
  count: number;
  readonly bySeverity: Map<Severity, number>;
  /** The first ones. */
  readonly first: AlertNews[];
}

export interface IncidentNews {
  /** The incident's id; of an alert that belongs to none the alert's. */
  readonly key: string;
  /** "": none. */
  readonly incidentId: string;
  /** Position of the last entry of it. */
  through: number;
  /** What rules of alerts that fired have opened. */
  readonly opens: Set<Opening>;
  /** The first alert that has something opened. */
  opener: AlertNews | undefined;
  /** The gravest of those that fired or rose. */
  severity: Severity | undefined;
  readonly sums: Readonly<Record<AlertNews["change"], AlertSum>>;
  /** All changes, in order: as many as were read at once. */
  readonly turns: Pick<AlertNews, "alertId" | "change">[];
  /** Of alerts that fired, the first ones. */
  readonly alertIds: string[];
  readonly devices: Set<string>;
}

/** As many as a session's topic and an issue's links take. */
export const LINKS_MAX = 100;
const NAME_LENGTH_MAX = 256;
const FIRST_MAX = 3;

export function keyOf({ incidentId, alertId }: AlertNews): string {
  return incidentId || alertId;
}

export function noNews(alert: AlertNews): IncidentNews {
  const sum = (): AlertSum => ({ count: 0, bySeverity: new Map(), first: [] });
  return {
    key: keyOf(alert),
    incidentId: alert.incidentId,
    through: 0,
    opens: new Set(),
    opener: undefined,
    severity: undefined,
    sums: { fired: sum(), rose: sum(), cleared: sum() },
    turns: [],
    alertIds: [],
    devices: new Set(),
  };
}

/** Takes up the next entry; `opens`: what the alert's rule has opened. */
export function addNews(news: IncidentNews, alert: AlertNews, opens: readonly Opening[]): void {
  const { change, severity, alertId, device } = alert;
  const sum = news.sums[change];
  sum.count++;
  sum.bySeverity.set(severity, (sum.bySeverity.get(severity) ?? 0) + 1);
  if (sum.first.length < FIRST_MAX) sum.first.push(alert);
  news.turns.push({ alertId, change });
  news.through = alert.position;
  if (change !== "cleared") news.severity = graver(severity, news.severity ?? severity);
  if (change !== "fired") return;
  if (opens.length > 0) news.opener ??= alert;
  for (const opening of opens) news.opens.add(opening);
  if (news.alertIds.length < LINKS_MAX) news.alertIds.push(alertId);
  const isName = device !== "" && device.length <= NAME_LENGTH_MAX;
  if (isName && news.devices.size < LINKS_MAX) news.devices.add(device);
}
