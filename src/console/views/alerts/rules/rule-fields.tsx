/** All of a rule, as a form or as JSON. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Problem } from "../problems.ts";
import { LateFields, TellingFields, TextFields, WhenFields } from "./alert-fields.tsx";
import { ConditionFields } from "./condition-fields.tsx";
import { CheckField, TextField } from "../../../parts/fields.tsx";
import { problemAt } from "../problems.ts";
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
          <p class="alerts-note">The form does not know all of this rule: here nothing of it is lost.</p>
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
        <div role="status">
          {problems.map(({ field, text }) => (
            <p class="field-error" key={field + text}>
              {text}
            </p>
          ))}
        </div>
      </>
    );
  }
  const { form } = draft;
  const change = (changes: Partial<RuleForm>) => onChange({ kind: "form", form: { ...form, ...changes } });
  const part = { form, problems, onChange: change };
  const isWrong = (...names: string[]) => names.some((name) => problemAt(problems, `rule.${name}`, true) !== "");
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
      <Section
        title="What it says: title, what to do, labels"
        isBegun={form.title + form.description + form.runbook !== "" || form.labels.length > 0}
        isWrong={isWrong("title", "description", "runbook", "labels")}
      >
        <TextFields {...part} />
      </Section>
      <Section
        title="Who hears of it: escalation, times, sessions and issues"
        isBegun={form.escalation !== "" || form.opens.length > 0 || form.activeTimes.length > 0}
        isWrong={isWrong("escalation", "opens", "active_times")}
      >
        <TellingFields {...part} escalations={escalations} />
      </Section>
      <Section
        title="Silence and late points"
        isBegun={form.lateAfter !== "" || form.notifyLate || !["", "keep"].includes(form.noData)}
        isWrong={isWrong("no_data", "late_after", "notify_late")}
      >
        <LateFields {...part} />
      </Section>
      <CheckField
        label="Paused: kept, and not evaluated"
        isOn={form.disabled}
        onChange={(disabled) => change({ disabled })}
      />
    </>
  );
}

interface SectionProps {
  readonly title: string;
  /** Something in it is filled in. */
  readonly isBegun: boolean;
  /** Something in it has to be seen. */
  readonly isWrong: boolean;
  readonly children: ComponentChildren;
}

/** Unfolded where there is something in it, then as one leaves it. */
function Section({ title, isBegun, isWrong, children }: SectionProps) {
  const [isOpen, setOpen] = useState(isBegun);
  return (
    <details open={isOpen || isWrong} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}
