/** What two people have made of a dashboard that they edited at once. */
import type { SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";
import { numberText } from "../../format.ts";
import { differences, type Change, type FieldChange } from "./differences.ts";
import { kindEntry } from "./panel-kinds.ts";

export function Differences({
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
