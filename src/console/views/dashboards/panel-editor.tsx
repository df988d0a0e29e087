import { useEffect, useState } from "preact/hooks";
import { PanelKind, type Panel } from "../../../wire/gen/saved_dashboards_pb.ts";
import { BoundedText } from "../../parts/bounded-text.tsx";
import { confirm, Dialog } from "../../parts/dialog.tsx";
import type { DashboardState } from "./dashboard-state.ts";
import { TITLE_LENGTH_MAX, withoutBlanks, withPanel } from "./edits.ts";
import { PanelBody, type PanelSetting } from "./panel-body.tsx";
import { titleOf } from "./panel-frame.tsx";
import { kindEntry, KINDS } from "./panel-kinds.ts";
import { newQuery, QueryFields } from "./query-fields.tsx";
import { ThresholdFields } from "./threshold-fields.tsx";

const QUERIES_MAX = 10;
const UNIT_LENGTH_MAX = 32;

interface PanelEditorProps {
  readonly panel: Panel;
  readonly setting: PanelSetting;
  readonly state: DashboardState;
  onClose(): void;
}

/** What a panel shows and how, beside what becomes of it. */
export function PanelEditor({ panel, setting, state, onClose }: PanelEditorProps) {
  const [edited, setEdited] = useState(panel);
  useEffect(() => state.hold(), [state]);
  const change = (changed: Partial<Panel>) => setEdited((before) => ({ ...before, ...changed }));
  const apply = () => {
    const applied = withoutBlanks(edited);
    if (edited !== panel) state.edit((present) => withPanel(present, placedAsIn(present.panels, applied)));
    onClose();
  };
  const leave = async () => {
    const question = { title: "Leave the panel as it was?", action: "Leave it", isDangerous: true };
    if (edited === panel || (await confirm(question))) onClose();
  };
  return (
    <Dialog title={`Panel: ${titleOf(edited)}`} isWide onClose={() => void leave()}>
      <div class="dash-editor">
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            apply();
          }}
        >
          <div class="fields">
            <label class="field">
              Title
              <BoundedText
                value={edited.title}
                lengthMax={TITLE_LENGTH_MAX}
                placeholder={titleOf({ ...edited, title: "" })}
                onInput={(title) => change({ title })}
              />
            </label>
            <label class="field">
              Kind
              <select
                value={edited.kind}
                onChange={({ currentTarget }) => change({ kind: Number(currentTarget.value) })}
              >
                {KINDS.map(({ kind, label }) => (
                  <option key={kind} value={kind}>
                    {label}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <p class="field-help">{kindEntry(edited.kind)?.help}</p>
          <Queries {...{ edited, setting, change }} />
          {edited.kind !== PanelKind.DEVICE_GRID && (
            <>
              <ThresholdFields thresholds={edited.thresholds} onChange={(thresholds) => change({ thresholds })} />
              <LookFields {...{ edited, change }} />
            </>
          )}
          <div class="actions dash-actions">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="primary">
              Apply
            </button>
          </div>
        </form>
        <div class="dash-preview dash-panel" aria-label="Preview" role="region">
          <div class="dash-body" data-kind={edited.kind}>
            <PanelBody panel={edited} setting={setting} />
          </div>
        </div>
      </div>
    </Dialog>
  );
}

interface PartProps {
  readonly edited: Panel;
  change(changed: Partial<Panel>): void;
}

function Queries({ edited, setting, change }: PartProps & { setting: PanelSetting }) {
  const { variables, choices } = setting;
  const isOfDevices = edited.kind === PanelKind.DEVICE_GRID;
  const all = edited.queries.length > 0 ? edited.queries : [newQuery()];
  const shown = isOfDevices ? all.slice(0, 1) : all;
  return (
    <>
      {shown.map((query, i) => (
        <QueryFields
          key={i}
          {...{ query, variables, choices }}
          hasMetric={!isOfDevices}
          onChange={(next) => change({ queries: all.with(i, next) })}
          onRemove={() => change({ queries: all.toSpliced(i, 1) })}
        />
      ))}
      {!isOfDevices && all.length < QUERIES_MAX && (
        <button type="button" onClick={() => change({ queries: [...all, newQuery()] })}>
          Add another metric
        </button>
      )}
    </>
  );
}

function LookFields({ edited, change }: PartProps) {
  const { unit, min, max, decimals, logScale, minMaxBand, kind } = edited;
  const hasScale =
    kind === PanelKind.LINE || kind === PanelKind.GAUGE || kind === PanelKind.BAR || kind === PanelKind.HEAT_MAP;
  return (
    <fieldset>
      <legend>How it looks</legend>
      <div class="fields">
        <label class="field">
          Unit
          <BoundedText
            value={unit}
            placeholder="the sensors' own"
            lengthMax={UNIT_LENGTH_MAX}
            onInput={(next) => change({ unit: next })}
          />
        </label>
        {kind !== PanelKind.LINE && (
          <NumberField
            label="Decimals"
            value={decimals}
            step={1}
            min={0}
            max={10}
            onChange={(next) => change({ decimals: next })}
          />
        )}
        {hasScale && (
          <>
            <NumberField label="Lowest" value={min} onChange={(next) => change({ min: next })} />
            <NumberField label="Highest" value={max} onChange={(next) => change({ max: next })} />
          </>
        )}
      </div>
      {hasScale && (
        <label class="check">
          <input
            type="checkbox"
            checked={logScale}
            onChange={({ currentTarget }) => change({ logScale: currentTarget.checked })}
          />
          logarithmic
        </label>
      )}
      {kind === PanelKind.LINE && (
        <label class="check">
          <input
            type="checkbox"
            checked={minMaxBand}
            onChange={({ currentTarget }) => change({ minMaxBand: currentTarget.checked })}
          />
          band from lowest to highest of each step
        </label>
      )}
    </fieldset>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number | undefined;
  readonly step?: number;
  readonly min?: number;
  readonly max?: number;
  /** Undefined: as fits. */
  onChange(value: number | undefined): void;
}

function NumberField({ label, value, step, min, max, onChange }: NumberFieldProps) {
  return (
    <label class="field">
      {label}
      <input
        type="number"
        step={step ?? "any"}
        {...(min !== undefined && { min })}
        {...(max !== undefined && { max })}
        placeholder="as fits"
        value={value ?? ""}
        onChange={({ currentTarget }) =>
          onChange(Number.isNaN(currentTarget.valueAsNumber) ? undefined : currentTarget.valueAsNumber)
        }
      />
    </label>
  );
}

/** It may have been moved, by another, meanwhile. */
function placedAsIn(panels: readonly Panel[], edited: Panel): Panel {
  const present = panels.find(({ id }) => id === edited.id);
  if (present === undefined) return edited;
  const { x, y, width, height } = present;
  return { ...edited, x, y, width, height };
}
