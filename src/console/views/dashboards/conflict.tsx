import { useState } from "preact/hooks";
import { lazy } from "../../lazy.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { doneBy } from "./done-by.ts";
import type { Draft } from "./draft.ts";

const Differences = lazy(async () => (await import("./differences-table.tsx")).Differences);

interface ConflictProps {
  readonly draft: Draft;
  readonly isSaving: boolean;
  /** What was edited here is lost. */
  onReload(): void;
  onSaveOver(): void;
}

/** What somebody else has done to what is edited here, and what can be done about it. */
export function Conflict({ draft, isSaving, onReload, onSaveOver }: ConflictProps) {
  const [isCompared, setCompared] = useState(false);
  const { base, present, theirs, deleted } = draft;
  if (deleted !== undefined) {
    return (
      <div class="dash-notice" role="alert">
        <p>{deleted === base ? "It was deleted" : doneBy(deleted, "deleted it")}. What you see is not kept any more.</p>
        <button type="button" disabled={isSaving} onClick={onSaveOver}>
          Save it again
        </button>
      </div>
    );
  }
  if (theirs === undefined) return null;
  return (
    <div class="dash-notice" role="alert">
      <p>{doneBy(theirs, `saved revision ${theirs.revision}`)}, while you were editing the one before.</p>
      <button type="button" onClick={() => setCompared(true)}>
        What differs
      </button>
      <button type="button" disabled={isSaving} onClick={onReload}>
        Take theirs
      </button>
      <button type="button" class="danger" disabled={isSaving} onClick={onSaveOver}>
        Save mine over it
      </button>
      {isCompared && (
        <Dialog title="What differs" isWide onClose={() => setCompared(false)}>
          <Differences {...{ base, present, theirs }} />
        </Dialog>
      )}
    </div>
  );
}
