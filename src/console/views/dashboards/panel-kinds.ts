/** What kinds of panels there are, in the order one chooses from. */
import type { FunctionComponent } from "preact";
import { PanelKind } from "../../../wire/gen/saved_dashboards_pb.ts";
import { lazy } from "../../lazy.tsx";
import type { FeedNeed } from "./panel-feed.ts";
import { BarPanel } from "./panels/bar-panel.tsx";
import type { PanelProps } from "./panels/panel-props.ts";
import { StatPanel } from "./panels/stat-panel.tsx";
import { TablePanel } from "./panels/table-panel.tsx";

const GaugePanel = lazy(async () => (await import("./panels/gauge-panel.tsx")).GaugePanel);
const HeatMapPanel = lazy(async () => (await import("./panels/heat-map-panel.tsx")).HeatMapPanel);
const StateTimelinePanel = lazy(async () => (await import("./panels/state-timeline-panel.tsx")).StateTimelinePanel);

export interface KindEntry {
  readonly kind: PanelKind;
  readonly label: string;
  readonly help: string;
  /** Of series, and of what it needs of them; missing: it is drawn by other means. */
  readonly Drawing?: FunctionComponent<PanelProps>;
  readonly need?: FeedNeed;
}

export const KINDS: readonly KindEntry[] = [
  { kind: PanelKind.LINE, label: "Lines", help: "Values over time." },
  {
    kind: PanelKind.STAT,
    label: "Number",
    help: "The last value in large, its line in small.",
    Drawing: StatPanel,
    need: "both",
  },
  {
    kind: PanelKind.GAUGE,
    label: "Gauge",
    help: "The last value between two ends.",
    Drawing: GaugePanel,
    need: "last",
  },
  {
    kind: PanelKind.BAR,
    label: "Bars",
    help: "The last value of each series, the largest first.",
    Drawing: BarPanel,
    need: "last",
  },
  {
    kind: PanelKind.HEAT_MAP,
    label: "Heat map",
    help: "Many series over time, values as colours.",
    Drawing: HeatMapPanel,
    need: "steps",
  },
  {
    kind: PanelKind.TABLE,
    label: "Table",
    help: "Series with last, lowest, average and highest values.",
    Drawing: TablePanel,
    need: "both",
  },
  {
    ...{ kind: PanelKind.STATE_TIMELINE, label: "States", Drawing: StateTimelinePanel, need: "steps" },
    help: "When each series was above which threshold; without thresholds, which value it had.",
  },
  { kind: PanelKind.DEVICE_GRID, label: "Devices", help: "Devices by status. It needs no metric." },
];

/** A kind of a newer server is told as such. */
export function kindEntry(kind: PanelKind): KindEntry | undefined {
  return KINDS.find((entry) => entry.kind === kind);
}
