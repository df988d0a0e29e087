/** What the server answers, typed by the generated messages. */
import { createClient } from "@connectrpc/connect";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import { Devices } from "../wire/gen/devices_pb.ts";
import { DataIngestion } from "../wire/gen/ingestion_pb.ts";
import { Server } from "../wire/gen/server_pb.ts";
import { SavedDashboards } from "../wire/gen/saved_dashboards_pb.ts";
import type { PagePrincipal } from "../wire/tunnel-frame.ts";
import { connectCalls } from "./connect-calls.ts";
import { hearClock } from "./now.ts";
import { ServerLink } from "./server-link.ts";
import { browserSlots, StreamSlots } from "./stream-slots.ts";

const tab = `${performance.timeOrigin} ${Math.random()}`;
// Whoever leaves gives its connections back.
addEventListener("pagehide", () => browserSlots.remove(tab));

const WHO_AM_I = "/analytics.Access/WhoAmI";
const JSON_TYPE = { "content-type": "application/json" };
const UNAUTHORIZED = 401;

export const link = new ServerLink(location.origin, {
  connect: (url) => new WebSocket(url),
  fetch: (request) => fetch(request),
  isShared: () => {
    const timings = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    // What failed, and what never left the browser, has none.
    const last = timings.findLast(
      ({ name, nextHopProtocol }) => nextHopProtocol !== "" && name.startsWith(location.origin),
    );
    return last !== undefined && /^h[23]/.test(last.nextHopProtocol);
  },
  whoAmI,
  slots: new StreamSlots(browserSlots, tab),
  onClock: hearClock,
});
const transport = connectCalls(location.origin, link.fetch);

export const alertsApi = createClient(Alerts, transport);
export const dashboardApi = createClient(Dashboard, transport);
export const devicesApi = createClient(Devices, transport);
export const collaborationApi = createClient(Collaboration, transport);
export const ingestionApi = createClient(DataIngestion, transport);
export const serverApi = createClient(Server, transport);
export const savedDashboardsApi = createClient(SavedDashboards, transport);

/** For what is larger than a frame of the tunnel: a request of its own. */
export const uploadingApi = createClient(
  Collaboration,
  connectCalls(location.origin, (url, init) => fetch(url, init)),
);

/** Without a tunnel nobody says it unasked. */
async function whoAmI(): Promise<PagePrincipal | undefined> {
  const response = await fetch(WHO_AM_I, { method: "POST", headers: JSON_TYPE, body: "{}" });
  if (response.status === UNAUTHORIZED) return undefined;
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const { scope = {}, ...who } = (await response.json()) as Partial<Omit<PagePrincipal, "scope">> & {
    readonly scope?: Readonly<Record<string, readonly string[]>>;
  };
  const words = Object.entries(scope).map(([kind, patterns]) => `${kind} ${patterns.join(", ")}`);
  // What is "" or empty does not stand in JSON.
  return { name: "", role: "", via: "", callable: [], ...who, scope: words.join("; ") };
}
