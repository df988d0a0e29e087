import { useState } from "preact/hooks";
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { putDashboard } from "../../data/dashboards.ts";
import { errorText } from "../../errors.ts";
import { BoundedText } from "../../parts/bounded-text.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { go, pathTo } from "../../route.ts";
import { emptyDashboard, idFromTitle, TITLE_LENGTH_MAX } from "./edits.ts";

interface NewDialogProps {
  /** Which one it is a copy of. */
  readonly from?: SavedDashboard;
  onClose(): void;
}

/** A title makes a dashboard; its address comes of it, unless somebody wants another. */
export function NewDialog({ from, onClose }: NewDialogProps) {
  const [title, setTitle] = useState(from === undefined ? "" : `${from.title} (copy)`);
  const [ownId, setOwnId] = useState("");
  const [failure, setFailure] = useState("");
  const id = ownId || idFromTitle(title);
  const make = async () => {
    try {
      await putDashboard({ ...(from ?? emptyDashboard(id, title)), dashboardId: id, title: title.trim() }, 0n);
      onClose();
      go(`${pathTo("dashboards", id)}?edit=1`);
    } catch (error) {
      setFailure(errorText(error));
    }
  };
  return (
    <Dialog title={from === undefined ? "New dashboard" : `Copy of ${from.title}`} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <label class="field">
          Title
          <BoundedText autofocus isRequired lengthMax={TITLE_LENGTH_MAX} value={title} onInput={setTitle} />
        </label>
        <label class="field">
          Address: /dashboards/
          <input
            value={id}
            required
            pattern="[A-Za-z0-9_\-]{1,64}"
            title="Letters, digits, _ and -; at most 64"
            onInput={({ currentTarget }) => setOwnId(currentTarget.value)}
          />
        </label>
        {failure !== "" && (
          <p role="alert" class="field-error">
            {failure}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Create
          </button>
        </div>
      </form>
    </Dialog>
  );
}
