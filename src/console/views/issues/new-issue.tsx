import { useState } from "preact/hooks";
import { collaborationApi } from "../../api.ts";
import { wordsIn } from "../../data/annotation-pin.ts";
import { PRIORITIES } from "../../data/issue-board.ts";
import { put } from "../../data/issues.ts";
import { GUEST } from "../../data/presence.ts";
import { errorText } from "../../errors.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { NameWanted } from "../../parts/name-field.tsx";
import { go, pathTo, route, setParams } from "../../route.ts";
import { user } from "../../user.ts";

/** A button and its dialog, which the address opens, too: /issues?new=TITLE&alert=…&device=…&session=…. */
export function NewIssue() {
  const { params } = route.value;
  const [isOpen, setOpen] = useState(false);
  const given = params.get("new");
  const close = () => {
    setOpen(false);
    setParams({ new: "" });
  };
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        New issue…
      </button>
      {(isOpen || given !== null) && <NewIssueDialog title={given ?? ""} onClose={close} />}
    </>
  );
}

function NewIssueDialog({ title, onClose }: { title: string; onClose(): void }) {
  const { params } = route.value;
  const [failure, setFailure] = useState("");
  const [session, alert] = [params.get("session") ?? "", params.get("alert") ?? ""];
  const create = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const field = (name: string) => String(data.get(name) ?? "").trim();
    const links = { devices: wordsIn(field("devices")), alertIds: alert === "" ? [] : [alert] };
    try {
      const { issue } = await collaborationApi.createIssue({
        ...{ userId: user.peek() || GUEST, title: field("title"), description: field("description"), links },
        ...{ priority: field("priority"), assignee: field("assignee"), labels: wordsIn(field("labels")) },
        sessionId: session,
      });
      put(issue!);
      onClose();
      go(pathTo("issues", String(issue!.number)));
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  return (
    <Dialog title="New issue" onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void create(event.currentTarget);
        }}
      >
        <label class="field">
          Title
          <input name="title" required autofocus defaultValue={title.trim()} />
        </label>
        <label class="field">
          Description
          <textarea name="description" rows={3} />
        </label>
        <div class="fields">
          <label class="field">
            Priority
            <select name="priority" defaultValue="medium">
              {PRIORITIES.map((priority) => (
                <option key={priority} selected={priority === "medium"}>
                  {priority}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            Assignee
            <input name="assignee" placeholder="nobody" />
          </label>
        </div>
        <label class="field">
          Labels (commas between them)
          <input name="labels" />
        </label>
        <label class="field">
          Devices (commas between them)
          <input name="devices" defaultValue={params.get("device") ?? ""} />
        </label>
        {alert !== "" && <p class="dim">It is linked to alert {alert.slice(0, 8)}.</p>}
        {session !== "" && <p class="dim">It is told in session {session}, and linked to it.</p>}
        <NameWanted />
        {failure !== "" && <p role="alert">{failure}</p>}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Open it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
