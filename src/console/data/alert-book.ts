/** All alerts that fire, and those that ceased to a while ago, as the server told of them. Pure. */
import { AlertChange, AlertState, type Alert } from "../../wire/gen/alerts_pb.ts";
import { msOf } from "../format.ts";
import { alertRow, byGravity, needsSomebody, SEVERITIES, siteOf, statusOf, type AlertRow } from "./alert-row.ts";
import { SortedList } from "./sorted-list.ts";

/** How an alert was when changes were taken before, and how it is now. */
export interface AlertDelta {
  readonly id: string;
  readonly before: AlertRow | undefined;
  readonly after: AlertRow | undefined;
}

export interface AlertDeltas {
  readonly deltas: readonly AlertDelta[];
  /** What stood when the page began to listen: nothing of it has just happened. */
  readonly isBeginning: boolean;
}

/** Those that are over, of which the oldest go. */
export const CLEARED_MAX = 500;

export class AlertBook {
  readonly #active = new Map<string, AlertRow>();
  readonly #cleared = new Map<string, AlertRow>();
  readonly #inOrder = new SortedList(byGravity);
  readonly #all = SEVERITIES.map(() => 0);
  readonly #open = SEVERITIES.map(() => 0);
  readonly #sites = new Map<string, number>();
  /** Of those that changed, what they were. */
  readonly #changed = new Map<string, AlertRow | undefined>();
  /** A snapshot that has not ended. */
  #coming: Map<string, Alert> | undefined;
  #isKnown = false;
  #isBeginning = false;
  #isSilenced: (alert: Alert) => boolean = () => false;
  #siteOf: (device: string) => string = () => "";

  /** What stands now is complete. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** The gravest first. */
  get active(): readonly AlertRow[] {
    return this.#inOrder.items;
  }

  /** Active ones and those cleared lately, in no order. */
  *rows(): Generator<AlertRow> {
    yield* this.#active.values();
    yield* this.#cleared.values();
  }

  row(id: string): AlertRow | undefined {
    return this.#active.get(id) ?? this.#cleared.get(id);
  }

  /** Active ones by severity, the gravest first. */
  get counts(): readonly number[] {
    return this.#all;
  }

  /** Of these, those that need somebody. */
  get openCounts(): readonly number[] {
    return this.#open;
  }

  /** Of active ones; "": of no site. */
  get sites(): Iterable<string> {
    return this.#sites.keys();
  }

  /** What comes until the mark that ends it is all there is. */
  begin(): void {
    this.#coming = new Map();
  }

  hear(alert: Alert): void {
    if (alert.snapshotEnd) this.#known();
    else if (alert.id === "") return;
    else if (this.#coming !== undefined) this.#coming.set(alert.id, alert);
    else this.#put(alert);
  }

  /** Silences have changed, or time has begun or ended some. */
  setSilenced(isSilenced: (alert: Alert) => boolean): void {
    this.#isSilenced = isSilenced;
    this.#lookAgain();
  }

  /** Where devices are, for alerts whose labels do not say it; "": not known. */
  setSites(siteOf: (device: string) => string): void {
    this.#siteOf = siteOf;
    this.#lookAgain();
  }

  /** Where the device of an alert is; "": not known. */
  deviceSite({ context }: Alert): string {
    return this.#siteOf(context["device"] ?? "");
  }

  /** What alerts say as of now, which goes with the samples and is no change of theirs; those that changed since are let be. */
  refresh(alerts: readonly Alert[]): void {
    for (const { id, updatedAt, value, title, description, context } of alerts) {
      const row = this.#active.get(id);
      if (row === undefined || msOf(row.alert.updatedAt) !== msOf(updatedAt)) continue;
      if (Object.is(row.alert.value, value) && row.alert.title === title) continue;
      this.#set(id, this.#rowOf({ ...row.alert, value, title, description, context }, row));
    }
  }

  /** All that stands came just now, and is no news; until it is taken. */
  get isBeginning(): boolean {
    return this.#isBeginning;
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0 || this.#isBeginning;
  }

  /** What has changed since it was taken before, each alert once. */
  take(): AlertDeltas {
    const deltas = [...this.#changed].map(([id, before]) => ({ id, before, after: this.row(id) }));
    const isBeginning = this.#isBeginning;
    this.#changed.clear();
    this.#isBeginning = false;
    return { deltas, isBeginning };
  }

  #known(): void {
    const coming = this.#coming ?? new Map<string, Alert>();
    this.#coming = undefined;
    for (const id of [...this.#active.keys()]) if (!coming.has(id)) this.#set(id, undefined);
    for (const alert of coming.values()) this.#put(alert);
    this.#isBeginning = !this.#isKnown;
    this.#isKnown = true;
  }

  #put(alert: Alert): void {
    const before = this.row(alert.id);
    const isCleared = alert.state === AlertState.CLEARED;
    // What people say of one that ended before this page listened makes it no news.
    if (isCleared && before === undefined && alert.change !== AlertChange.LATE) return;
    this.#set(alert.id, alert.removed && !isCleared ? undefined : this.#rowOf(alert, before));
  }

  /** Of thousands hardly any changes by it: others are not made anew. */
  #lookAgain(): void {
    for (const row of [...this.#active.values()]) {
      const { alert } = row;
      const isSame =
        statusOf(alert, this.#isSilenced(alert)) === row.status && siteOf(alert, this.deviceSite(alert)) === row.site;
      if (!isSame) this.#set(row.id, this.#rowOf(alert, row));
    }
  }

  #rowOf(alert: Alert, before: AlertRow | undefined): AlertRow {
    const { acknowledged, acknowledgedBy } = alert;
    const isTakenOver = before?.alert.acknowledged === true && before.alert.acknowledgedBy !== acknowledgedBy;
    const earlier = isTakenOver ? before.alert.acknowledgedBy : (before?.acknowledgedBefore ?? "");
    return alertRow(alert, this.#isSilenced(alert), acknowledged ? earlier : "", this.deviceSite(alert));
  }

  #set(id: string, after: AlertRow | undefined): void {
    const before = this.row(id);
    if (!this.#changed.has(id)) this.#changed.set(id, before);
    if (before !== undefined && this.#active.delete(id)) {
      this.#inOrder.remove(before);
      this.#count(before, -1);
    } else this.#cleared.delete(id);
    if (after === undefined) return;
    if (after.status === "cleared") return this.#keepCleared(after);
    this.#active.set(id, after);
    this.#inOrder.add(after);
    this.#count(after, 1);
  }

  #keepCleared(row: AlertRow): void {
    this.#cleared.set(row.id, row);
    const [oldest] = this.#cleared.keys();
    if (this.#cleared.size > CLEARED_MAX) this.#set(oldest, undefined);
  }

  #count(row: AlertRow, by: number): void {
    const at = Math.min(row.rank, SEVERITIES.length - 1);
    this.#all[at] += by;
    if (needsSomebody(row)) this.#open[at] += by;
    const ofSite = (this.#sites.get(row.site) ?? 0) + by;
    if (ofSite > 0) this.#sites.set(row.site, ofSite);
    else this.#sites.delete(row.site);
  }
}
