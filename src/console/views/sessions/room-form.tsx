import { useState } from "preact/hooks";
import type { SessionTopic } from "../../../wire/gen/collaboration_pb.ts";
import { wordsIn } from "../../data/annotation-pin.ts";
import { alertList } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import { errorText } from "../../errors.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { NameWanted } from "../../parts/name-field.tsx";

export interface RoomWritten {
  readonly title: string;
  /** Only of a new one. */
  readonly isEncrypted: boolean;
  readonly topic: { devices: string[]; metrics: string[]; alertIds: string[]; incidentIds: string[] };
}

interface RoomFormProps {
  readonly heading: string;
  readonly action: string;
  readonly isNew?: boolean;
  /** As it is; missing: it is new. */
  readonly title?: string;
  readonly topic?: SessionTopic | undefined;
  /** Throws what the server refuses it with. */
  onSave(written: RoomWritten): Promise<void>;
  onClose(): void;
}

const SUGGESTED_MAX = 500;

/** What a session is called, and what it is about. */
export function RoomForm({ heading, action, isNew = false, title = "", topic, onSave, onClose }: RoomFormProps) {
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const { alertIds = [], incidentIds = [] } = topic ?? {};
  const save = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const words = (name: string) => wordsIn(String(data.get(name) ?? ""));
    const about = { devices: words("devices"), metrics: words("metrics"), incidentIds: [...incidentIds] };
    setBusy(true);
    try {
      await onSave({
        title: String(data.get("title") ?? "").trim(),
        isEncrypted: data.has("encrypted"),
        topic: { ...about, alertIds: [...new Set([...alertIds, ...words("alert")])] },
      });
      onClose();
    } catch (error) {
      setFailure(errorText(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={heading} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save(event.currentTarget);
        }}
      >
        <label class="field">
          Title
          <input name="title" autofocus defaultValue={title} placeholder="Bearing of pump 1" />
        </label>
        <label class="field">
          Devices (commas between them)
          <input name="devices" list="room-devices" defaultValue={topic?.devices.join(", ") ?? ""} />
        </label>
        <datalist id="room-devices">
          {[...devices.peek().keys()].slice(0, SUGGESTED_MAX).map((id) => (
            <option key={id} value={id} />
          ))}
        </datalist>
        <label class="field">
          Metrics, or globs (commas between them)
          <input name="metrics" defaultValue={topic?.metrics.join(", ") ?? ""} placeholder="temperature, vibration_*" />
        </label>
        <label class="field">
          {alertIds.length === 0 ? "Alert" : `One more alert than ${alertIds.map((id) => id.slice(0, 8)).join(", ")}`}
          <select name="alert">
            <option value="">none</option>
            {alertList
              .peek()
              .slice(0, SUGGESTED_MAX)
              .map(({ id, severity, title: called }) => (
                <option key={id} value={id}>
                  {severity}: {called}
                </option>
              ))}
          </select>
        </label>
        {isNew && (
          <label>
            <input type="checkbox" name="encrypted" /> Encrypted: what is said the server cannot read
          </label>
        )}
        <NameWanted />
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
