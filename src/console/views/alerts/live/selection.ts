/** Which alerts are chosen, by id. Pure. */
import type { ListLine } from "../../../data/incident-list.ts";
import { idsOfLine } from "./live-list.ts";

export type Chosen = ReadonlySet<string>;

/** Of an incident "some" of its alerts may be. */
export function chosenOf(line: ListLine, chosen: Chosen): "all" | "some" | "none" {
  const ids = idsOfLine(line);
  const count = ids.filter((id) => chosen.has(id)).length;
  if (count === 0) return "none";
  return count === ids.length ? "all" : "some";
}

/** A line is chosen, or no longer; with `from` all lines between become what this one becomes. */
export function toggled(lines: readonly ListLine[], at: number, from: number | undefined, chosen: Chosen): Chosen {
  const next = new Set(chosen);
  const isWanted = chosenOf(lines[at], chosen) !== "all";
  const [first, last] = from === undefined ? [at, at] : [Math.min(from, at), Math.max(from, at)];
  for (const id of lines.slice(first, last + 1).flatMap(idsOfLine)) {
    if (isWanted) next.add(id);
    else next.delete(id);
  }
  return next;
}
