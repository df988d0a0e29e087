/** What is to be seen and done of the key of an encrypted session. */
import { useRef, useState } from "preact/hooks";
import { collaborationApi } from "../../api.ts";
import type { Room } from "../../data/room.ts";
import { forgetKey, giveKey, isKeyKept, keepKey, linkOf } from "../../data/session-keys.ts";
import { errorText } from "../../errors.ts";
import { confirm, Dialog } from "../../parts/dialog.tsx";

const NOT_ENCRYPTED = "Title, topic, who is here, commands, issues and notes are not encrypted.";

export function LockMark({ room }: { room: Room }) {
  const cipher = room.cipher.value;
  if (cipher === undefined || cipher.kind === "plain") return null;
  return (
    <span class="sessions-state" title={`What is said is encrypted: the server cannot read it. ${NOT_ENCRYPTED}`}>
      <Lock /> {cipher.kind === "open" ? "encrypted" : "encrypted, without its key"}
    </span>
  );
}

/** Drawn, for not every system has a letter for it. */
export function Lock() {
  return (
    <svg class="sessions-lock" viewBox="0 0 10 12" aria-hidden="true">
      <path d="M2.5 5V3.5a2.5 2.5 0 0 1 5 0V5" fill="none" stroke="currentColor" stroke-width="1.5" />
      <rect x="1" y="5" width="8" height="6.5" rx="1" fill="currentColor" />
    </svg>
  );
}

/** Where one would write; undefined: one can. */
export function keyWanted(room: Room): string | undefined {
  const cipher = room.cipher.value;
  if (cipher === undefined || cipher.kind === "plain") return undefined;
  if (cipher.kind === "locked") {
    return cipher.why === ""
      ? "What is said here is encrypted, and its key is not here."
      : `The key does not do: ${cipher.why}.`;
  }
  if (!cipher.keys.isOutdated) return undefined;
  return "The key was changed: what is said from then on needs the new one. Ask who changed it for the new link.";
}

/** Takes a link or a key. */
export function KeyField({ room, why }: { room: Room; why: string }) {
  const [failure, setFailure] = useState("");
  const take = async (form: HTMLFormElement) => {
    const text = String(new FormData(form).get("key") ?? "");
    try {
      await giveKey(room.session.peek()!, text);
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  return (
    <form
      class="sessions-composer sessions-key"
      onSubmit={(event) => {
        event.preventDefault();
        void take(event.currentTarget);
      }}
    >
      <p role="status">{why}</p>
      <label class="field">
        Link of the session, or its key
        <input name="key" type="password" autocomplete="off" spellcheck={false} required placeholder="…#key=1.…" />
      </label>
      {failure !== "" && <p role="alert">{failure}</p>}
      <button type="submit">Read it</button>
    </form>
  );
}

/** Below what is written. */
export function PlainNote({ room }: { room: Room }) {
  if (room.cipher.value?.kind !== "open") return null;
  return <p class="dim sessions-plain">Chat is encrypted. {NOT_ENCRYPTED}</p>;
}

/** The link, to be handed on. */
export function LinkDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [told, setTold] = useState("");
  const [isKept, setKept] = useState(() => isKeyKept(room.id));
  const copy = async () => {
    field.current!.select();
    try {
      await navigator.clipboard.writeText(field.current!.value);
      setTold("copied");
    } catch {
      setTold("press Ctrl+C: the browser does not let the page copy it");
    }
  };
  return (
    <Dialog title="Link with the key" onClose={onClose}>
      <p class="dialog-text">
        Who has it reads and writes in this session. The server never gets the key, and cannot make it again: without it
        nobody reads what was said.
      </p>
      <label class="field">
        Link
        <input
          ref={field}
          readOnly
          autofocus
          value={linkOf(room.id)}
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
      </label>
      <label>
        <input
          type="checkbox"
          checked={isKept}
          onChange={({ currentTarget: { checked } }) => {
            if (checked) keepKey(room.id);
            else forgetKey(room.id);
            setKept(checked);
          }}
        />{" "}
        Keep the key in this browser; otherwise it goes with the page
      </label>
      <div class="actions">
        <span role="status" class="dim">
          {told}
        </span>
        <button type="button" class="primary" onClick={() => void copy()}>
          Copy
        </button>
      </div>
    </Dialog>
  );
}

/** Asks first; resolves with whether there is another key. Throws what the server refuses it with. */
export async function changeKey(room: Room): Promise<boolean> {
  const cipher = room.cipher.peek();
  if (cipher?.kind !== "open") return false;
  const isWanted = await confirm({
    title: "Change the key?",
    text: "Who is not given the new link reads what was said until now, and nothing that is said from then on. The others need it, too, also who is here now.",
    action: "Change the key",
  });
  if (!isWanted) return false;
  const { text, epoch, keyCheck, earlierKey } = await cipher.keys.next();
  const { id: sessionId, userId } = room;
  const { session } = await collaborationApi.rekeySession({ sessionId, userId, epoch, keyCheck, earlierKey });
  await giveKey(session!, text);
  return true;
}
