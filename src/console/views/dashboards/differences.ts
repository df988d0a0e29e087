/** In what two versions of a dashboard differ, panel by panel, and whose change each is. Pure. */
import type { Panel, SavedDashboard } from "../../../wire/gen/saved_dashboards_pb.ts";

export interface Difference {
  /** "" is the dashboard itself. */
  readonly panelId: string;
  readonly title: string;
  readonly mine: Change;
  readonly theirs: Change;
}

/** Against what both began with. */
export interface Change {
  readonly kind: "unchanged" | "changed" | "added" | "removed";
  /** Of what is changed. */
  readonly fields: readonly FieldChange[];
}

export interface FieldChange {
  readonly name: string;
  /** What it is now; missing where that is more than a word or a number. */
  readonly to?: string | number | boolean;
}

/** The dashboard first, then panels as they stand in `mine`, then those that are only in `theirs`. */
export function differences(base: SavedDashboard, mine: SavedDashboard, theirs: SavedDashboard): Difference[] {
  const found: Difference[] = [];
  const add = (panelId: string, title: string, inBase: unknown, inMine: unknown, inTheirs: unknown) => {
    if (isSame(inMine, inTheirs)) return;
    found.push({ panelId, title, mine: changeOf(inBase, inMine), theirs: changeOf(inBase, inTheirs) });
  };
  add("", mine.title, headOf(base), headOf(mine), headOf(theirs));
  const panelsOf = ({ panels }: SavedDashboard) => new Map(panels.map((panel) => [panel.id, panel]));
  const [before, here, there] = [base, mine, theirs].map(panelsOf);
  for (const id of new Set([...here.keys(), ...there.keys()])) {
    const panel = (here.get(id) ?? there.get(id)) as Panel;
    add(id, panel.title || panel.queries[0]?.metric || id, before.get(id), here.get(id), there.get(id));
  }
  return found;
}

export function isSameContent(one: SavedDashboard, other: SavedDashboard): boolean {
  return differences(one, one, other).length === 0;
}

function headOf({ title, description, variables, rangeMs }: SavedDashboard) {
  return { title, description, variables, rangeMs };
}

function changeOf(before: unknown, after: unknown): Change {
  if (isSame(before, after)) return { kind: "unchanged", fields: [] };
  if (before === undefined) return { kind: "added", fields: [] };
  if (after === undefined) return { kind: "removed", fields: [] };
  const [was, is] = [before as Record<string, unknown>, after as Record<string, unknown>];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const changed = names.filter((name) => !isSame(was[name], is[name]));
  return { kind: "changed", fields: changed.map((name) => ({ name, ...toOf(is[name]) })) };
}

function toOf(value: unknown): Pick<FieldChange, "to"> {
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return isPlain ? { to: value } : {};
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || textOf(a) === textOf(b);
}

/** Maps come in any order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === "bigint") return String(each);
    if (typeof each !== "object" || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
