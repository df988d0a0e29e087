import type { EscalationPolicy, EscalationStep, OnCallSchedule } from "../../../../wire/gen/receivers_pb.ts";
import { countOf, msOf } from "../../../format.ts";
import { Severity } from "../../../parts/status.tsx";
import { Time } from "../../../parts/time.tsx";
import { pathTo } from "../../../route.ts";

export function Escalations({ escalations }: { escalations: readonly EscalationPolicy[] }) {
  return escalations.map(({ name, steps, repeat, repeatAfter, ackTimeout, repeatInterval, rules }) => (
    <section class="card" key={name}>
      <h2>Escalation {name}</h2>
      <p class="field-help">
        While nobody acknowledges. Named by{" "}
        <a href={`${pathTo("alerts", "rules")}?q=${encodeURIComponent(name)}`}>{countOf(Number(rules), "rule")}</a>.
      </p>
      <Steps steps={steps} />
      <p class="dim">
        {repeat > 0 ? `All of it ${repeat + 1} times, ${repeatAfter} between; then` : `${repeatAfter} later`} a critical
        alert says that nobody answers, and the last step is told again every {repeatInterval}.
        {ackTimeout !== "" && ` It begins again where it is acknowledged and not over after ${ackTimeout}.`}
      </p>
    </section>
  ));
}

export function Steps({ steps }: { steps: readonly EscalationStep[] }) {
  return (
    <ol class="policies-steps">
      {steps.map(({ after, notify, tellsNow, raiseSeverity }, i) => (
        <li key={i}>
          {after === "0s" ? "At once" : `After ${after}`}
          {notify.length > 0 && (
            <>
              {" "}
              <span aria-hidden="true">→</span> <strong>{notify.join(", ")}</strong>
            </>
          )}
          {tellsNow.join() !== notify.join() && <span class="dim"> (now {tellsNow.join(", ")})</span>}
          {raiseSeverity !== "" && (
            <>
              , raised to <Severity severity={raiseSeverity} />
            </>
          )}
        </li>
      ))}
    </ol>
  );
}

export function Schedules({ schedules }: { schedules: readonly OnCallSchedule[] }) {
  if (schedules.length === 0) return null;
  return (
    <section class="card">
      <h2>On call</h2>
      <ul class="policies-schedules">
        {schedules.map(({ name, onCall, until, participants, shiftHours, zone, overrides }) => (
          <li key={name}>
            <div>
              {name}: <strong>{onCall}</strong> until <Time ms={msOf(until)} />
            </div>
            <div class="dim">
              In turn {participants.join(", ")},{" "}
              {shiftHours % 24 === 0 ? countOf(shiftHours / 24, "day") : `${shiftHours} h`} each, by the clock of {zone}
              {overrides.map(({ from, to, receiver }, i) => (
                <span key={i}>
                  {i === 0 ? "; instead " : ", "}
                  {receiver} from <Time ms={msOf(from)} /> to <Time ms={msOf(to)} />
                </span>
              ))}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
