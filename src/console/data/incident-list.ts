/** Alerts that belong together, together: those of one incident under one line, the gravest incidents first. Pure. */
import { byGravity, needsSomebody, type AlertRow } from "./alert-row.ts";
import { SortedList } from "./sorted-list.ts";

export interface IncidentGroup {
  readonly id: string;
  /** The gravest first; at least one. */
  readonly rows: readonly AlertRow[];
  /** Of these, those that nobody looks after. */
  readonly open: number;
}

/** A line of the list: an alert by itself, an incident of several, or, where that is unfolded, an alert of it. */
export type ListLine =
  | { readonly kind: "alert"; readonly row: AlertRow; readonly isInIncident: boolean }
  | { readonly kind: "incident"; readonly group: IncidentGroup; readonly isUnfolded: boolean };

export function keyOfLine(line: ListLine): string {
  return line.kind === "alert" ? line.row.id : `incident ${line.group.id}`;
}

class Group implements IncidentGroup {
  readonly id: string;
  readonly #rows = new SortedList(byGravity);
  open = 0;

  constructor(id: string) {
    this.id = id;
  }

  get rows(): readonly AlertRow[] {
    return this.#rows.items;
  }

  get size(): number {
    return this.#rows.size;
  }

  add(row: AlertRow): void {
    this.#rows.add(row);
    if (needsSomebody(row)) this.open++;
  }

  remove(row: AlertRow): void {
    this.#rows.remove(row);
    if (needsSomebody(row)) this.open--;
  }
}

export class IncidentList {
  readonly #takes: (row: AlertRow) => boolean;
  readonly #isGrouped: boolean;
  readonly #rows = new Map<string, AlertRow>();
  readonly #groups = new Map<string, Group>();
  /** Compared by their first rows, so a group is taken out before these change. */
  readonly #inOrder: SortedList<Group>;

  /** `isGrouped` false: each alert by itself. */
  constructor(all: Iterable<AlertRow>, takes: (row: AlertRow) => boolean, isGrouped: boolean) {
    this.#takes = takes;
    this.#isGrouped = isGrouped;
    for (const row of all) {
      if (!takes(row)) continue;
      this.#rows.set(row.id, row);
      this.#groupOf(row).add(row);
    }
    this.#inOrder = new SortedList((a, b) => byGravity(a.rows[0], b.rows[0]), this.#groups.values());
  }

  /** How many alerts. */
  get size(): number {
    return this.#rows.size;
  }

  get groups(): readonly IncidentGroup[] {
    return this.#inOrder.items;
  }

  get ids(): Iterable<string> {
    return this.#rows.keys();
  }

  has(id: string): boolean {
    return this.#rows.has(id);
  }

  /** How an alert is now; undefined: it is no more. Returns whether that changes the list. */
  put(id: string, row: AlertRow | undefined): boolean {
    const before = this.#rows.get(id);
    const after = row !== undefined && this.#takes(row) ? row : undefined;
    if (before === after) return false;
    if (before !== undefined) this.#remove(before);
    if (after !== undefined) this.#add(after);
    return true;
  }

  lines(isUnfolded: (group: IncidentGroup) => boolean): ListLine[] {
    const lines: ListLine[] = [];
    for (const group of this.#inOrder.items) {
      if (group.rows.length === 1) {
        lines.push({ kind: "alert", row: group.rows[0], isInIncident: false });
        continue;
      }
      const unfolded = isUnfolded(group);
      lines.push({ kind: "incident", group, isUnfolded: unfolded });
      if (unfolded) for (const row of group.rows) lines.push({ kind: "alert", row, isInIncident: true });
    }
    return lines;
  }

  #add(row: AlertRow): void {
    this.#rows.set(row.id, row);
    const group = this.#groupOf(row);
    if (group.size > 0) this.#inOrder.remove(group);
    group.add(row);
    this.#inOrder.add(group);
  }

  #remove(row: AlertRow): void {
    this.#rows.delete(row.id);
    const group = this.#groupOf(row);
    this.#inOrder.remove(group);
    group.remove(row);
    if (group.size > 0) this.#inOrder.add(group);
    else this.#groups.delete(group.id);
  }

  #groupOf({ id, incidentId }: AlertRow): Group {
    const key = this.#isGrouped ? incidentId : id;
    const group = this.#groups.get(key) ?? new Group(key);
    this.#groups.set(key, group);
    return group;
  }
}
