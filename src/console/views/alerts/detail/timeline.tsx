import type { GetAlertHistoryResponse } from "../../../../wire/gen/alerts_pb.ts";
import { timelineOf } from "../../../data/alert-timeline.ts";
import { countText, msOf } from "../../../format.ts";
import { Time } from "../../../parts/time.tsx";

const SHOWN = 200;
const MARKS: Readonly<Record<string, string>> = { fired: "●", people: "◆", told: "✉", cleared: "○", minor: "·" };

/** Who did what to an alert, the last first. */
export function Timeline({ history }: { history: GetAlertHistoryResponse }) {
  const { alert, events, deliveries, silences, more } = history;
  const entries = timelineOf(events, deliveries, silences, msOf(alert?.createdAt)).reverse();
  return (
    <section aria-label="What happened">
      <h2>What happened</h2>
      <ol class="alerts-timeline">
        {entries.slice(0, SHOWN).map(({ atMs, who, what, said, kind, times }, i) => (
          <li key={entries.length - i} data-kind={kind}>
            <span aria-hidden="true">{MARKS[kind]}</span>
            <Time ms={atMs} />
            <span>
              {who !== "" && <strong>{who} </strong>}
              {what}
              {times > 1 && `, ${countText(times)} times`}
              {said !== "" && <q>{said}</q>}
            </span>
          </li>
        ))}
      </ol>
      {entries.length > SHOWN && <p class="dim">{countText(entries.length - SHOWN)} older ones are not shown.</p>}
      {more && <p class="dim">There are more than the server tells: watchpost history has the last 10,000.</p>}
    </section>
  );
}
