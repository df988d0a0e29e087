import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldIds {
  readonly id: string;
  readonly "aria-invalid": boolean;
  readonly "aria-describedby": string | undefined;
}

interface FieldProps {
  readonly label: string;
  readonly help?: string;
  /** "": it is well. */
  readonly problem?: string;
  children(ids: FieldIds): ComponentChildren;
}

/** A field with its name, what it is for and what is wrong with it, all told to screen readers. */
export function Field({ label, help = "", problem = "", children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem || help;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-invalid": problem !== "", "aria-describedby": note === "" ? undefined : noteId })}
      {note !== "" && (
        <span id={noteId} class={problem === "" ? "field-help" : "field-error"}>
          {note}
        </span>
      )}
    </div>
  );
}

interface TextFieldProps extends Omit<FieldProps, "children"> {
  readonly value: string;
  /** Id of a datalist. */
  readonly list?: string;
  onChange(text: string): void;
}

export function TextField({ value, list, onChange, ...field }: TextFieldProps) {
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          list={list}
          value={value}
          autocomplete="off"
          onInput={({ currentTarget }) => onChange(currentTarget.value)}
        />
      )}
    </Field>
  );
}
