import { useState } from "preact/hooks";
import type { Device } from "../../../../wire/gen/devices_pb.ts";
import { collaborationApi } from "../../../api.ts";
import { errorText } from "../../../errors.ts";
import { Dialog } from "../../../parts/dialog.tsx";
import { tell } from "../../../parts/toast.tsx";
import { user } from "../../../user.ts";
import { Field } from "../field.tsx";

export interface NoteFormProps {
  readonly device: Device;
  onClose(): void;
  onSaved(): void;
}

/** A note at this moment, on all of a device or on one of its metrics. */
export function NoteForm({ device, onClose, onSaved }: NoteFormProps) {
  const [text, setText] = useState("");
  const [metric, setMetric] = useState("");
  const [failure, setFailure] = useState("");
  const [isSaving, setSaving] = useState(false);
  const save = async () => {
    if (text.trim() === "" || isSaving) return;
    setSaving(true);
    try {
      const pin = { device: device.deviceId, metric };
      await collaborationApi.createAnnotation({ userId: user.peek(), text: text.trim(), pin });
      tell("The note is kept");
      return onSaved();
    } catch (error) {
      setFailure(errorText(error));
      setSaving(false);
    }
  };
  return (
    <Dialog title={`Note on ${device.name || device.deviceId}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label="Note" help="At this moment; on a chart, drag with Alt for a range">
          {(ids) => (
            <textarea {...ids} required value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
          )}
        </Field>
        <Field label="About">
          {(ids) => (
            <select {...ids} value={metric} onChange={({ currentTarget }) => setMetric(currentTarget.value)}>
              <option value="">all of it</option>
              {device.sensors.map(({ metricName }) => (
                <option key={metricName}>{metricName}</option>
              ))}
            </select>
          )}
        </Field>
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={isSaving}>
            Keep it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
