import { useEffect, useMemo, useRef } from "preact/hooks";
import type { PlotRange } from "../../charts/plot-model.ts";
import { PanelKind, type DashboardVariable, type Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import type { PanelData } from "./panel-data.ts";
import { PanelFeed, type FeedNeed } from "./panel-feed.ts";
import { kindEntry, type KindEntry } from "./panel-kinds.ts";
import { DeviceGridPanel } from "./panels/device-grid-panel.tsx";
import { LinePanel } from "./panels/line-panel.tsx";
import { Notes } from "./panels/notes.tsx";
import { PanelState } from "./panels/panel-state.tsx";
import type { TimeRange } from "./time-range.ts";
import { filtersOfOthers, resolved, unknownNames, type Choices } from "./variables.ts";

/** What all panels of a page have in common. */
export interface PanelSetting {
  readonly variables: readonly DashboardVariable[];
  readonly choices: Choices;
  readonly range: TimeRange;
  onZoom(range: PlotRange | undefined): void;
}

/** What a panel shows, without its frame. */
export function PanelBody({ panel, setting }: { panel: Panel; setting: PanelSetting }) {
  const { variables, choices, range, onZoom } = setting;
  const entry = kindEntry(panel.kind);
  if (entry === undefined) return <Hint>This console does not know panels of kind {panel.kind}: reload the page.</Hint>;
  if (panel.kind === PanelKind.DEVICE_GRID) {
    const own = panel.queries[0] && resolved(panel.queries[0], choices).filters;
    return <DeviceGridPanel filters={own ?? filtersOfOthers(variables, choices, "")} />;
  }
  if (panel.queries.length === 0) return <Hint>Nothing is chosen yet: edit the panel and choose a metric.</Hint>;
  const unknown = unknownNames(panel.queries, choices);
  if (unknown.length > 0) return <Hint>There is no variable {unknown.map((name) => `$${name}`).join(", ")}.</Hint>;
  const queries = panel.queries.map((query) => resolved(query, choices));
  if (panel.kind === PanelKind.LINE) return <LinePanel {...{ panel, queries, range, onZoom }} syncKey="dashboard" />;
  return <FedPanel {...{ panel, queries, range }} Drawing={entry.Drawing!} need={entry.need!} />;
}

interface FedPanelProps {
  readonly panel: Panel;
  readonly queries: Panel["queries"];
  readonly range: TimeRange;
  readonly Drawing: NonNullable<KindEntry["Drawing"]>;
  readonly need: FeedNeed;
}

function FedPanel({ panel, queries, range, Drawing, need }: FedPanelProps) {
  const of = textOf([queries, need]);
  const asked = textOf([of, range]);
  const feed = useMemo(() => new PanelFeed(queries, range, need), [asked]);
  useEffect(() => {
    feed.open();
    return () => feed.close();
  }, [feed]);
  const data = useKept({ of, asked }, feed.data.value);
  const isEmpty = data.series.length === 0;
  return (
    <>
      <PanelState isRead={data.isRead} failure={data.failure} isEmpty={isEmpty} />
      {!isEmpty && <Drawing {...{ panel, data }} />}
      <Notes notes={data.notes} />
    </>
  );
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each));
}

/** What a panel showed last, by what it asks: it comes back into sight with that. */
const kept = new Map<string, PanelData>();
const KEPT_MAX = 400;

/** Until it is read: what it was, or another range of the same (`of`), also where the panel was out of sight meanwhile. */
function useKept({ of, asked }: { of: string; asked: string }, data: PanelData): PanelData {
  const before = useRef<{ readonly of: string; readonly data: PanelData }>(undefined);
  if (!data.isRead) return kept.get(asked) ?? (before.current?.of === of ? before.current.data : kept.get(of)) ?? data;
  before.current = { of, data };
  for (const name of [asked, of]) {
    kept.delete(name);
    kept.set(name, data);
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
  }
  return data;
}

function Hint({ children }: { children: preact.ComponentChildren }) {
  return <p class="dim dash-nothing">{children}</p>;
}
