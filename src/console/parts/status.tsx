import { countText } from "../format.ts";

/** Told by shape and word, not by colour alone. */
export const STATUS_MARKS: Readonly<Record<string, string>> = {
  online: "●",
  late: "◐",
  offline: "○",
  never_seen: "·",
  stale: "◌",
};

export function statusText(status: string): string {
  return status.replace("_", " ");
}

export function Status({ status }: { status: string }) {
  return (
    <span class="status" data-status={status}>
      <span aria-hidden="true">{STATUS_MARKS[status] ?? "·"}</span> {statusText(status)}
    </span>
  );
}

const SEVERITY_MARKS: Readonly<Record<string, string>> = {
  critical: "◆",
  high: "▲",
  medium: "■",
  low: "▽",
  good: "●",
};

export function severityMark(severity: string): string {
  return SEVERITY_MARKS[severity] ?? "·";
}

export function Severity({ severity }: { severity: string }) {
  return (
    <span class="severity" data-severity={severity}>
      <span aria-hidden="true">{severityMark(severity)}</span> {severity}
    </span>
  );
}

/** "4 high" where all are as grave, "4, 1 critical" otherwise. `gravest`: how many are of `severity`. */
export function AlertCount({ all, gravest, severity }: { all: number; gravest: number; severity: string }) {
  return (
    <>
      {countText(all)}
      <span class="dim">{gravest === all ? ` ${severity}` : `, ${countText(gravest)} ${severity}`}</span>
    </>
  );
}
