/** The numbers behind a chart, to read or to have read out. */
import { useMemo } from "preact/hooks";
import { countText, numberText } from "../format.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { Time } from "../parts/time.tsx";
import { bandsBeside, mergedRows, type MergedRow } from "./merged-rows.ts";
import type { Shown } from "./save.ts";

const ROWS_MAX = 20_000;

/** As they were when it was opened: rows that move on cannot be read. */
export function ValuesTable({ shown, onClose }: { shown: Shown; onClose(): void }) {
  const { title, range } = shown;
  const series = useMemo(() => bandsBeside(shown.series), []);
  const { rows, more } = useMemo(() => {
    const all = [...mergedRows(series, range)].reverse();
    return { rows: all.slice(0, ROWS_MAX), more: Math.max(0, all.length - ROWS_MAX) };
  }, []);
  const columns = useMemo(
    (): Column<MergedRow>[] => [
      { name: "time", label: "Time", cell: ({ timeMs }) => <Time ms={timeMs} /> },
      ...series.map(({ key, label, unit }, i) => ({
        ...{ name: key, label: unit === "" ? label : `${label} (${unit})`, isNumber: true },
        cell: ({ values }: MergedRow) => (Number.isNaN(values[i]) ? "" : numberText(values[i])),
      })),
    ],
    [],
  );
  return (
    <Dialog title={title} isWide onClose={onClose}>
      <Table label={`Values of ${title}`} columns={columns} rows={rows} rowKey={({ timeMs }) => String(timeMs)} />
      {more > 0 && <p>{countText(more)} earlier ones; save as CSV to have all.</p>}
    </Dialog>
  );
}
