/** What has to be met: the kind, and its own fields. */
import { SEVERITIES } from "../../../data/alert-row.ts";
import { textsOfKind, withLimit, type ConditionForm, type StepForm } from "./condition-form.ts";
import { DEVICE_STATUSES, KINDS, specOf, wireName, type FieldSpec, type Kind, type Texts } from "./condition-kinds.ts";
import { About, CheckField, ChoiceField, TextField } from "../../../parts/fields.tsx";
import { problemAt, type Problem } from "../problems.ts";

interface ConditionFieldsProps {
  readonly form: ConditionForm;
  readonly problems: readonly Problem[];
  readonly unit: string;
  onChange(changes: Partial<ConditionForm>): void;
}

const SIDES = [
  ["above", "above"],
  ["below", "below"],
] as const;

export function ConditionFields({ form, problems, unit, onChange }: ConditionFieldsProps) {
  const { kind } = form;
  const spec = specOf(kind);
  const texts = textsOfKind(form);
  const root = `rule.condition.${wireName(kind)}`;
  const set = (changes: Texts) => onChange({ texts: { ...form.texts, [kind]: { ...texts, ...changes } } });
  const choose = (chosen: Kind) => onChange({ kind: chosen, ...firstOf(chosen, form) });
  return (
    <fieldset class="rules-condition">
      <legend>Fires when</legend>
      <ChoiceField
        label="Condition"
        value={kind}
        options={KINDS.map((each) => [each.kind, each.label] as const)}
        onChange={(chosen) => choose(chosen as Kind)}
        help={spec.help}
        error={problemAt(problems, "rule.condition")}
      />
      <div class="fields">
        {spec.fields.map((field) => (
          <SpecField
            key={field.name}
            {...{ field, texts, set }}
            error={problemAt(problems, `${root}.${wireName(field.name)}`)}
          />
        ))}
      </div>
      {spec.limit !== undefined && (
        <div class="fields">
          <ChoiceField label="Is" value={texts["side"] ?? "above"} options={SIDES} onChange={(side) => set({ side })} />
          <TextField
            label={unit === "" ? "Limit" : `Limit, ${unit}`}
            inputMode="decimal"
            value={texts["at"] ?? ""}
            onChange={(at) => set(withLimit(texts, at))}
            help={kind === "rate" ? "Per second." : "Also drawn: drag the line."}
            error={problemAt(problems, `${root}.above`) || problemAt(problems, `${root}.below`)}
          />
          {spec.limit === "clear" && (
            <TextField
              label="Clears at"
              inputMode="decimal"
              value={texts["clear"] ?? ""}
              onChange={(clear) => set({ clear })}
              placeholder="the limit"
              help="Back there it is over; keeps alerts from flapping."
              error={problemAt(problems, `${root}.clear`)}
            />
          )}
        </div>
      )}
      {kind === "ladder" && <Steps {...{ form, problems, set, onChange }} side={texts["side"] ?? "above"} />}
      {kind === "device" && <Statuses statuses={form.statuses} onChange={(statuses) => onChange({ statuses })} />}
      <About id="" error={problemAt(problems, root)} help={undefined} />
    </fieldset>
  );
}

/** What a kind begins with that has more than texts. */
function firstOf(kind: Kind, { steps, statuses }: ConditionForm): Partial<ConditionForm> {
  if (kind === "ladder" && steps.length === 0) {
    return { steps: ["medium", "high", "critical"].map((severity) => ({ severity, at: "", clear: "" })) };
  }
  return kind === "device" && statuses.length === 0 ? { statuses: ["offline"] } : {};
}

interface SpecFieldProps {
  readonly field: FieldSpec;
  readonly texts: Texts;
  readonly error: string;
  set(changes: Texts): void;
}

function SpecField({ field, texts, error, set }: SpecFieldProps) {
  const { name, label, type, help, placeholder, choices } = field;
  const value = texts[name] ?? "";
  const onChange = (changed: string) => set({ [name]: changed });
  const shared = { label, value, onChange, error, help };
  if (type === "flag") {
    return <CheckField label={label} isOn={value === "true"} onChange={(isOn) => onChange(isOn ? "true" : "")} />;
  }
  if (type === "choice") return <ChoiceField {...shared} options={(choices ?? []).map((each) => [each, each])} />;
  const inputMode = type === "number" ? "decimal" : type === "count" ? "numeric" : undefined;
  return (
    <TextField {...shared} {...(placeholder !== undefined && { placeholder })} {...(inputMode && { inputMode })} />
  );
}

interface StepsProps extends Omit<ConditionFieldsProps, "unit"> {
  readonly side: string;
  set(changes: Texts): void;
}

function Steps({ form: { steps }, problems, side, set, onChange }: StepsProps) {
  const put = (i: number, changes: Partial<StepForm>) =>
    onChange({ steps: steps.with(i, { ...steps[i], ...changes }) });
  const at = (i: number, name: string) => problemAt(problems, `rule.condition.ladder.steps[${i}].${name}`);
  return (
    <>
      <ChoiceField label="All are" value={side} options={SIDES} onChange={(chosen) => set({ side: chosen })} />
      {steps.map((step, i) => (
        <div class="fields rules-step" key={i} role="group" aria-label={`Step ${i + 1}`}>
          <ChoiceField
            label="Severity"
            value={step.severity}
            options={SEVERITIES.toReversed().map((each) => [each, each])}
            onChange={(severity) => put(i, { severity })}
            error={at(i, "severity")}
          />
          <TextField
            label={side}
            inputMode="decimal"
            value={step.at}
            onChange={(text) => put(i, withLimit(step, text))}
            error={at(i, "above") || at(i, "below") || problemAt(problems, `rule.condition.ladder.steps[${i}]`)}
          />
          <TextField
            label="clears at"
            inputMode="decimal"
            value={step.clear}
            placeholder="the limit"
            onChange={(clear) => put(i, { clear })}
            error={at(i, "clear")}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove step ${i + 1}`}
            onClick={() => onChange({ steps: steps.toSpliced(i, 1) })}
          >
            ✕
          </button>
        </div>
      ))}
      {steps.length < SEVERITIES.length && (
        <button
          type="button"
          class="quiet"
          onClick={() => onChange({ steps: [...steps, { severity: "critical", at: "", clear: "" }] })}
        >
          + step
        </button>
      )}
      <About id="" error={problemAt(problems, "rule.condition.ladder.steps")} help={undefined} />
    </>
  );
}

function Statuses({
  statuses,
  onChange,
}: {
  statuses: readonly string[];
  onChange(statuses: readonly string[]): void;
}) {
  return (
    <div class="toolbar" role="group" aria-label="Status of the device">
      {DEVICE_STATUSES.map((each) => (
        <CheckField
          key={each}
          label={each.replace("_", " ")}
          isOn={statuses.includes(each)}
          onChange={(isOn) => onChange(isOn ? [...statuses, each] : statuses.filter((other) => other !== each))}
        />
      ))}
    </div>
  );
}
