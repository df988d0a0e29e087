import { useState } from "preact/hooks";
import { collaborationApi } from "../../api.ts";
import { GUEST } from "../../data/presence.ts";
import { newEncryption } from "../../data/session-keys.ts";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";
import { RoomForm, type RoomWritten } from "./room-form.tsx";

/** A button, and the dialog behind it. */
export function NewRoom() {
  const [isOpen, setOpen] = useState(false);
  const create = async (written: RoomWritten) => {
    const { isEncrypted, ...about } = written;
    const encryption = isEncrypted ? await newEncryption() : {};
    const { session } = await collaborationApi.createSession({ userId: user.peek() || GUEST, ...about, ...encryption });
    go(pathTo("sessions", session!.id));
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        New session…
      </button>
      {isOpen && (
        <RoomForm heading="New session" action="Open it" isNew onSave={create} onClose={() => setOpen(false)} />
      )}
    </>
  );
}
