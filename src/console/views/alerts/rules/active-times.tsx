import { TextField } from "../../../parts/fields.tsx";
import { problemAt } from "../problems.ts";
import type { ActiveTimeForm } from "./rule-form.ts";
import type { PartProps } from "./series-fields.tsx";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** When the rule notifies; at other times it is evaluated all the same. */
export function ActiveTimes({ form: { activeTimes }, problems, onChange }: PartProps) {
  const put = (i: number, changes: Partial<ActiveTimeForm>) =>
    onChange({ activeTimes: activeTimes.with(i, { ...activeTimes[i], ...changes }) });
  return (
    <fieldset>
      <legend>Notifies</legend>
      {activeTimes.length === 0 && <p class="field-help">At all times.</p>}
      {activeTimes.map((time, i) => {
        const at = (name: string) => problemAt(problems, `rule.active_times[${i}].${name}`, true);
        const field = (name: keyof ActiveTimeForm, label: string, placeholder: string) => (
          <TextField
            {...{ label, placeholder, value: time[name], error: at(name) }}
            onChange={(text) => put(i, { [name]: text })}
          />
        );
        return (
          <div class="fields rules-step" key={i} role="group" aria-label={`Time ${i + 1}`}>
            {field("days", "Days", "mon-fri, sun: every day")}
            {field("from", "From", "00:00")}
            {field("to", "To", "24:00")}
            {field("zone", "Time zone", "UTC")}
            <button
              type="button"
              class="quiet"
              aria-label={`Remove time ${i + 1}`}
              onClick={() => onChange({ activeTimes: activeTimes.toSpliced(i, 1) })}
            >
              ✕
            </button>
          </div>
        );
      })}
      <button
        type="button"
        class="quiet"
        onClick={() =>
          onChange({ activeTimes: [...activeTimes, { days: "mon-fri", from: "08:00", to: "18:00", zone: HERE }] })
        }
      >
        + only at some times
      </button>
      {activeTimes.length > 0 && (
        <p class="field-help">At other times it is evaluated, and what still fires when a time begins is told then.</p>
      )}
    </fieldset>
  );
}
