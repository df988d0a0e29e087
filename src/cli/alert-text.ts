/** Parts of alerts as text for people; all of it comes from the wire and is shown without what steers a terminal. */
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import pc from "picocolors";
import { rankOf, SEVERITIES, type Severity } from "../alerts/severity.ts";
import { AlertChange, AlertState, type Alert } from "../wire/gen/alerts_pb.ts";
import { msOfTimestamp } from "../wire/timestamp.ts";
import { formatAge, printable } from "./watch-table.ts";

/** Letters of an id that are enough to name one, as a rule. */
const SHORT_ID_LENGTH = 8;

const WORDS: Readonly<Record<AlertChange, string>> = {
  [AlertChange.UNSPECIFIED]: "changed",
  [AlertChange.SNAPSHOT]: "active",
  [AlertChange.FIRED]: "fired",
  [AlertChange.SEVERITY_ROSE]: "rose",
  [AlertChange.SEVERITY_FELL]: "fell",
  [AlertChange.CLEARED]: "cleared",
  [AlertChange.ACKNOWLEDGED]: "acknowledged",
  [AlertChange.ASSIGNED]: "assigned",
  [AlertChange.COMMENTED]: "commented",
  [AlertChange.STALE]: "stale",
  [AlertChange.HEARD]: "heard",
  [AlertChange.UPDATED]: "updated",
  [AlertChange.LATE]: "late",
  [AlertChange.MOVED]: "moved",
};

const PAINTS: Readonly<Record<Severity, (text: string) => string>> = {
  critical: (text) => pc.bold(pc.red(text)),
  high: pc.red,
  medium: pc.yellow,
  low: pc.cyan,
};

/** The gravest first; then what nobody has acknowledged, and of that what fired last. */
export function gravestFirst(a: Alert, b: Alert): number {
  return (
    rankOf(b.severity as Severity) - rankOf(a.severity as Severity) ||
    Number(a.acknowledged) - Number(b.acknowledged) ||
    msOf(b.createdAt) - msOf(a.createdAt) ||
    (a.id < b.id ? -1 : 1)
  );
}

/** For each id the letters it begins with that tell it apart from the others. */
export function shortIds(ids: readonly string[]): Map<string, string> {
  const sorted = [...new Set(ids)].sort();
  return new Map(
    sorted.map((id, i) => {
      const alike = Math.max(alikeLength(id, sorted[i - 1]), alikeLength(id, sorted[i + 1]));
      return [id, id.slice(0, Math.max(SHORT_ID_LENGTH, alike + 1))];
    }),
  );
}

/** `text` in the colour of a severity; what no severity is stays as it is. */
export function painted(severity: string, text = severity): string {
  const known = SEVERITIES.find((one) => one === severity);
  return known === undefined ? text : PAINTS[known](text);
}

export function changeWord(change: AlertChange): string {
  return WORDS[change] ?? "changed";
}

/** What an alert is about: its title, and what there is to say beside it. */
export function titleOf({ title, stale, state }: Alert): string {
  return `${printable(title)}${stale && state === AlertState.ACTIVE ? " (stale)" : ""}`;
}

export function deviceOf({ context }: Alert): string {
  return printable(context["device"] ?? context["source"] ?? "");
}

/** Who acknowledged it; "-" where nobody did. */
export function acknowledgerOf({ acknowledged, acknowledgedBy }: Alert): string {
  return acknowledged ? printable(acknowledgedBy || "somebody") : "-";
}

/** "1 critical, 2 high", the gravest first; "" for none. */
export function severityCounts(alerts: readonly Alert[]): string {
  return SEVERITIES.toReversed()
    .map((severity) => ({ severity, count: alerts.filter((alert) => alert.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => painted(severity, `${count.toLocaleString("en-US")} ${severity}`))
    .join(", ");
}

/** What somebody wrote, in one line. */
export function oneLine(text: string): string {
  return printable(text.trim().replaceAll(/\s+/g, " "));
}

/** "3m ago". */
export function ago(time: Timestamp | undefined, nowMs: number): string {
  return time === undefined ? "-" : `${formatAge(nowMs - msOf(time))} ago`;
}

/** ISO 8601 in UTC, to the second. */
export function secondOf(time: Timestamp | undefined): string {
  return time === undefined
    ? "-"
    : timestampDate(time)
        .toISOString()
        .replace(/\.\d+Z$/, "Z");
}

/** Unix milliseconds; 0 where there is none. */
export function msOf(time: Timestamp | undefined): number {
  return time === undefined ? 0 : msOfTimestamp(time);
}

function alikeLength(a: string, b = ""): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
