/** What the server answers, typed by the generated messages. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { Alerts } from "../wire/gen/alerts_pb.ts";
import { Collaboration } from "../wire/gen/collaboration_pb.ts";
import { Dashboard } from "../wire/gen/dashboard_pb.ts";
import { Devices } from "../wire/gen/devices_pb.ts";
import { Tunnel } from "./tunnel.ts";

export const tunnel = new Tunnel(location.origin);
const transport = createConnectTransport({
  baseUrl: location.origin,
  fetch: tunnel.fetch as typeof globalThis.fetch,
  useBinaryFormat: true,
});

export const alertsApi = createClient(Alerts, transport);
export const dashboardApi = createClient(Dashboard, transport);
export const devicesApi = createClient(Devices, transport);
export const collaborationApi = createClient(Collaboration, transport);
