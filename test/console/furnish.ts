/** A server that has one of everything, for looking at all views: each name and text has `word` in it. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { Devices } from "../../src/wire/gen/devices_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { PanelKind, SavedDashboards } from "../../src/wire/gen/saved_dashboards_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";

export interface Furnished {
  readonly metric: string;
  readonly device: string;
  readonly alertId: string;
  readonly sessionId: string;
  readonly issue: string;
  readonly dashboardId: string;
}

const [POINTS, EVERY_MS] = [60, 1_000];

export async function furnish(base: string, word = "pump"): Promise<Furnished> {
  const transport = createConnectTransport({ baseUrl: base });
  const [ingestion, alerts] = [createClient(DataIngestion, transport), createClient(Alerts, transport)];
  const [devices, rooms] = [createClient(Devices, transport), createClient(Collaboration, transport)];
  const dashboards = createClient(SavedDashboards, transport);
  const [metric, device, userId] = ["pressure", `${word} 1`, `Ada ${word}`];
  const nowMs = Date.now();

  await devices.registerDevice({
    device: {
      deviceId: device,
      ...{ name: `The ${word}`, type: `type ${word}`, model: `model ${word}`, site: `hall ${word}` },
      tags: { note: word },
      sensors: [{ metricName: metric, unit: "bar", validMin: 0, validMax: 8, description: word }],
    },
  });
  const points = Array.from({ length: POINTS }, (_, i) => ({
    ...{ metricName: metric, value: 4 + Math.sin(i / 8), tags: { device, side: word } },
    timestamp: timestampOfMs(nowMs - (POINTS - i) * EVERY_MS),
  }));
  await ingestion.uploadBatch({ source: `gateway ${word}`, points });

  const labels = { device, site: `hall ${word}` };
  const facts = { title: `Leak at ${word}`, description: `Water, says ${word}` };
  const { alert } = await alerts.publishAlert({ rule: "leak", labels, severity: "critical", value: 9, ...facts });
  for (const severity of ["high", "medium", "low"])
    await alerts.publishAlert({ rule: `odd ${severity}`, labels, severity, title: `Odd ${word}`, value: 1 });
  await alerts.acknowledgeAlert({ id: alert!.id, userId, comment: `I see to ${word}` });
  await alerts.putRule({
    rule: {
      ...{ name: "pressure-high", metric, severity: "medium", title: `High ${word}` },
      ...{ description: word, labels: { team: word }, condition: { threshold: { above: 1_000 } } },
    },
  });
  const [startsAt, endsAt] = [timestampOfMs(nowMs), timestampOfMs(nowMs + 3_600_000)];
  await alerts.putSilence({ silence: { matchers: ["team=none"], startsAt, endsAt, author: userId, comment: word } });

  const { session } = await rooms.createSession({
    ...{ sessionId: "leak", userId, title: `About ${word}` },
    topic: { devices: [device], metrics: [metric], alertIds: [alert!.id] },
  });
  for (const message of [`Look at ${word}`, "It drips."])
    await rooms.sendMessage({ sessionId: session!.id, userId, userName: userId, message });
  const [from, to] = [timestampOfMs(nowMs - 30_000), timestampOfMs(nowMs - 20_000)];
  const pin = { device };
  await rooms.createSession({
    ...{ sessionId: "sealed", userId, title: `Behind a lock: ${word}`, keyCheck: new Uint8Array(16) },
  });
  await rooms.createAnnotation({ userId, pin, from, to, text: `Hammering ${word}`, tags: [word], sessionId: "leak" });
  const { issue } = await rooms.createIssue({
    ...{ userId, title: `Replace ${word}`, description: word, priority: "high", assignee: userId, labels: [word] },
    ...{ links: { devices: [device], alertIds: [alert!.id] }, sessionId: "leak" },
  });

  const kinds = Object.values(PanelKind).filter((kind) => typeof kind === "number" && kind > 0) as PanelKind[];
  const dashboardId = "hall";
  await dashboards.putDashboard({
    userId,
    dashboard: {
      ...{ dashboardId, title: `Hall ${word}`, description: word, rangeMs: 900_000n },
      panels: kinds.map((kind, i) => ({
        ...{ id: `p${i}`, kind, title: `Panel ${word}`, x: (i % 2) * 6, y: Math.floor(i / 2) * 4, width: 6, height: 4 },
        ...{ queries: [{ metric }], unit: "bar", min: 0, max: 10 },
      })),
    },
  });
  return { metric, device, alertId: alert!.id, sessionId: session!.id, issue: String(issue!.number), dashboardId };
}

export interface PageAddress {
  readonly name: string;
  readonly path: string;
  /** Where it is not the word that all names have in them. */
  readonly shows?: string;
  /** On a server that has nothing. */
  readonly showsEmpty: string;
}

/** All there is to look at. */
export function pageAddresses({ metric, device, alertId, sessionId, issue, dashboardId }: Furnished): PageAddress[] {
  const [d, m] = [encodeURIComponent(device), encodeURIComponent(metric)];
  const [nobodyIsTold, noDashboard] = ["Nobody is told", `There is no dashboard ${dashboardId}`];
  return [
    { name: "overview", path: "/", showsEmpty: "No device has been heard of yet" },
    { name: "explore", path: `/explore?metric=${m}`, showsEmpty: "There is no metric" },
    { name: "dashboards", path: "/dashboards", showsEmpty: "No dashboards yet" },
    { name: "dashboard", path: `/dashboards/${dashboardId}`, showsEmpty: noDashboard },
    { name: "panel", path: `/dashboards/${dashboardId}?edit=1&panel=p0`, showsEmpty: noDashboard },
    { name: "devices", path: "/devices", showsEmpty: "No device is known yet" },
    { name: "device", path: `/devices/${d}`, showsEmpty: "There is no such device" },
    { name: "alerts", path: "/alerts", showsEmpty: "Nothing fires" },
    { name: "alert", path: `/alerts/${encodeURIComponent(alertId)}`, showsEmpty: "there is no alert" },
    { name: "past alerts", path: "/alerts/past", showsEmpty: "Nothing fired" },
    { name: "rules", shows: "pressure-high", path: "/alerts/rules", showsEmpty: "There are no rules" },
    { name: "rule", path: "/alerts/rules/pressure-high?range=1h", showsEmpty: "There is no rule pressure-high" },
    { name: "new rule", shows: "Choose a metric", path: "/alerts/rules/~new", showsEmpty: "Choose a metric" },
    { name: "silences", path: "/alerts/silences", showsEmpty: "Nothing is silenced" },
    { name: "policies", shows: nobodyIsTold, path: "/alerts/policies", showsEmpty: nobodyIsTold },
    { name: "receivers", shows: nobodyIsTold, path: "/alerts/receivers", showsEmpty: nobodyIsTold },
    { name: "sessions", path: "/sessions", showsEmpty: "Nobody has met yet" },
    { name: "session", path: `/sessions/${sessionId}`, showsEmpty: "There is no session" },
    { name: "encrypted session", path: "/sessions/sealed", showsEmpty: "There is no session" },
    { name: "replay", path: `/sessions/${sessionId}/replay`, showsEmpty: "It cannot be replayed" },
    { name: "issues", path: "/issues", showsEmpty: "There is no issue yet" },
    { name: "issue", path: `/issues/${issue}`, showsEmpty: `There is no issue ${issue}` },
    { name: "nowhere", shows: "No such page", path: "/nowhere", showsEmpty: "No such page" },
  ];
}
