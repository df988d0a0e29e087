/** The parts of the console, in the order of the menu. */
import type { FunctionComponent } from "preact";
import { lazy, type LazyComponent } from "./lazy.tsx";

const AlertsView = lazy(async () => (await import("./views/alerts/alerts.tsx")).AlertsView);
const DashboardsView = lazy(async () => (await import("./views/dashboards/dashboards.tsx")).DashboardsView);
const DevicesView = lazy(async () => (await import("./views/devices/devices.tsx")).DevicesView);
const Explore = lazy(async () => (await import("./views/explore/explore.tsx")).Explore);
const IssuesView = lazy(async () => (await import("./views/issues/issues.tsx")).IssuesView);
const Overview = lazy(async () => (await import("./views/overview/overview.tsx")).Overview);
const SessionsView = lazy(async () => (await import("./views/sessions/sessions.tsx")).SessionsView);

export interface ViewEntry {
  /** What its addresses begin with: "" is "/", "alerts" is "/alerts" and all below it. */
  readonly name: string;
  readonly label: string;
  /** Goes there after "g". */
  readonly key?: string;
  readonly View: FunctionComponent | LazyComponent;
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
