import type { Panel } from "../../../../wire/gen/saved_dashboards_pb.ts";
import type { PanelData, PanelSeries } from "../panel-data.ts";

export interface PanelProps {
  readonly panel: Panel;
  readonly data: PanelData;
}

/** What the panel says, otherwise the sensor. */
export function unitOf(panel: Panel, { unit }: PanelSeries): string {
  return panel.unit || unit;
}
