/** The console: what an operator sees in a browser. */
import { render, type FunctionComponent } from "preact";
import { useSignalEffect } from "@preact/signals";
import { broken } from "./connection.ts";
import { alertsBySeverity, followAlerts, unacknowledged } from "./data/alerts.ts";
import { followDevices } from "./data/devices.ts";
import { durationText } from "./format.ts";
import { listenForKeys } from "./keys.ts";
import { nowMs } from "./now.ts";
import { route } from "./route.ts";
import { AlertsView } from "./views/alerts.tsx";
import { DevicesView } from "./views/devices.tsx";
import { Explore } from "./views/explore.tsx";
import { Overview } from "./views/overview.tsx";
import { SessionsView } from "./views/sessions.tsx";

const VIEWS: readonly (readonly [path: string, name: string, View: FunctionComponent])[] = [
  ["/", "Overview", Overview],
  ["/explore", "Explore", Explore],
  ["/devices", "Devices", DevicesView],
  ["/alerts", "Alerts", AlertsView],
  ["/sessions", "Sessions", SessionsView],
];

function Shell() {
  const { path } = route.value;
  const [, name, View] = VIEWS.find(([each]) => each === path) ?? VIEWS[0];
  useSignalEffect(() => {
    const { value: open } = unacknowledged;
    document.title = `${open > 0 ? `(${open}) ` : ""}${name} · Watchpost`;
  });
  return (
    <>
      <header>
        <a class="brand" href="/">
          Watchpost
        </a>
        <nav aria-label="Parts of the console">
          {VIEWS.map(([each, label]) => (
            <a key={each} href={each} aria-current={each === path ? "page" : undefined}>
              {label}
              {each === "/alerts" && unacknowledged.value > 0 && (
                <span
                  class="badge"
                  data-severity={(alertsBySeverity.value.get("critical") ?? 0) > 0 ? "critical" : "high"}
                >
                  {unacknowledged.value}
                </span>
              )}
            </a>
          ))}
        </nav>
        <Connection />
      </header>
      <main>
        <View />
      </main>
    </>
  );
}

function Connection() {
  const present = broken.value;
  return (
    <p role="status" class="connection" data-broken={present !== undefined}>
      {present === undefined
        ? "live"
        : `not live for ${durationText(nowMs.value - present.sinceMs)}: ${present.reason}; trying again`}
    </p>
  );
}

followAlerts();
followDevices();
listenForKeys();
render(<Shell />, document.getElementById("app")!);
