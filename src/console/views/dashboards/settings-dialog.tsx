import { create } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";
import { formatDurationMs } from "../../../model/duration.ts";
import {
  DashboardVariableSchema,
  type DashboardVariable,
  type SavedDashboard,
} from "../../../wire/gen/saved_dashboards_pb.ts";
import { suggestTagKeys, suggestValues } from "../../data/suggestions.ts";
import { BoundedText } from "../../parts/bounded-text.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Suggest } from "../../parts/suggest.tsx";
import type { DashboardState } from "./dashboard-state.ts";
import { TITLE_LENGTH_MAX } from "./edits.ts";
import { durationOf } from "../../data/typed-duration.ts";

const VARIABLES_MAX = 10;
const DESCRIPTION_LENGTH_MAX = 4_096;

interface SettingsDialogProps {
  readonly state: DashboardState;
  readonly dashboard: SavedDashboard;
  onClose(): void;
}

/** What a dashboard has besides panels. */
export function SettingsDialog({ state, dashboard, onClose }: SettingsDialogProps) {
  const [edited, setEdited] = useState(dashboard);
  useEffect(() => state.hold(), [state]);
  const [rangeText, setRangeText] = useState(formatDurationMs(Number(dashboard.rangeMs) || 3_600_000));
  const { title, description, variables } = edited;
  const change = (changed: Partial<SavedDashboard>) => setEdited({ ...edited, ...changed });
  const rangeMs = durationOf(rangeText);
  const names = variables.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  const apply = () => {
    if (rangeMs === undefined || twice !== undefined) return;
    state.edit((present) => ({
      ...present,
      title: title.trim(),
      description,
      variables,
      rangeMs: BigInt(Math.round(rangeMs)),
    }));
    onClose();
  };
  return (
    <Dialog title="Settings of the dashboard" isWide onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          apply();
        }}
      >
        <label class="field">
          Title
          <BoundedText
            isRequired
            lengthMax={TITLE_LENGTH_MAX}
            value={title}
            onInput={(next) => change({ title: next })}
          />
        </label>
        <label class="field">
          What it is for
          <BoundedText
            isLong
            lengthMax={DESCRIPTION_LENGTH_MAX}
            value={description}
            onInput={(next) => change({ description: next })}
          />
        </label>
        <label class="field">
          Range at first
          <input
            value={rangeText}
            aria-invalid={rangeMs === undefined}
            onInput={({ currentTarget }) => setRangeText(currentTarget.value)}
          />
          {rangeMs === undefined && <span class="field-error">such as 15m, 6h or 7d</span>}
        </label>
        <fieldset>
          <legend>Variables</legend>
          <p class="field-help">What is chosen above the panels. In metrics and filters $name stands for it.</p>
          {variables.map((variable, i) => (
            <VariableFields
              key={i}
              variable={variable}
              onChange={(next) => change({ variables: variables.with(i, next) })}
              onRemove={() => change({ variables: variables.toSpliced(i, 1) })}
            />
          ))}
          {twice !== undefined && <p class="field-error">There are two variables ${twice}.</p>}
          {variables.length < VARIABLES_MAX && (
            <button
              type="button"
              onClick={() =>
                change({ variables: [...variables, create(DashboardVariableSchema, nextVariable(names))] })
              }
            >
              Add a variable
            </button>
          )}
        </fieldset>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Apply
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface VariableFieldsProps {
  readonly variable: DashboardVariable;
  onChange(variable: DashboardVariable): void;
  onRemove(): void;
}

function VariableFields({ variable, onChange, onRemove }: VariableFieldsProps) {
  const { name, label, tag, defaultValue } = variable;
  const change = (changed: Partial<DashboardVariable>) => onChange({ ...variable, ...changed });
  return (
    <div class="dash-variable">
      <label class="field">
        Name
        <input
          required
          pattern="\w{1,64}"
          title="Letters, digits and _"
          size={10}
          value={name}
          onInput={({ currentTarget }) => change({ name: currentTarget.value })}
        />
      </label>
      <label class="field">
        Label
        <input
          size={10}
          value={label}
          placeholder={name}
          onInput={({ currentTarget }) => change({ label: currentTarget.value })}
        />
      </label>
      <Suggest
        label="Values of the tag"
        size={12}
        value={tag}
        onChange={(next) => change({ tag: next })}
        suggest={(typed, options) => suggestTagKeys(typed, "", options)}
      />
      <Suggest
        label="At first"
        size={12}
        placeholder="all"
        value={defaultValue}
        onChange={(next) => change({ defaultValue: next })}
        suggest={(typed, options) => suggestValues(tag, typed, { metric: "", filters: {} }, options)}
      />
      <button type="button" class="quiet" aria-label={`Remove the variable ${name}`} onClick={onRemove}>
        ✕
      </button>
    </div>
  );
}

function nextVariable(taken: readonly string[]): { name: string; tag: string } {
  const name = ["site", "device", "source"].find((each) => !taken.includes(each)) ?? `tag${taken.length}`;
  return { name, tag: name };
}
