/** The parts of the console, in the order of the menu. */
import type { FunctionComponent } from "preact";
import { AlertsView } from "./views/alerts/alerts.tsx";
import { DashboardsView } from "./views/dashboards/dashboards.tsx";
import { DevicesView } from "./views/devices/devices.tsx";
import { Explore } from "./views/explore/explore.tsx";
import { IssuesView } from "./views/issues/issues.tsx";
import { Overview } from "./views/overview/overview.tsx";
import { SessionsView } from "./views/sessions/sessions.tsx";

export interface ViewEntry {
  /** What its addresses begin with: "" is "/", "alerts" is "/alerts" and all below it. */
  readonly name: string;
  readonly label: string;
  /** Goes there after "g". */
  readonly key?: string;
  readonly View: FunctionComponent;
}

export const VIEWS: readonly ViewEntry[] = [
  { name: "", label: "Overview", key: "o", View: Overview },
  { name: "explore", label: "Explore", key: "e", View: Explore },
  { name: "dashboards", label: "Dashboards", key: "b", View: DashboardsView },
  { name: "devices", label: "Devices", key: "d", View: DevicesView },
  { name: "alerts", label: "Alerts", key: "a", View: AlertsView },
  { name: "sessions", label: "Sessions", key: "s", View: SessionsView },
  { name: "issues", label: "Issues", key: "i", View: IssuesView },
];
