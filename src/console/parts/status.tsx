/** Told by shape and word, not by colour alone. */
const MARKS: Readonly<Record<string, string>> = { online: "●", late: "◐", offline: "○", never_seen: "·", stale: "◌" };

export function statusText(status: string): string {
  return status.replace("_", " ");
}

export function Status({ status }: { status: string }) {
  return (
    <span class="status" data-status={status}>
      <span aria-hidden="true">{MARKS[status] ?? "·"}</span> {statusText(status)}
    </span>
  );
}

export function Severity({ severity }: { severity: string }) {
  return (
    <span class="severity" data-severity={severity}>
      {severity}
    </span>
  );
}
