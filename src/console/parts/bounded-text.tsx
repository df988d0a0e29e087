/** A field for a text of limited length. What is too long is not cut: it is said, and the form is not sent. */
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { countText } from "../format.ts";

interface BoundedTextProps {
  readonly value: string;
  /** In UTF-16 code units, as the server counts. */
  readonly lengthMax: number;
  onInput(value: string): void;
  /** What was typed is left or sent. */
  onChange?(value: string): void;
  /** Of several lines. */
  readonly isLong?: boolean;
  readonly isRequired?: boolean;
  readonly autofocus?: boolean;
  readonly placeholder?: string;
  readonly autocomplete?: string;
  /** Id of a datalist. */
  readonly list?: string;
}

/** Stands in the label of a field. */
export function BoundedText(props: BoundedTextProps) {
  const { value, lengthMax, onInput, onChange, isLong = false, isRequired = false, list, ...more } = props;
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const id = useId();
  const error = lengthError(value, lengthMax);
  // The browser says it where one tries to send the form.
  useLayoutEffect(() => field.current!.setCustomValidity(error), [error]);
  const shared = {
    ...{ ref: field, value, required: isRequired, ...more },
    "aria-invalid": error !== "",
    "aria-describedby": id,
    onInput: () => onInput(field.current!.value),
    onChange: () => onChange?.(field.current!.value),
  };
  return (
    <>
      {isLong ? <textarea {...shared} /> : <input {...shared} {...{ list }} />}
      <span id={id} role="status">
        {error !== "" && <span class="field-error">{error}</span>}
      </span>
    </>
  );
}

/** "": it is not too long. */
export function lengthError(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return "";
  return `It has ${countText(text.length)} characters; at most ${countText(lengthMax)} are taken`;
}
