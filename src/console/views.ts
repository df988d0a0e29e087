/** The parts of the console, in the order of the menu. */
import type { FunctionComponent } from "preact";
import { AlertsView } from "./views/alerts/alerts.tsx";
import { DevicesView } from "./views/devices/devices.tsx";
import { Explore } from "./views/explore/explore.tsx";
import { Overview } from "./views/overview/overview.tsx";
import { SessionsView } from "./views/sessions/sessions.tsx";

export interface ViewEntry {
  /** What its addresses begin with: "" is "/", "alerts" is "/alerts" and all below it. */
  readonly name: string;
  readonly label: string;
  readonly View: FunctionComponent;
}

export const VIEWS: readonly ViewEntry[] = [
  { name: "", label: "Overview", View: Overview },
  { name: "explore", label: "Explore", View: Explore },
  { name: "devices", label: "Devices", View: DevicesView },
  { name: "alerts", label: "Alerts", View: AlertsView },
  { name: "sessions", label: "Sessions", View: SessionsView },
];
