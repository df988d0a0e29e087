/** What there is, where nothing was chosen yet. */
import { useState } from "preact/hooks";
import type { TagValue } from "../../../wire/gen/history_pb.ts";
import { dashboardApi } from "../../api.ts";
import { usePolled } from "../../data/polled.ts";
import { countText, msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { FirstReading } from "../../parts/first-reading.tsx";
import { Table, type Column } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";
import { route } from "../../route.ts";
import { listParam } from "../../data/explore-state.ts";

const SHOWN_MAX = 1_000;
const AGAIN_MS = 5_000;
const COLUMNS: readonly Column<TagValue>[] = [
  {
    name: "metric",
    label: "Metric",
    cell: ({ value }) => <a href={hrefOf(value)}>{value}</a>,
    sortKey: ({ value }) => value,
  },
  {
    ...{ name: "series", label: "Series", isNumber: true },
    cell: ({ series }) => countText(series),
    sortKey: ({ series }) => Number(series),
  },
  {
    ...{ name: "seen", label: "Last heard of" },
    cell: ({ lastSeen }) => <Age ms={msOf(lastSeen)} />,
    sortKey: ({ lastSeen }) => msOf(lastSeen),
  },
];

interface Found {
  readonly values: readonly TagValue[];
  readonly total: number;
  readonly missingNodes: readonly string[];
}

export function Browse({ filters }: { filters: Readonly<Record<string, string>> }) {
  const { value: found, failure } = usePolled((options) => read(filters, options), {
    ...{ everyMs: AGAIN_MS, isOnce: true, key: JSON.stringify(filters) },
  });
  const [sort, setSort] = useState("metric");
  if (failure !== "") return <p role="alert">The metrics could not be listed: {failure}.</p>;
  if (found === undefined) return <p class="dim">Looking for metrics …</p>;
  if (found.total === 0) {
    return Object.keys(filters).length > 0 ? (
      <Empty title="Nothing has these tags">Take a filter away, or change it.</Empty>
    ) : (
      <Empty title="Nothing is stored yet">
        <FirstReading />
      </Empty>
    );
  }
  return (
    <>
      <p class="dim">Choose one of {countText(found.total)} metrics, or type a part of a name above.</p>
      <Table
        label="Metrics"
        columns={COLUMNS}
        rows={found.values}
        rowKey={({ value }) => value}
        sort={sort}
        onSort={setSort}
      />
      {found.missingNodes.length > 0 && (
        <p class="dim" role="note">
          Nodes that did not tell of their points: {found.missingNodes.join(", ")}. There may be newer ones than is said
          here.
        </p>
      )}
      {found.total > found.values.length && (
        <p>{countText(found.total - found.values.length)} more; type a part of a name.</p>
      )}
    </>
  );
}

async function read(filters: Readonly<Record<string, string>>, options: { signal: AbortSignal }): Promise<Found> {
  const request = { key: "metric", filters, limit: SHOWN_MAX };
  const { values, total, missingNodes } = await dashboardApi.listTagValues(request, options);
  return { values, total: Number(total), missingNodes };
}

function hrefOf(metric: string): string {
  const params = new URLSearchParams(route.peek().params);
  params.set("metric", listParam([metric]));
  return `/explore?${params.toString()}`;
}
