/** One alert: what it says, its chart, who did what, and what goes with it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { Chart } from "../../../charts/chart.tsx";
import { titleOf } from "../../../data/said.ts";
import { alertRow, type AlertRow } from "../../../data/alert-row.ts";
import { alertBook, alertsVersion, followValues } from "../../../data/alerts.ts";
import { chartOf, episodeOf, thresholdsOf } from "../../../data/rule-chart.ts";
import { ruleOf } from "../../../data/rule-of.ts";
import { countText, durationText, msOf } from "../../../format.ts";
import { useKeys } from "../../../keys.ts";
import { lookingAt } from "../../../looking-at.ts";
import { serverNowMs } from "../../../now.ts";
import { Severity } from "../../../parts/status.tsx";
import { Age, Time } from "../../../parts/time.tsx";
import { pathTo } from "../../../route.ts";
import { usePageTitle } from "../../../page-title.ts";
import { ActionButtons, actionKeys, useAlertActions } from "../actions/action-bar.tsx";
import { AlertMarks, AlertStatus } from "../alert-status.tsx";
import { AlertValue } from "../alert-value.tsx";
import { Timeline } from "./timeline.tsx";
import { useAlert } from "./use-alert.ts";
import { useEpisodes, type Episodes } from "./use-episodes.ts";
import { Collaboration } from "../../../../wire/gen/collaboration_pb.ts";
import { may } from "../../../who.ts";

export function AlertDetail({ id }: { id: string }) {
  const { row, history, failure, refresh } = useAlert(id);
  const { ask, dialog } = useAlertActions(refresh);
  const { value: episodes, failure: episodesFailure } = useEpisodes(row?.alert);
  useEffect(followValues, []);
  usePageTitle(row?.alert.title ?? "");
  useKeys(
    "Alert",
    actionKeys((action) => row !== undefined && ask(action, [row])),
  );
  useEffect(() => {
    const { metric, device } = row?.alert.context ?? {};
    const listed = (name: string | undefined) => (name === undefined ? [] : [name]);
    lookingAt.value = { view: "alerts", metrics: listed(metric), devices: listed(device) };
  }, [row?.id]);
  if (row === undefined) {
    if (failure === "") return <p role="status">Reading the alert…</p>;
    return (
      <p role="alert">
        {failure}. It may have been forgotten since: alerts that are over are kept as long as the journal.{" "}
        <a href={pathTo("alerts")}>All that fires</a>
      </p>
    );
  }
  const { alert } = row;
  return (
    <article class="alerts-detail">
      <h2>
        <Severity severity={alert.severity} /> {alert.title}
      </h2>
      <p>
        <AlertStatus row={row} /> <AlertMarks row={row} />
      </p>
      {alert.description !== "" && <p class="alerts-said">{alert.description}</p>}
      {alert.acknowledgedComment !== "" && (
        <p>
          <strong>{alert.acknowledgedBy}:</strong> <q>{alert.acknowledgedComment}</q>
        </p>
      )}
      <div class="toolbar">
        <ActionButtons onAction={(action) => ask(action, [row])} isOver={row.status === "cleared"} />
        <a class="button" href={`/sessions?alert=${encodeURIComponent(id)}`}>
          Open its session
        </a>
        {may(Collaboration.method.createIssue) && (
          <a
            class="button"
            href={`/issues?${new URLSearchParams({ new: titleOf(alert.title), alert: id, device: row.device })}`}
          >
            Make an issue
          </a>
        )}
        <Runbook url={alert.runbook} />
      </div>
      <Facts row={row} />
      <AlertChart key={`${id} ${alert.state}`} {...{ row, episodes }} />
      {failure !== "" && <p role="alert">What happened could not be read: {failure}.</p>}
      <div class="columns">
        {history !== undefined && <Timeline history={history} />}
        <div>
          <Incident row={row} />
          <Earlier episodes={episodes} failure={episodesFailure} />
        </div>
      </div>
      {dialog}
    </article>
  );
}

/** Rules come from anybody: only web addresses become links. */
function Runbook({ url }: { url: string }) {
  if (!/^https?:\/\//.test(url)) return null;
  return (
    <a class="button" href={url} target="_blank" rel="noreferrer">
      What to do ↗
    </a>
  );
}

function Facts({ row }: { row: AlertRow }) {
  const { alert, device } = row;
  const clearedMs = msOf(alert.clearedAt);
  const shown = new Set(["device", "site"]);
  const labels = Object.entries(alert.labels).filter(([name, value]) => value !== "" && !shown.has(name));
  return (
    <dl class="alerts-facts">
      <Fact name="Value">
        <AlertValue row={row} />
      </Fact>
      <Fact name="Fired">
        <Time ms={row.firedMs} />
        {clearedMs === undefined ? (
          <>
            {" "}
            (<Age ms={row.firedMs} /> ago)
          </>
        ) : (
          ` for ${durationText(clearedMs - row.firedMs)}`
        )}
      </Fact>
      {device !== "" && (
        <Fact name="Device">
          <a href={pathTo("devices", device)}>{device}</a> {row.site !== "" && `at ${row.site}`}
        </Fact>
      )}
      <Fact name="Rule">
        {alert.published ? (
          `${alert.rule}, of another system`
        ) : (
          <a href={pathTo("alerts", "rules", alert.rule)}>{alert.rule}</a>
        )}
      </Fact>
      {labels.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function AlertChart({ row: { alert }, episodes }: { row: AlertRow; episodes: Episodes | undefined }) {
  const [sinceMs] = useState(serverNowMs);
  const rule = alert.published ? undefined : ruleOf(alert.rule);
  const query = useMemo(() => chartOf(alert, rule, sinceMs), [alert.id, rule, sinceMs]);
  const [thresholds, shaded] = useMemo(
    () => [thresholdsOf(rule), [alert, ...(episodes?.alerts ?? [])].map(episodeOf)],
    [rule, alert, episodes],
  );
  if (query === undefined) return null;
  return <Chart {...{ query, thresholds }} episodes={shaded} />;
}

const OTHERS_MAX = 20;

function Incident({ row }: { row: AlertRow }) {
  void alertsVersion.value;
  const others = alertBook.active.filter(({ id, incidentId }) => incidentId === row.incidentId && id !== row.id);
  if (others.length === 0) return null;
  return (
    <section aria-label="Others of this incident">
      <h2>Likely the same cause</h2>
      <ul class="rows">
        {others.slice(0, OTHERS_MAX).map((other) => (
          <li key={other.id}>
            <Severity severity={other.alert.severity} /> <a href={pathTo("alerts", other.id)}>{other.alert.title}</a>{" "}
            <AlertStatus row={other} />
          </li>
        ))}
      </ul>
      {others.length > OTHERS_MAX && <p class="dim">{countText(others.length - OTHERS_MAX)} more.</p>}
    </section>
  );
}

const EARLIER_MAX = 10;

function Earlier({ episodes, failure }: { episodes: Episodes | undefined; failure: string }) {
  if (failure !== "") return <p role="alert">Earlier episodes could not be read: {failure}.</p>;
  if (episodes === undefined) return null;
  const { alerts, isCut } = episodes;
  return (
    <section aria-label="Earlier episodes">
      <h2>Earlier</h2>
      {alerts.length === 0 && <p class="calm">The same has not fired before, as far as is known.</p>}
      <ul class="rows">
        {alerts.slice(0, EARLIER_MAX).map((each) => {
          const { firedMs, alert } = alertRow(each, false);
          const clearedMs = msOf(alert.clearedAt);
          return (
            <li key={alert.id}>
              <Severity severity={alert.severityMax || alert.severity} />{" "}
              <a href={pathTo("alerts", alert.id)}>
                <Time ms={firedMs} />
              </a>{" "}
              {clearedMs === undefined ? "still fires" : `for ${durationText(clearedMs - firedMs)}`}
              {alert.acknowledgedBy !== "" && <span class="dim">, acknowledged by {alert.acknowledgedBy}</span>}
            </li>
          );
        })}
      </ul>
      {alerts.length > EARLIER_MAX && (
        <p class="dim">
          {countText(alerts.length - EARLIER_MAX)}
          {isCut && " or more"} before that.
        </p>
      )}
    </section>
  );
}
