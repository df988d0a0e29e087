import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "preact/hooks";
import type { Alert } from "../../../wire/gen/alerts_pb.ts";
import { alertsApi, dashboardApi } from "../../api.ts";
import { Chart } from "../../charts/chart.tsx";
import { alertList, followValues } from "../../data/alerts.ts";
import { usePolled, type Polled } from "../../data/polled.ts";
import { chartsOfAlerts, chartsOfTopic, isAbout, type TopicChart, filtersOf } from "../../data/topic-charts.ts";
import type { Room } from "../../data/room.ts";
import { Severity } from "../../parts/status.tsx";
import { Age } from "../../parts/time.tsx";
import { msOf } from "../../format.ts";
import { pathTo } from "../../route.ts";

const [CHARTS_FIRST, ALERTS_SHOWN, SERIES_READ, ALERTS_READ] = [4, 5, 200, 10];
const [RANGE_MS, AGAIN_MS] = [900_000, 5_000];

/** Beside what is said: the alerts and charts it is about. */
export function RoomTopic({ room }: { room: Room }) {
  useEffect(followValues, []);
  const { topic } = room.session.value ?? {};
  const [shown, setShown] = useState(CHARTS_FIRST);
  const alerts = alertList.value.filter((alert) => topic !== undefined && isAbout(topic, alert));
  const { value: ofTopic = [], failure } = useTopicCharts(room);
  const charts = ofTopic.length > 0 ? ofTopic : chartsOfAlerts(alerts);
  const issues = [...room.issues.value.values()];
  return (
    <aside class="sessions-topic" aria-label="What it is about">
      {alerts.length > 0 && (
        <ul class="sessions-alerts" aria-label="Alerts that fire">
          {alerts.slice(0, ALERTS_SHOWN).map(({ id, severity, title, createdAt, acknowledged, acknowledgedBy }) => (
            <li key={id}>
              <Severity severity={severity} /> <a href={pathTo("alerts", id)}>{title}</a>{" "}
              <span class="dim">
                for <Age ms={msOf(createdAt)} />
                {acknowledged && `, ${acknowledgedBy} takes care of it`}
              </span>
            </li>
          ))}
          {alerts.length > ALERTS_SHOWN && (
            <li>
              <a href="/alerts">and {alerts.length - ALERTS_SHOWN} more</a>
            </li>
          )}
        </ul>
      )}
      {issues.length > 0 && (
        <p>
          <a href={`/issues?session=${encodeURIComponent(room.id)}`}>
            {issues.length} open {issues.length === 1 ? "issue" : "issues"}
          </a>
        </p>
      )}
      {charts.slice(0, shown).map(({ metric, filters }) => (
        <Chart
          key={metric + JSON.stringify(filters)}
          query={{ metric, filters, range: { lastMs: RANGE_MS } }}
          syncKey={room.id}
        />
      ))}
      {charts.length > shown && (
        <button onClick={() => setShown(charts.length)}>{charts.length - shown} more charts</button>
      )}
      {failure !== "" && <p role="alert">Its charts could not be read: {failure}.</p>}
      {charts.length === 0 && alerts.length === 0 && failure === "" && (
        <p class="dim">
          It is about nothing that has a chart. Sessions that are opened about a device, a metric or an alert show
          theirs here.
        </p>
      )}
    </aside>
  );
}

function useTopicCharts(room: Room): Polled<readonly TopicChart[]> {
  const { topic } = room.session.value ?? {};
  const key = JSON.stringify([topic?.devices, topic?.metrics, topic?.alertIds]);
  return usePolled(
    async ({ signal }) => {
      if (topic === undefined) return [];
      if (topic.metrics.length > 0) return chartsOfTopic(topic, []);
      if (topic.devices.length === 0) {
        const ids = topic.alertIds.slice(0, ALERTS_READ);
        return chartsOfAlerts(
          (await Promise.all(ids.map((id) => alertOf(id, signal)))).flatMap((alert) => alert ?? []),
        );
      }
      const filters = filtersOf(topic.devices);
      const { series } = await dashboardApi.listSeries({ metric: "*", filters, limit: SERIES_READ }, { signal });
      return chartsOfTopic(topic, [...new Set(series.map(({ metric }) => metric))]);
    },
    { everyMs: AGAIN_MS, isOnce: true, key },
  );
}

/** Undefined: it is forgotten. */
async function alertOf(id: string, signal: AbortSignal): Promise<Alert | undefined> {
  try {
    return (await alertsApi.getAlertHistory({ id }, { signal })).alert;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}
