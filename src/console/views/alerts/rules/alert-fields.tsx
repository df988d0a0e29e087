/** What becomes of it once the condition is met: when it fires, how grave it is, what it says, who hears of it. */
import { SEVERITIES } from "../../../data/alert-row.ts";
import { ActiveTimes } from "./active-times.tsx";
import { CheckField, ChoiceField, TextField } from "../../../parts/fields.tsx";
import { Labels } from "./labels.tsx";
import { problemAt } from "../problems.ts";
import { OPENINGS } from "./rule-form.ts";
import type { PartProps } from "./series-fields.tsx";

export function WhenFields({ form, problems, onChange }: PartProps) {
  const at = (name: string) => problemAt(problems, `rule.${name}`);
  return (
    <div class="fields">
      <TextField
        label="Once it has held for"
        value={form.for}
        placeholder="at once"
        help="30s, 5m, 1h30m"
        onChange={(text) => onChange({ for: text })}
        error={at("for")}
      />
      <TextField
        label="Goes on firing for"
        value={form.keepFiringFor}
        placeholder="not at all"
        help="When the condition is no longer met."
        onChange={(keepFiringFor) => onChange({ keepFiringFor })}
        error={at("keep_firing_for")}
      />
      {form.kind !== "ladder" && (
        <ChoiceField
          label="Severity"
          value={form.severity || "medium"}
          options={SEVERITIES.map((each) => [each, each])}
          onChange={(severity) => onChange({ severity })}
          error={at("severity")}
        />
      )}
    </div>
  );
}

const PLACES = "{value}, {limit}, {metric}, {source}, {device}, {severity}, {labels.KEY}";

export function TextFields({ form, problems, onChange }: PartProps) {
  const at = (name: string) => problemAt(problems, `rule.${name}`);
  return (
    <div class="form">
      <TextField
        label="Title"
        value={form.title}
        placeholder="says what and where by itself"
        help={`May have ${form.kind === "device" ? "{device}, {status}, {reason}" : PLACES}.`}
        onChange={(title) => onChange({ title })}
        error={at("title")}
      />
      <TextField
        label="What to do"
        isLong
        value={form.description}
        onChange={(description) => onChange({ description })}
        error={at("description")}
      />
      <TextField
        label="Runbook"
        value={form.runbook}
        placeholder="https://…"
        onChange={(runbook) => onChange({ runbook })}
        error={at("runbook")}
      />
      <Labels
        labels={form.labels}
        onChange={(labels) => onChange({ labels })}
        error={problemAt(problems, "rule.labels", true)}
      />
    </div>
  );
}

export function TellingFields({
  form,
  problems,
  onChange,
  escalations,
}: PartProps & { escalations: readonly string[] }) {
  const at = (name: string) => problemAt(problems, `rule.${name}`);
  const { opens } = form;
  const none = escalations.length === 0 ? "none: the rules file has no policies" : "none";
  return (
    <div class="form">
      <ChoiceField
        label="Escalation policy"
        value={form.escalation}
        options={[["", none], ...escalations.map((each) => [each, each] as const)]}
        onChange={(escalation) => onChange({ escalation })}
        error={at("escalation")}
      />
      <div class="toolbar" role="group" aria-label="Opens when it fires">
        {OPENINGS.map((each) => (
          <CheckField
            key={each}
            label={`Open ${each === "issue" ? "an issue" : "a session"}`}
            isOn={opens.includes(each)}
            onChange={(isOn) => onChange({ opens: isOn ? [...opens, each] : opens.filter((other) => other !== each) })}
          />
        ))}
      </div>
      <ActiveTimes {...{ form, problems, onChange }} />
    </div>
  );
}

const NO_DATA = [
  ["keep", "keep the alert, marked stale"],
  ["fire", "fire"],
  ["resolve", "resolve it"],
] as const;

export function LateFields({ form, problems, onChange }: PartProps) {
  if (form.kind === "device" || form.kind === "watchdog") return null;
  const at = (name: string) => problemAt(problems, `rule.${name}`);
  return (
    <div class="fields">
      <ChoiceField
        label="When its series falls silent"
        value={form.noData || "keep"}
        options={NO_DATA}
        onChange={(noData) => onChange({ noData })}
        error={at("no_data")}
      />
      <TextField
        label="Points are late after"
        value={form.lateAfter}
        placeholder="15m, or 3 usual gaps"
        help="Late points never fire an alert."
        onChange={(lateAfter) => onChange({ lateAfter })}
        error={at("late_after")}
      />
      <CheckField
        label="Tell of late episodes, too"
        isOn={form.notifyLate}
        onChange={(notifyLate) => onChange({ notifyLate })}
      />
    </div>
  );
}
