import { useState } from "preact/hooks";
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { durationText, msOf, numberText } from "../../format.ts";
import { nowMs } from "../../now.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { differences, type Change, type FieldChange } from "./differences.ts";
import type { Draft } from "./draft.ts";
import { kindEntry } from "./panel-kinds.ts";

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

function Differences({
  base,
  present,
  theirs,
}: {
  base: SavedDashboard;
  present: SavedDashboard;
  theirs: SavedDashboard;
}) {
  const all = differences(base, present, theirs);
  if (all.length === 0) return <p>Nothing: both of you made the same of it.</p>;
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Panel</th>
            <th scope="col">You</th>
            <th scope="col">{theirs.updatedBy || "Somebody else"}</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ panelId, title, mine, theirs: other }) => (
            <tr key={panelId}>
              <th scope="row">{panelId === "" ? "the dashboard itself" : title}</th>
              <td>{changeText(mine)}</td>
              <td>{changeText(other)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** As the form calls them. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ x: "place", y: "place", width: "size", height: "size", queries: "what it shows", minMaxBand: "band" },
  ...{ logScale: "logarithmic scale", rangeMs: "range", min: "lowest", max: "highest" },
};

const LONG = 40;

function changeText({ kind, fields }: Change): string {
  if (kind !== "changed") return kind === "unchanged" ? "left it" : kind;
  return `changed ${[...new Set(fields.map(fieldText))].join(", ")}`;
}

/** Where it stands is seen on the screen, better than told in numbers. */
function fieldText({ name, to }: FieldChange): string {
  const word = FIELDS[name] ?? name;
  if (to === undefined || word === "place" || word === "size") return word;
  if (name === "kind") return `kind to ${kindEntry(Number(to))?.label ?? to}`;
  if (typeof to === "boolean") return `${word} to ${to ? "yes" : "no"}`;
  if (typeof to === "number") return `${word} to ${numberText(to)}`;
  return to.length > LONG ? word : `${word} to "${to}"`;
}

/** "Ada saved revision 7, 2 min ago". */
export function doneBy({ updatedBy, updatedAt }: SavedDashboard, what: string): string {
  const atMs = msOf(updatedAt);
  const when = atMs === undefined ? "" : `, ${durationText(nowMs.value - atMs)} ago`;
  return `${updatedBy || "Somebody"} ${what}${when}`;
}
