import { About } from "../../../parts/fields.tsx";

type Label = readonly [name: string, value: string];

interface LabelsProps {
  readonly labels: readonly Label[];
  readonly error: string;
  onChange(labels: readonly Label[]): void;
}

/** Further labels of the alerts: routes, silences and inhibition go by them. */
export function Labels({ labels, error, onChange }: LabelsProps) {
  return (
    <fieldset class="values-field">
      <legend>Labels</legend>
      {labels.map(([name, value], i) => (
        <div class="values-field-row" key={i}>
          <input
            aria-label={`Name of label ${i + 1}`}
            placeholder="team"
            value={name}
            onInput={({ currentTarget }) => onChange(labels.with(i, [currentTarget.value, value]))}
          />
          <input
            aria-label={`Value of label ${i + 1}`}
            placeholder="mechanics"
            value={value}
            onInput={({ currentTarget }) => onChange(labels.with(i, [name, currentTarget.value]))}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove label ${name || i + 1}`}
            onClick={() => onChange(labels.toSpliced(i, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      <button type="button" class="quiet" onClick={() => onChange([...labels, ["", ""]])}>
        + label
      </button>
      <About id="" error={error} help="Beside the tags of the series; routes and silences go by them." />
    </fieldset>
  );
}
