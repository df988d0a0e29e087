import type { AlertRow } from "../../../data/alert-row.ts";
import type { IncidentGroup } from "../../../data/incident-list.ts";
import { rootOf } from "../../../data/incidents.ts";
import { countText } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";
import { Age } from "../../../parts/time.tsx";
import { pathTo } from "../../../route.ts";
import { AlertMarks, AlertStatus } from "../alert-status.tsx";
import { AlertValue } from "../alert-value.tsx";

/** What a line of either kind is given by the list. */
interface LineProps {
  readonly rowIndex: number;
  readonly isCurrent: boolean;
  readonly chosen: "all" | "some" | "none";
  onFocus(): void;
  /** Missing: there is nothing that one may do with those that are chosen. */
  readonly onChoose: ((isUpTo: boolean) => void) | undefined;
}

interface AlertLineProps extends LineProps {
  readonly row: AlertRow;
  readonly isInIncident: boolean;
  /** Missing: one may not. */
  readonly onAcknowledge: ((rows: readonly AlertRow[]) => void) | undefined;
}

export function AlertLine({ row, isInIncident, onAcknowledge, ...line }: AlertLineProps) {
  const { alert, id, device, status } = row;
  const tabIndex = line.isCurrent ? 0 : -1;
  return (
    <Line {...line} name={alert.title} status={status} rank={row.rank} isInIncident={isInIncident}>
      <span role="gridcell">
        <Severity severity={alert.severity} />
      </span>
      <span role="gridcell" class="alerts-title">
        <a href={pathTo("alerts", id)} title={alert.description || alert.title} tabIndex={tabIndex}>
          {alert.title}
        </a>
        <span class="alerts-sub">
          {device !== "" && (
            <a href={pathTo("devices", device)} tabIndex={tabIndex}>
              {device}
            </a>
          )}
          {row.site !== "" && <span>{row.site}</span>}
          <span>{alert.rule}</span>
          <AlertMarks row={row} />
        </span>
      </span>
      <span role="gridcell" class="number">
        <AlertValue row={row} />
      </span>
      <span role="gridcell">
        <AlertStatus row={row} />
      </span>
      <span role="gridcell" class="number">
        <Age ms={row.firedMs} />
      </span>
      <span role="gridcell">
        {onAcknowledge !== undefined && !alert.acknowledged && status !== "cleared" && (
          <button type="button" tabIndex={tabIndex} onClick={() => onAcknowledge([row])}>
            Acknowledge
          </button>
        )}
      </span>
    </Line>
  );
}

interface IncidentLineProps extends LineProps {
  readonly group: IncidentGroup;
  readonly isUnfolded: boolean;
  onUnfold(): void;
  /** Missing: one may not. */
  readonly onAcknowledge: ((rows: readonly AlertRow[]) => void) | undefined;
}

/** Several alerts that are likely to have one cause. */
export function IncidentLine({ group, isUnfolded, onUnfold, onAcknowledge, ...line }: IncidentLineProps) {
  const { rows, open, id } = group;
  if (rows.length === 0) {
    return (
      <Line {...line} name="An incident that is over" status="cleared" rank={Infinity} isInIncident={false}>
        <span role="gridcell" class="alerts-title dim">
          All alerts of this incident are over, or no longer in this list.
        </span>
      </Line>
    );
  }
  const root = rows.find((row) => row.id === rootOf(id)) ?? rows[0];
  const newest = rows.reduce((latest, { firedMs }) => Math.max(latest, firedMs), 0);
  return (
    <Line
      {...line}
      name={`Incident: ${root.alert.title}`}
      status={open > 0 ? "firing" : "acknowledged"}
      rank={rows[0].rank}
      isInIncident={false}
    >
      <span role="gridcell">
        <Severity severity={rows[0].alert.severity} />
      </span>
      <span role="gridcell" class="alerts-title">
        <button
          type="button"
          class="quiet alerts-unfold"
          aria-expanded={isUnfolded}
          tabIndex={line.isCurrent ? 0 : -1}
          onClick={onUnfold}
        >
          <span aria-hidden="true">{isUnfolded ? "▾" : "▸"}</span> <strong>{countText(rows.length)} alerts</strong>:{" "}
          {root.alert.title}
        </button>
        <span class="alerts-sub">
          <span>likely one cause</span>
          <span>{severitiesText(rows)}</span>
        </span>
      </span>
      <span role="gridcell" />
      <span role="gridcell" class="alerts-status" data-status={open > 0 ? "firing" : "acknowledged"}>
        {open === 0 ? "✓ all looked after" : `● ${countText(open)} of ${countText(rows.length)} need somebody`}
      </span>
      <span role="gridcell" class="number">
        <Age ms={newest} />
      </span>
      <span role="gridcell">
        {onAcknowledge !== undefined && open > 0 && (
          <button type="button" tabIndex={line.isCurrent ? 0 : -1} onClick={() => onAcknowledge(rows)}>
            Acknowledge
          </button>
        )}
      </span>
    </Line>
  );
}

interface FrameProps extends LineProps {
  readonly name: string;
  readonly status: string;
  readonly rank: number;
  readonly isInIncident: boolean;
  readonly children: preact.ComponentChildren;
}

function Line(props: FrameProps) {
  const { rowIndex, isCurrent, chosen, onFocus, onChoose, name, status, rank, isInIncident, children } = props;
  return (
    <div
      role="row"
      class="alerts-line"
      aria-rowindex={rowIndex}
      aria-selected={chosen === "all"}
      data-status={status}
      data-rank={rank}
      data-in-incident={isInIncident}
      tabIndex={isCurrent ? 0 : -1}
      onFocus={onFocus}
    >
      <span role="gridcell" class="alerts-box">
        {onChoose !== undefined && (
          <input
            type="checkbox"
            tabIndex={-1}
            checked={chosen === "all"}
            indeterminate={chosen === "some"}
            aria-label={`Choose ${name}`}
            onClick={(event) => onChoose(event.shiftKey)}
          />
        )}
      </span>
      {children}
    </div>
  );
}

function severitiesText(rows: readonly AlertRow[]): string {
  const counts = new Map<string, number>();
  for (const { alert } of rows) counts.set(alert.severity, (counts.get(alert.severity) ?? 0) + 1);
  return [...counts].map(([severity, count]) => `${countText(count)} ${severity}`).join(", ");
}
