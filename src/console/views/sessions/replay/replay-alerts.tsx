import { AlertState } from "../../../../wire/gen/alerts_pb.ts";
import type { Replay } from "../../../data/replay/replay.ts";
import { durationText, msOf } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";
import { pathTo } from "../../../route.ts";

const SHOWN_MAX = 8;

/** Those that fired then, and how long they had. */
export function ReplayAlerts({ replay }: { replay: Replay }) {
  const { alerts, atMs } = replay.state.value;
  const firing = [...alerts.values()].filter(({ state }) => state === AlertState.ACTIVE);
  return (
    <section aria-label="Alerts then">
      <h2>Alerts</h2>
      {replay.isAhead.value && <p class="dim">It is not read up to this time yet.</p>}
      {firing.length === 0 && !replay.isAhead.value && <p class="calm">Nothing fires at this time.</p>}
      <ul class="rows">
        {firing
          .slice(0, SHOWN_MAX)
          .map(({ id, severity, title, createdAt, acknowledged, acknowledgedBy, assignee }) => (
            <li key={id}>
              <Severity severity={severity} /> <a href={pathTo("alerts", id)}>{title}</a>{" "}
              <span class="dim">
                for {durationText(atMs - (msOf(createdAt) ?? atMs))}
                {acknowledged && `, ${acknowledgedBy} takes care of it`}
                {assignee !== "" && `, assigned to ${assignee}`}
              </span>
            </li>
          ))}
        {firing.length > SHOWN_MAX && <li>and {firing.length - SHOWN_MAX} more</li>}
      </ul>
    </section>
  );
}
