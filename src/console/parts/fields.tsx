/** Fields of forms, each with what it is for and what is wrong with it, told to screen readers, too. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Suggest, type Suggestions } from "./suggest.tsx";

interface FieldProps {
  readonly label: string;
  readonly value: string;
  onChange(value: string): void;
  /** What is wrong with it; "": nothing. */
  readonly error?: string;
  readonly help?: ComponentChildren;
  readonly placeholder?: string;
  readonly isDisabled?: boolean;
}

interface TextFieldProps extends FieldProps {
  readonly inputMode?: "decimal" | "numeric";
  /** Of several lines. */
  readonly isLong?: boolean;
  /** Id of a datalist. */
  readonly list?: string;
}

export function TextField(props: TextFieldProps) {
  const { label, value, onChange, error = "", help, placeholder, isDisabled = false } = props;
  const { inputMode, isLong = false, list } = props;
  const id = useId();
  const shared = {
    ...{ id, value, placeholder, disabled: isDisabled, spellcheck: false, autocomplete: "off" },
    "aria-invalid": error !== "",
    "aria-describedby": `${id}-about`,
    onInput: ({ currentTarget }: { currentTarget: HTMLInputElement | HTMLTextAreaElement }) =>
      onChange(currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {isLong ? <textarea {...shared} rows={3} /> : <input {...shared} {...{ inputMode, list }} />}
      <About id={`${id}-about`} error={error} help={help} />
    </div>
  );
}

export function ChoiceField(
  props: FieldProps & { readonly options: readonly (readonly [value: string, label: string])[] },
) {
  const { label, value, onChange, error = "", help, options, isDisabled = false } = props;
  const id = useId();
  const isKnown = options.some(([each]) => each === value);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        {...{ id, value, disabled: isDisabled }}
        aria-invalid={error !== ""}
        aria-describedby={`${id}-about`}
        onChange={({ currentTarget }) => onChange(currentTarget.value)}
      >
        {!isKnown && <option value={value}>{value}</option>}
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
      <About id={`${id}-about`} error={error} help={help} />
    </div>
  );
}

export function CheckField({ label, isOn, onChange }: { label: string; isOn: boolean; onChange(isOn: boolean): void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => onChange(currentTarget.checked)} /> {label}
    </label>
  );
}

interface ListFieldProps {
  readonly label: string;
  readonly values: readonly string[];
  onChange(values: readonly string[]): void;
  suggest(typed: string, options: { signal: AbortSignal }): Promise<Suggestions>;
  /** Of one of them, by its place. */
  errorOf(i: number): string;
  readonly error?: string;
  readonly help?: ComponentChildren;
  readonly placeholder?: string;
  /** What the button says that adds one. */
  readonly more: string;
}

/** Any number of texts, each suggested. */
export function ListField(props: ListFieldProps) {
  const { label, values, onChange, suggest, errorOf, error = "", help, placeholder = "", more } = props;
  return (
    <fieldset class="values-field">
      <legend>{label}</legend>
      {values.map((value, i) => (
        <div class="values-field-row" key={i}>
          <Suggest
            {...{ value, suggest, placeholder, isLabelHidden: true, label: `${label}, ${i + 1}`, error: errorOf(i) }}
            onChange={(changed) => onChange(values.with(i, changed))}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${value || `${label}, ${i + 1}`}`}
            onClick={() => onChange(values.toSpliced(i, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => onChange([...values, ""])}>
        + {more}
      </button>
      <About id="" error={error} help={help} />
    </fieldset>
  );
}

export function About({ id, error, help }: { id: string; error: string; help: ComponentChildren }) {
  return (
    <span id={id === "" ? undefined : id} class="field-help">
      {error === "" ? help : <span class="field-error">{error}</span>}
    </span>
  );
}
