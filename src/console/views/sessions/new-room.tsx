import { useState } from "preact/hooks";
import { collaborationApi } from "../../api.ts";
import { alertList } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import { wordsIn } from "../../data/annotation-pin.ts";
import { GUEST } from "../../data/presence.ts";
import { errorText } from "../../errors.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { NameField } from "../../parts/name-field.tsx";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";

const SUGGESTED_MAX = 500;

/** A button, and the dialog behind it. */
export function NewRoom() {
  const [isOpen, setOpen] = useState(false);
  const [failure, setFailure] = useState("");
  const create = async (form: HTMLFormElement) => {
    const field = (name: string) => String(new FormData(form).get(name) ?? "").trim();
    const [title, alert] = [field("title"), field("alert")];
    const topic = { devices: wordsIn(field("devices")), metrics: wordsIn(field("metrics")), alertIds: wordsIn(alert) };
    try {
      const { session } = await collaborationApi.createSession({ userId: user.peek() || GUEST, title, topic });
      setOpen(false);
      go(pathTo("sessions", session!.id));
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        New session…
      </button>
      {isOpen && (
        <Dialog title="New session" onClose={() => setOpen(false)}>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              void create(event.currentTarget);
            }}
          >
            <label class="field">
              Title
              <input name="title" maxLength={256} autofocus placeholder="Bearing of pump 1" />
            </label>
            <label class="field">
              Devices (commas between them)
              <input name="devices" list="room-devices" placeholder="pump-1, pump-2" />
            </label>
            <datalist id="room-devices">
              {[...devices.peek().keys()].slice(0, SUGGESTED_MAX).map((id) => (
                <option key={id} value={id} />
              ))}
            </datalist>
            <label class="field">
              Metrics (commas between them)
              <input name="metrics" placeholder="temperature, vibration_*" />
            </label>
            <label class="field">
              Alert
              <select name="alert">
                <option value="">none</option>
                {alertList
                  .peek()
                  .slice(0, SUGGESTED_MAX)
                  .map(({ id, severity, title }) => (
                    <option key={id} value={id}>
                      {severity}: {title}
                    </option>
                  ))}
              </select>
            </label>
            {user.value === "" && <NameField />}
            {failure !== "" && <p role="alert">{failure}</p>}
            <div class="actions">
              <button type="button" onClick={() => setOpen(false)}>
                Cancel
              </button>
              <button type="submit" class="primary">
                Open it
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
