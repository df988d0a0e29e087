/** The console: what an operator sees in a browser. */
import { render } from "preact";
import { useSignalEffect } from "@preact/signals";
import { broken } from "./connection.ts";
import { alertsBySeverity, followAlerts, unacknowledged } from "./data/alerts.ts";
import { followDevices } from "./data/devices.ts";
import { durationText } from "./format.ts";
import { listenForKeys } from "./keys.ts";
import { nowMs } from "./now.ts";
import { Questions } from "./parts/dialog.tsx";
import { Toasts } from "./parts/toast.tsx";
import { route } from "./route.ts";
import { VIEWS } from "./views.ts";
import { InRoom } from "./views/sessions/in-room.tsx";

function Shell() {
  const { view } = route.value;
  const { label, View } = VIEWS.find(({ name }) => name === view) ?? VIEWS[0];
  useSignalEffect(() => {
    const { value: open } = unacknowledged;
    document.title = `${open > 0 ? `(${open}) ` : ""}${label} · Watchpost`;
  });
  return (
    <>
      <header>
        <a class="brand" href="/">
          Watchpost
        </a>
        <nav aria-label="Parts of the console">
          {VIEWS.map((each) => (
            <a key={each.name} href={`/${each.name}`} aria-current={each.name === view ? "page" : undefined}>
              {each.label}
              {each.name === "alerts" && unacknowledged.value > 0 && (
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
        <InRoom />
        <Connection />
      </header>
      <main>
        <View />
      </main>
      <Toasts />
      <Questions />
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
