import type { RuleEscalation, RuleNotification, TestRuleResponse, ToldAlert } from "../../../../wire/gen/rules_pb.ts";
import { countText, msOf } from "../../../format.ts";
import { Time } from "../../../parts/time.tsx";

const SHOWN = 20;

interface Row {
  readonly ms: number;
  readonly who: string;
  readonly why: string;
  readonly what: string;
}

/** Who would have been told of the rule's alerts, and when: the first of them, in order. */
export function ToldTable({ result }: { result: TestRuleResponse }) {
  const { notifications, notificationsTotal, escalations, escalationsTotal } = result;
  const total = Number(notificationsTotal + escalationsTotal);
  if (total === 0) return null;
  const rows = [...notifications.map(toldRow), ...escalations.map(stepRow)].sort((a, b) => a.ms - b.ms).slice(0, SHOWN);
  return (
    <details>
      <summary>Who would have been told, and when</summary>
      <div class="table-frame" role="region" aria-label="Notifications" tabIndex={0}>
        <table class="table" aria-label="Who would have been told">
          <thead>
            <tr>
              <th scope="col">At</th>
              <th scope="col">Who</th>
              <th scope="col">Why</th>
              <th scope="col">Of what</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ ms, who, why, what }, i) => (
              <tr key={i}>
                <td>
                  <Time ms={ms} />
                </td>
                <td>{who}</td>
                <td>{why}</td>
                <td>{what}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {total > rows.length && <p class="dim">{countText(total - rows.length)} more</p>}
    </details>
  );
}

function toldRow({ at, receiver, channel, reason, alerts, alertsTotal, silenced, inhibited }: RuleNotification): Row {
  const held = [
    ...(silenced > 0n ? [`${countText(silenced)} silenced`] : []),
    ...(inhibited > 0n ? [`${countText(inhibited)} inhibited`] : []),
  ];
  const why = held.length === 0 ? reason : `${reason} (${held.join(", ")})`;
  return { ms: msOf(at) ?? 0, who: `${receiver}, ${channel}`, why, what: whatOf(alerts, alertsTotal) };
}

function stepRow(step: RuleEscalation): Row {
  const { at, policy, receivers, raisedSeverity, reminder, exhausted, alerts, alertsTotal } = step;
  const place = exhausted ? "exhausted" : reminder ? "reminder" : `step ${step.step}`;
  const raised = raisedSeverity === "" ? "" : `, raised to ${raisedSeverity}`;
  const who = receivers.join(", ") || "nobody";
  return { ms: msOf(at) ?? 0, who, why: `${policy}: ${place}${raised}`, what: whatOf(alerts, alertsTotal) };
}

function whatOf(alerts: readonly ToldAlert[], total: bigint): string {
  const [first] = alerts;
  if (first === undefined) return "";
  const more = total > 1n ? `, and ${countText(total - 1n)} more` : "";
  return `${first.resolved ? "over: " : ""}${first.title}${more}`;
}
