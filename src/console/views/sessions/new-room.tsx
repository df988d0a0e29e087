import { ConnectError } from "@connectrpc/connect";
import { useRef, useState } from "preact/hooks";
import { collaborationApi } from "../../api.ts";
import { alertList } from "../../data/alerts.ts";
import { devices } from "../../data/devices.ts";
import { GUEST } from "../../data/presence.ts";
import { NameField } from "../../parts/name-field.tsx";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";

const SUGGESTED_MAX = 500;

/** A button, and the dialog behind it. */
export function NewRoom() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [failure, setFailure] = useState("");
  const create = async (form: HTMLFormElement) => {
    const field = (name: string) => String(new FormData(form).get(name) ?? "").trim();
    const [title, alert] = [field("title"), field("alert")];
    const topic = { devices: namesIn(field("devices")), metrics: namesIn(field("metrics")), alertIds: namesIn(alert) };
    try {
      const { session } = await collaborationApi.createSession({ userId: user.peek() || GUEST, title, topic });
      dialog.current?.close();
      go(pathTo("sessions", session!.id));
    } catch (error) {
      setFailure(ConnectError.from(error).rawMessage);
    }
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        New session…
      </button>
      <dialog ref={dialog} class="sessions-dialog" aria-labelledby="new-room">
        <form
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            void create(event.currentTarget);
          }}
        >
          <h2 id="new-room">New session</h2>
          <label>
            Title <input name="title" maxLength={256} autofocus placeholder="Bearing of pump 1" />
          </label>
          <label>
            Devices <input name="devices" list="room-devices" placeholder="pump-1, pump-2" />
          </label>
          <datalist id="room-devices">
            {[...devices.value.keys()].slice(0, SUGGESTED_MAX).map((id) => (
              <option key={id} value={id} />
            ))}
          </datalist>
          <label>
            Metrics <input name="metrics" placeholder="temperature, vibration_*" />
          </label>
          <label>
            Alert{" "}
            <select name="alert">
              <option value="">none</option>
              {alertList.value.slice(0, SUGGESTED_MAX).map(({ id, severity, title }) => (
                <option key={id} value={id}>
                  {severity}: {title}
                </option>
              ))}
            </select>
          </label>
          <NameField />
          {failure !== "" && <p role="alert">{failure}</p>}
          <p class="sessions-buttons">
            <button type="submit">Open it</button>{" "}
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

/** Commas between them. */
function namesIn(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
