/** All active alerts: made of what instances do, changed as people ask, written down before anybody hears of them. */
import type { Clock } from "../model/clock.ts";
import type { DocumentChange } from "../model/journal.ts";
import { documentOfIncident, removalOfIncident, stateText } from "./alert-documents.ts";
import type { AlertWriter } from "./alert-writer.ts";
import { AlertWriting, InstanceWriting, type AlertHearer } from "./alert-writing.ts";
import {
  AlertRecord,
  isGone,
  seenOf,
  type AlertChange,
  type AlertEvent,
  type AlertOrigin,
  type ClearedBecause,
  type Description,
  type Publication,
} from "./alert.ts";
import { ClearedAlerts } from "./cleared-alerts.ts";
import { fixedHash } from "./fixed-hash.ts";
import type { Change } from "./instance-listener.ts";
import type { Instance } from "./instance.ts";
import type { Incidents } from "./incidents.ts";
import type { LateEpisode } from "./late-lane.ts";
import type { Probe } from "./probe.ts";
import { QuietInstances } from "./quiet-instances.ts";
import { severityOf } from "./rule.ts";
import { rankOf, type Severity } from "./severity.ts";

export interface AlertBookDeps {
  readonly writer: Pick<AlertWriter, "write">;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly incidents: Incidents;
  /** In the time that instances know. */
  atMs(): number;
  /** The condition of an instance must hold anew. */
  reset(instance: Instance): void;
  /** Whether an alert was cleared before, in this run or another. */
  isKnown(id: string): Promise<boolean>;
  describe(instance: Instance, severity: Severity): Description;
  /** Of what meets the condition now, or did until a sample of now; `before` where that is not known. */
  describeMet(instance: Instance, severity: Severity, before: Description): Description;
  describeLate(instance: Instance, probe: Probe, severity: Severity, value: number): Description;
}

export interface Told extends AlertEvent {
  /** In the journal; null where it could not be written. */
  readonly position: number | null;
}

interface Entry {
  alert: AlertRecord;
  /** As everybody may know it; null before that. */
  told: AlertRecord | null;
  /** What fires it; null for those published by others. */
  readonly instance: Instance | null;
}

/** Comments of an alert; older ones stay in its history. */
const COMMENTS_MAX = 100;
const NOTHING: readonly DocumentChange[] = [];
/** Those that say what they are about. */
const DESCRIBED: ReadonlySet<AlertChange> = new Set(["fired", "rose", "fell"]);

export class AlertBook {
  readonly #deps: AlertBookDeps;
  readonly #active = new Map<string, Entry>();
  /** Those that have ended, until that is told. */
  readonly #leaving = new Map<string, AlertRecord>();
  readonly #cleared = new ClearedAlerts();
  /** Late episodes of which is asked whether they are known. */
  readonly #late = new Set<string>();
  readonly #followers = new Set<(told: Told) => void>();
  readonly #quiet = new QuietInstances();
  readonly #hearer: AlertHearer = {
    told: (event, position) => this.#tell(event, position),
    written: (position) => void (this.#toldPosition = position),
  };
  #toldPosition = 0;

  constructor(deps: AlertBookDeps) {
    this.#deps = deps;
  }

  /** Active ones as they stand in the journal, in no order. */
  *active(): Generator<AlertRecord, void> {
    for (const { told } of this.#active.values()) if (told !== null) yield told;
    yield* this.#leaving.values();
  }

  /** All up to this position are in {@link active}. */
  get toldPosition(): number {
    return this.#toldPosition;
  }

  /** As it stands, told of or not, where it is active or was cleared lately. */
  get(id: string): AlertRecord | undefined {
    return this.#active.get(id)?.alert ?? this.#cleared.get(id);
  }

  /** Takes notice of an alert that was cleared long ago, as it is written down. */
  known(alert: AlertRecord): AlertRecord {
    return this.get(alert.id) ?? this.#cleared.remember(alert);
  }

  /** As it is to be shown: what it says goes with the samples, without a change. */
  current(alert: AlertRecord): AlertRecord {
    const entry = this.#active.get(alert.id);
    return entry === undefined ? alert : this.#withCurrent(alert, entry.instance);
  }

  alertOf({ alertId }: Instance): AlertRecord | undefined {
    return alertId === null ? undefined : this.#active.get(alertId)?.alert;
  }

  /** Hears of every change from now on, once it is written; returns what ends that. */
  follow(follower: (told: Told) => void): () => void {
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  /** Puts back an active alert; `instance`: what fires it, null for those published by others. */
  restore(alert: AlertRecord, instance: Instance | null): void {
    this.#active.set(alert.id, { alert, told: alert, instance });
    if (instance !== null) instance.alertId = alert.id;
  }

  /** All up to here was there when the server started. */
  restoredThrough(position: number): void {
    this.#toldPosition = position;
  }

  /** Nothing is active, and nothing was a while ago. */
  get isQuiet(): boolean {
    return this.#active.size === 0 && this.#quiet.isEmpty;
  }

  /** An instance that is written down has been quiet since then. */
  noteQuiet(documentKey: string, atMs: number): void {
    this.#quiet.note(documentKey, atMs);
  }

  /** Removals of what has been over since before a time. */
  takeOverBefore(timeMs: number): DocumentChange[] {
    const incidents = this.#deps.incidents.takeOver(timeMs).map(({ id }) => removalOfIncident(id));
    return [...this.#quiet.takeBefore(timeMs), ...incidents];
  }

  onChange(instance: Instance, change: Change, reason: "resolved" | "no_data"): void {
    switch (change) {
      case "pending":
      case "moved":
      case "cancelled":
      case "resumed":
        return this.#writeInstance(instance, change);
      case "keeping":
        return this.#keep(instance);
      case "fired":
        return this.#fire(instance);
      case "rose":
      case "fell":
        return this.#move(instance, change);
      case "cleared":
        return this.end(instance, reason);
      case "stale":
      case "heard":
        return this.#setStale(instance, change);
    }
  }

  onLate(instance: Instance, probe: Probe, episode: LateEpisode): void {
    const severity = severityOf(instance.rule, episode.level);
    const nowMs = this.#deps.clock.nowMs();
    const says = this.#deps.describeLate(instance, probe, severity, episode.value);
    const origin = {
      // The same when the points come once more.
      id: `late-${fixedHash(`${instance.rule.name}\0${instance.key}\0${instance.shared.marks.written(probe.seriesId)}\0${episode.fromUs}`)}`,
      rule: instance.rule.name,
      sinceMs: episode.fromUs / 1_000,
      firedAtMs: episode.fromUs / 1_000,
      isLate: true,
      isPublished: false,
      incidentId: "",
    };
    const ended = { clearedAtMs: episode.toUs / 1_000, clearedBecause: "resolved" } as const;
    const alert = AlertRecord.fired(origin, severity, says, nowMs).with(ended);
    void this.#writeLate(alert);
  }

  /** Points that are sent again after a restart make the same episode again. */
  async #writeLate(alert: AlertRecord): Promise<void> {
    if (this.#cleared.get(alert.id) !== undefined || this.#late.has(alert.id)) return;
    this.#late.add(alert.id);
    // Where nobody can say, it is rather told twice.
    const isKnown = await this.#deps.isKnown(alert.id).catch(() => false);
    this.#late.delete(alert.id);
    if (isKnown || this.#cleared.get(alert.id) !== undefined) return;
    this.#cleared.remember(alert);
    this.#write({ change: "late", actor: "", text: "", alert, before: null }, null);
  }

  /** The alert of an instance, if there is one, ends; its state is forgotten. */
  end(instance: Instance, because: ClearedBecause, actor = "", text = ""): void {
    const alert = this.alertOf(instance);
    if (alert !== undefined) this.#clear(alert, because, actor, text);
    else if (instance.lifecycle.phase !== "quiet") this.#writeInstance(instance, "cancelled", isGone(because));
  }

  /** What fired it is no longer there; `removal`: of its document. */
  endOrphan(alert: AlertRecord, because: ClearedBecause, removal: DocumentChange): void {
    this.#clear(alert, because, "", "", [removal]);
  }

  /** Covers the gravest severity it has had. Of an alert that is active or was {@link known}. */
  acknowledge(alert: AlertRecord, by: string, comment: string): AlertRecord {
    const atMs = this.#deps.clock.nowMs();
    const acknowledged = { by, atMs, comment, severity: alert.severityMax };
    return this.#update(alert.with({ acknowledged }), "acknowledged", by, comment);
  }

  assign(alert: AlertRecord, by: string, assignee: string): AlertRecord {
    return this.#update(alert.with({ assignee }), "assigned", by, assignee);
  }

  comment(alert: AlertRecord, by: string, text: string): AlertRecord {
    const comments = [...alert.comments, { by, atMs: this.#deps.clock.nowMs(), text }].slice(-COMMENTS_MAX);
    return this.#update(alert.with({ comments }), "commented", by, text);
  }

  /** By escalation: no milder from then on, whatever its rule says. */
  raise(alert: AlertRecord, raisedTo: Severity): AlertRecord {
    return this.#update(alert.with({ raisedTo }).withSeverity(alert.severity, alert.says), "rose", "", "escalated");
  }

  /** Never mutes: where the condition holds at the next sample, the rule's hold begins anew. */
  resolve(alert: AlertRecord, by: string, comment: string): AlertRecord {
    const instance = this.#active.get(alert.id)?.instance ?? null;
    const current = this.#withCurrent(alert, instance);
    if (instance !== null) this.#deps.reset(instance);
    return this.#clear(current, "by_hand", by, comment);
  }

  /** An alert of another system, new or as it is now; `id`: the one that stands. */
  publish({ id, rule, severity, says, expiresAtMs, by }: Publication): AlertRecord {
    const nowMs = this.#deps.clock.nowMs();
    const alert = id === undefined ? undefined : this.#active.get(id)?.alert;
    if (alert === undefined) {
      const origin = {
        id: this.#deps.newId(),
        rule,
        sinceMs: nowMs,
        firedAtMs: nowMs,
        isLate: false,
        isPublished: true,
      };
      const { fresh, others } = this.#fresh(origin, severity, says);
      return this.#update(fresh.with({ expiresAtMs }), "fired", by, "", null, others);
    }
    const difference = rankOf(severity) - rankOf(alert.severity);
    const change = difference > 0 ? "rose" : difference < 0 ? "fell" : "updated";
    return this.#update(alert.withSeverity(severity, says).with({ expiresAtMs }), change, by, "");
  }

  clearPublished(alert: AlertRecord, by: string): AlertRecord {
    return this.#clear(alert, "resolved", by, "");
  }

  expire(id: string): void {
    const alert = this.#active.get(id)?.alert;
    if (alert !== undefined) this.#clear(alert, "expired", "", "");
  }

  #fire(instance: Instance): void {
    const severity = severityOf(instance.rule, instance.lifecycle.shown);
    const says = this.#deps.describe(instance, severity);
    const origin = {
      id: this.#deps.newId(),
      rule: instance.rule.name,
      sinceMs: instance.lifecycle.sinceUs / 1_000,
      firedAtMs: instance.clockUs / 1_000,
      isLate: false,
      isPublished: false,
    };
    const { fresh, others } = this.#fresh(origin, severity, says);
    instance.alertId = fresh.id;
    this.#update(instance.isMarkedStale ? fresh.with({ isStale: true }) : fresh, "fired", "", "", instance, others);
  }

  /** With its incident, and what has changed of that. */
  #fresh(
    origin: Omit<AlertOrigin, "incidentId">,
    severity: Severity,
    says: Description,
  ): { readonly fresh: AlertRecord; readonly others: readonly DocumentChange[] } {
    const { source, device, labels } = says;
    const { id, firedAtMs } = origin;
    const { incident, isChanged } = this.#deps.incidents.join({ id, firedAtMs, source, device, labels });
    const fresh = AlertRecord.fired({ ...origin, incidentId: incident.id }, severity, says, this.#deps.clock.nowMs());
    return { fresh, others: isChanged ? [documentOfIncident(incident)] : NOTHING };
  }

  #move(instance: Instance, change: "rose" | "fell"): void {
    const alert = this.alertOf(instance);
    if (alert === undefined) return;
    const severity = severityOf(instance.rule, instance.lifecycle.shown);
    const says = this.#deps.describe(instance, severity);
    const moved = alert.withSeverity(severity, says).with({ isStale: instance.isMarkedStale });
    this.#update(moved, moved.severity === alert.severity ? "updated" : change, "", "");
  }

  #setStale(instance: Instance, change: "stale" | "heard"): void {
    const alert = this.alertOf(instance);
    if (alert === undefined) return this.#writeInstance(instance, change);
    this.#update(alert.with({ isStale: instance.isMarkedStale }), change, "", "");
  }

  /** What met the condition last is known now alone. */
  #keep(instance: Instance): void {
    const entry = instance.alertId === null ? undefined : this.#active.get(instance.alertId);
    if (entry === undefined) return this.#writeInstance(instance, "keeping");
    entry.alert = this.#withCurrent(entry.alert, instance);
    if (entry.told !== null) entry.told = this.#withCurrent(entry.told, instance);
    this.#writeInstance(instance, "keeping");
  }

  #withCurrent(alert: AlertRecord, instance: Instance | null): AlertRecord {
    const says = instance === null ? alert.says : this.#deps.describeMet(instance, alert.severity, alert.says);
    return says === alert.says ? alert : alert.with({ says });
  }

  #clear(alert: AlertRecord, because: ClearedBecause, by: string, text: string, others = NOTHING): AlertRecord {
    const instance = this.#active.get(alert.id)?.instance ?? null;
    const isResolved = because === "resolved" && instance !== null;
    const clearedAtMs = isResolved ? instance.clockUs / 1_000 : this.#deps.clock.nowMs();
    const isStale = instance?.isMarkedStale ?? alert.isStale;
    const cleared = alert.with({ clearedAtMs, clearedBecause: because, isStale });
    return this.#update(cleared, "cleared", by, text, null, others);
  }

  /** `firing`: the instance of an alert that is new. */
  #update(
    next: AlertRecord,
    change: AlertChange,
    actor: string,
    text: string,
    firing: Instance | null = null,
    others: readonly DocumentChange[] = NOTHING,
  ): AlertRecord {
    const atMs = this.#deps.clock.nowMs();
    const known = this.get(next.id);
    const entry = this.#active.get(next.id);
    const instance = entry?.instance ?? firing;
    const dated = next.updatedAtMs === atMs ? next : next.with({ updatedAtMs: atMs });
    const alert = DESCRIBED.has(change) ? dated : this.#withCurrent(dated, instance);
    if (alert.clearedAtMs === null) {
      if (entry === undefined) this.#active.set(alert.id, { alert, told: null, instance });
      else entry.alert = alert;
    } else {
      this.#cleared.remember(alert);
      if (entry !== undefined && entry.told !== null) this.#leaving.set(alert.id, entry.told);
      this.#active.delete(alert.id);
      if (instance !== null) instance.alertId = null;
      const isOver = entry !== undefined && this.#deps.incidents.leave(alert.incidentId, atMs);
      if (isOver) others = [...others, removalOfIncident(alert.incidentId)];
    }
    const before = known === undefined ? null : seenOf(known);
    this.#write({ change, actor, text, alert, before }, instance, others);
    return alert;
  }

  #write(event: Omit<AlertEvent, "atMs">, instance: Instance | null, others = NOTHING): void {
    const { clearedBecause, updatedAtMs } = event.alert;
    const state = instance === null ? null : this.#stateOf(instance, isGone(clearedBecause), updatedAtMs);
    this.#deps.writer.write(new AlertWriting(event, instance, state, others, this.#hearer));
  }

  #writeInstance(instance: Instance, change: Change, gone = false): void {
    const atMs = this.#deps.clock.nowMs();
    const [state, alert] = [this.#stateOf(instance, gone, atMs), this.alertOf(instance)];
    this.#deps.writer.write(new InstanceWriting(change, atMs, instance, state, alert, this.#hearer));
  }

  /** As JSON; null where it is gone. */
  #stateOf(instance: Instance, gone: boolean, atMs: number): string | null {
    this.#quiet.look(instance, gone, atMs);
    return gone ? null : stateText(instance.save(this.#deps.atMs()));
  }

  #tell(event: AlertEvent, position: number | null): void {
    const { change, atMs, actor, text, alert, before } = event;
    if (position !== null) this.#toldPosition = position;
    const entry = this.#active.get(alert.id);
    if (entry !== undefined) entry.told = alert;
    else if (alert.clearedAtMs !== null) this.#leaving.delete(alert.id);
    for (const follower of this.#followers) follower({ change, atMs, actor, text, alert, before, position });
  }
}
