/** All of a rule, as a form or as JSON. */
import type { Problem } from "./problems.ts";
import { LateFields, TellingFields, TextFields, WhenFields } from "./alert-fields.tsx";
import { ConditionFields } from "./condition-fields.tsx";
import { CheckField, TextField } from "./form-fields.tsx";
import { problemAt } from "./problems.ts";
import { asJson, draftOf, ruleOfDraft, type RuleDraft } from "./rule-draft.ts";
import type { RuleForm } from "./rule-form.ts";
import { SeriesFields } from "./series-fields.tsx";

interface RuleFieldsProps {
  readonly draft: RuleDraft;
  readonly problems: readonly Problem[];
  readonly unit: string;
  /** It has a name that stays. */
  readonly isNamed: boolean;
  readonly escalations: readonly string[];
  onChange(draft: RuleDraft): void;
}

export function RuleFields({ draft, problems, unit, isNamed, escalations, onChange }: RuleFieldsProps) {
  const { rule } = ruleOfDraft(draft);
  const other = rule && (draft.kind === "form" ? asJson(rule) : draftOf(rule));
  const canSwitch = other !== undefined && other.kind !== draft.kind;
  const modes = (
    <div class="segments" role="group" aria-label="Written as">
      {(["form", "json"] as const).map((kind) => (
        <button
          type="button"
          key={kind}
          aria-pressed={draft.kind === kind}
          aria-disabled={draft.kind !== kind && !canSwitch}
          onClick={() => draft.kind !== kind && canSwitch && onChange(other)}
        >
          {kind === "form" ? "Form" : "JSON"}
        </button>
      ))}
    </div>
  );
  if (draft.kind === "json") {
    return (
      <>
        <div class="toolbar">{modes}</div>
        {rule !== undefined && !canSwitch && (
          <p class="rules-note">The form does not know all of this rule: here nothing of it is lost.</p>
        )}
        <label class="field">
          The rule, with the fields of a rules file
          <textarea
            class="rules-json"
            spellcheck={false}
            rows={24}
            value={draft.text}
            onInput={({ currentTarget }) => onChange({ kind: "json", text: currentTarget.value })}
          />
        </label>
      </>
    );
  }
  const { form } = draft;
  const change = (changes: Partial<RuleForm>) => onChange({ kind: "form", form: { ...form, ...changes } });
  const part = { form, problems, onChange: change };
  const isDetailed = form.title + form.description + form.runbook !== "" || form.labels.length > 0;
  const isTold = form.escalation !== "" || form.opens.length > 0 || form.activeTimes.length > 0;
  return (
    <>
      <div class="rules-name">
        <TextField
          label="Name"
          value={form.name}
          isDisabled={isNamed}
          placeholder="press-hot"
          onChange={(name) => change({ name })}
          error={problemAt(problems, "rule.name")}
        />
        {modes}
      </div>
      <SeriesFields {...part} />
      <ConditionFields {...part} unit={unit} />
      <WhenFields {...part} />
      <details open={isDetailed}>
        <summary>What it says: title, what to do, labels</summary>
        <TextFields {...part} />
      </details>
      <details open={isTold}>
        <summary>Who hears of it: escalation, times, sessions and issues</summary>
        <TellingFields {...part} escalations={escalations} />
      </details>
      <details>
        <summary>Silence and late points</summary>
        <LateFields {...part} />
      </details>
      <CheckField
        label="Paused: kept, and not evaluated"
        isOn={form.disabled}
        onChange={(disabled) => change({ disabled })}
      />
    </>
  );
}
