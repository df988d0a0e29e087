import { recurrences } from "../../data/recurrences.ts";
import type { AlertRow } from "../../data/alert-row.ts";
import { silenceOf } from "../../data/silences.ts";
import { msOf } from "../../format.ts";
import { Time } from "../../parts/time.tsx";

const MARKS: Readonly<Record<string, string>> = { firing: "●", acknowledged: "✓", silenced: "◌", cleared: "○" };

/** Whether somebody looks after it, and who. */
export function AlertStatus({ row }: { row: AlertRow }) {
  return (
    <span class="alerts-status" data-status={row.status}>
      <span aria-hidden="true">{MARKS[row.status]}</span> <StatusText row={row} />
    </span>
  );
}

function StatusText({ row }: { row: AlertRow }) {
  const { alert, status, acknowledgedBefore } = row;
  if (status === "cleared") return <>cleared: {alert.clearedReason.replaceAll("_", " ")}</>;
  if (status === "acknowledged") {
    const also = acknowledgedBefore === "" ? "" : `, after ${acknowledgedBefore}`;
    return (
      <>
        acknowledged by {alert.acknowledgedBy || "somebody"}
        {also}
      </>
    );
  }
  if (status === "firing") return <>firing</>;
  const silence = silenceOf(row);
  return (
    <>
      silenced{" "}
      {silence !== undefined && (
        <>
          until <Time ms={msOf(silence.endsAt)} /> by {silence.author}
        </>
      )}
    </>
  );
}

/** What else is to be known of it, each in a word. */
export function AlertMarks({ row }: { row: AlertRow }) {
  const { alert } = row;
  const times = recurrences.value.timesOf(row);
  return (
    <>
      {alert.assignee !== "" && <span class="chip">for {alert.assignee}</span>}
      {alert.stale && <Mark text="silent" title="Its series sends nothing any more: the value is its last" />}
      {alert.late && <Mark text="late" title="All of it was in points that came late" />}
      {alert.published && <Mark text="published" title="By another system, not by a rule" />}
      {times > 1 && <Mark text={`flapping: ${times}×`} title={`Fired ${times} times within an hour`} />}
      {alert.raisedTo !== "" && (
        <Mark text="escalated" title={`Nobody had acknowledged it: escalation raised it to ${alert.raisedTo}`} />
      )}
      {alert.severity !== alert.severityMax && alert.severityMax !== "" && (
        <Mark text={`was ${alert.severityMax}`} title="The gravest it has been" />
      )}
    </>
  );
}

function Mark({ text, title }: { text: string; title: string }) {
  return (
    <span class="chip alerts-mark" title={title}>
      {text}
    </span>
  );
}
