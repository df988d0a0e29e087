import { useRef, useState } from "preact/hooks";
import { importSession } from "../../data/session-export.ts";
import { GUEST } from "../../data/presence.ts";
import { tellError } from "../../parts/tell.ts";
import { go, pathTo } from "../../route.ts";
import { user } from "../../user.ts";

/** A session out of a file: to be read and replayed. */
export function ImportRoom() {
  const field = useRef<HTMLInputElement>(null);
  const [isBusy, setBusy] = useState(false);
  const take = async (file: File) => {
    setBusy(true);
    try {
      go(pathTo("sessions", await importSession(file, user.peek() || GUEST)));
    } catch (error) {
      tellError(error, `${file.name} was not imported`);
    }
    setBusy(false);
  };
  return (
    <>
      <button type="button" disabled={isBusy} onClick={() => field.current!.click()}>
        {isBusy ? "Importing…" : "Import…"}
      </button>
      <input
        ref={field}
        type="file"
        accept=".wps"
        hidden
        aria-label="File of a session"
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          if (file !== undefined) void take(file);
          currentTarget.value = "";
        }}
      />
    </>
  );
}
