/** What there is, where nothing was chosen yet. */
import { useEffect, useState } from "preact/hooks";
import type { TagValue } from "../../../wire/gen/history_pb.ts";
import { dashboardApi } from "../../api.ts";
import { errorText } from "../../errors.ts";
import { countText, msOf } from "../../format.ts";
import { Empty } from "../../parts/empty.tsx";
import { Table, type Column } from "../../parts/table.tsx";
import { Age } from "../../parts/time.tsx";
import { route } from "../../route.ts";
import { listParam } from "./explore-state.ts";

const SHOWN_MAX = 1_000;
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
}

export function Browse({ filters }: { filters: Readonly<Record<string, string>> }) {
  const [found, setFound] = useState<Found>();
  const [failure, setFailure] = useState("");
  const [sort, setSort] = useState("metric");
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    dashboardApi.listTagValues({ key: "metric", filters, limit: SHOWN_MAX }, { signal }).then(
      ({ values, total }) => setFound({ values, total: Number(total) }),
      (error) => !signal.aborted && setFailure(errorText(error)),
    );
    return () => controller.abort();
  }, [JSON.stringify(filters)]);
  if (failure !== "") return <p role="alert">The metrics could not be listed: {failure}</p>;
  if (found === undefined) return <p class="dim">Looking for metrics …</p>;
  if (found.total === 0) {
    return Object.keys(filters).length > 0 ? (
      <Empty title="Nothing has these tags">Take a filter away, or change it.</Empty>
    ) : (
      <Empty title="Nothing is stored yet">
        Send a reading first, for example with <code>watchpost simulate</code>.
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
      {found.total > found.values.length && (
        <p>{countText(found.total - found.values.length)} more; type a part of a name.</p>
      )}
    </>
  );
}

function hrefOf(metric: string): string {
  const params = new URLSearchParams(route.peek().params);
  params.set("metric", listParam([metric]));
  return `/explore?${params.toString()}`;
}
