import { useRef, useState } from "preact/hooks";
import { alertBook } from "../../../data/alerts.ts";
import type { AlertRow } from "../../../data/alert-row.ts";
import { keyOfLine, type IncidentGroup, type ListLine } from "../../../data/incident-list.ts";
import { rowsDrawn } from "../../../parts/row-window.ts";
import { useRowWindow } from "../../../parts/use-row-window.ts";
import { AlertLine, IncidentLine } from "./alert-line.tsx";
import { placeOfKey } from "./live-list.ts";
import { chosenOf, toggled, type Chosen } from "./selection.ts";

interface AlertListProps {
  readonly lines: readonly ListLine[];
  readonly chosen: Chosen;
  /** Key of the line that keys act on. */
  readonly current: string | undefined;
  onCurrent(key: string): void;
  /** Missing: there is nothing that one may do with those that are chosen. */
  readonly onChoose: ((chosen: Chosen) => void) | undefined;
  onUnfold(group: IncidentGroup): void;
  onOpen(row: AlertRow): void;
  readonly onAcknowledge: ((rows: readonly AlertRow[]) => void) | undefined;
  /** Somebody is at the list: it should not move under their hands. */
  onTouch(): void;
}

const HEADINGS = ["", "Severity", "Alert", "Value", "Status", "Age", ""];
const MOVES: Readonly<Record<string, number>> = {
  ArrowDown: 1,
  j: 1,
  ArrowUp: -1,
  k: -1,
  Home: -Infinity,
  End: Infinity,
};
const LINE_PX = 48;
const LINES_BESIDE_PAGE = 4;

/** Lines of one height, of which those that are seen are drawn. */
export function AlertList(props: AlertListProps) {
  const { lines, chosen, current, onCurrent, onChoose, onUnfold, onOpen, onAcknowledge, onTouch } = props;
  const place = useRef<HTMLDivElement>(null);
  const [anchor, setAnchor] = useState<number>();
  const { seen, rowPx: linePx } = useRowWindow(place, lines.length, { selector: ".alerts-line", rowPx: LINE_PX });
  const currentAt = placeOfKey(lines, current);

  const choose = (at: number, isUpTo: boolean) => {
    onChoose?.(toggled(lines, at, isUpTo ? anchor : undefined, chosen));
    setAnchor(at);
    onCurrent(keyOfLine(lines[at]));
  };
  const moveTo = (at: number) => {
    const next = Math.max(0, Math.min(lines.length - 1, at));
    onCurrent(keyOfLine(lines[next]));
    requestAnimationFrame(() => {
      const line = place.current?.querySelector<HTMLElement>(`[aria-rowindex="${next + 2}"]`);
      line?.focus({ preventScroll: true });
      line?.scrollIntoView({ block: "nearest" });
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    const isLine = (event.target as HTMLElement).role === "row";
    if (!isLine || currentAt < 0 || altKey) return;
    const line = lines[currentAt];
    const page = Math.max(1, Math.floor(innerHeight / linePx) - LINES_BESIDE_PAGE);
    const step = key === "PageDown" ? page : key === "PageUp" ? -page : MOVES[key];
    if ((ctrlKey || metaKey) && key !== "a") return;
    if (ctrlKey || metaKey) onChoose?.(toggled(lines, lines.length - 1, 0, new Set()));
    else if (step !== undefined) {
      moveTo(currentAt + step);
      if (shiftKey && key.startsWith("Arrow")) choose(currentAt, false);
    } else if (key === " " || key === "x" || key === "X") choose(currentAt, shiftKey);
    else if (line.kind === "incident" && isFold(key, line.isUnfolded)) onUnfold(line.group);
    else if (line.kind === "alert" && key === "Enter") onOpen(line.row);
    else return;
    event.preventDefault();
    onTouch();
  };

  return (
    <div
      role="grid"
      class="alerts-list"
      aria-label="Alerts"
      aria-rowcount={lines.length + 1}
      aria-multiselectable={onChoose !== undefined}
      {...{ onKeyDown }}
      onPointerMove={(event) => event.pointerType === "mouse" && onTouch()}
      onPointerDown={onTouch}
    >
      <div role="row" class="alerts-head" aria-rowindex={1}>
        {HEADINGS.map((heading, i) => (
          <span role="columnheader" key={i} class={heading === "Value" || heading === "Age" ? "number" : ""}>
            {heading || <span class="unseen">{i === 0 ? "Chosen" : "Action"}</span>}
          </span>
        ))}
      </div>
      <div role="rowgroup" ref={place}>
        {rowsDrawn(seen, lines.length, currentAt).map((each, i) => {
          if ("room" in each) return <div key={`room ${i}`} style={{ height: `${each.room * linePx}px` }} />;
          const at = each.row;
          const line = lines[at];
          const key = keyOfLine(line);
          const shared = {
            rowIndex: at + 2,
            isCurrent: currentAt < 0 ? at === 0 : at === currentAt,
            chosen: chosenOf(line, chosen),
            onFocus: () => current !== key && onCurrent(key),
            onChoose: onChoose && ((isUpTo: boolean) => choose(at, isUpTo)),
          };
          if (line.kind === "incident") {
            const { group, isUnfolded } = line;
            const ours = { group, isUnfolded, onAcknowledge };
            return <IncidentLine key={key} {...shared} {...ours} onUnfold={() => onUnfold(group)} />;
          }
          // As it is now, also where the list keeps still.
          const row = alertBook.row(line.row.id) ?? line.row;
          return <AlertLine key={key} {...shared} {...{ row, onAcknowledge }} isInIncident={line.isInIncident} />;
        })}
      </div>
    </div>
  );
}

function isFold(key: string, isUnfolded: boolean): boolean {
  return key === "Enter" || key === (isUnfolded ? "ArrowLeft" : "ArrowRight");
}
