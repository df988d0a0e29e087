/**
 * Who is told of which alerts, and when: grouping, routing, inhibition, silences and deduplication, as in Alertmanager
 * (dispatch, nflog, inhibit, silence). A pure core: the shell brings alerts and the time, writes down what has changed, and
 * then carries out what is due. Other than in Alertmanager
 * - a new critical alert, and a rise to critical, goes out at once. Several soon after each other are gathered for a second,
 *   then two, and so on up to the group's wait; a storm of them for the whole wait;
 * - acknowledged alerts are not repeated: a group repeats, with all of them, where one is not acknowledged;
 * - an alert stays the same when its severity moves. That it is graver is news; that it is less so, for those who want what
 *   is resolved. A group that it moves out of hears no more of it than its end;
 * - an alert that was notified before it was silenced or inhibited is no news afterwards, and one that was not and is over
 *   by then is not heard of;
 * - a notification is repeated when its time has come, not at the interval that follows.
 */
import type { ParentsOf } from "./absences.ts";
import type { AlertFacts, Mute } from "./alert-facts.ts";
import { ChangedDocuments } from "./changed-documents.ts";
import { inOrderOfGravity, type Delivery, type DeliveryOutcome } from "./delivery.ts";
import { isKnown } from "./group.ts";
import { Grouping } from "./grouping.ts";
import type { Labels } from "./label-matcher.ts";
import { Mutes } from "./mutes.ts";
import type { NotifyConfig } from "./notify-config.ts";
import { partsOfKey, readDocuments, storedAlert, storedTold, type NotifyDocument } from "./notify-document.ts";
import type { NotifyEvent } from "./notify-event.ts";
import { latestOf, restoreGroups, restoreMembers } from "./restore-groups.ts";
import { compileRoutes } from "./route.ts";
import { Sending } from "./sending.ts";
import type { Silence } from "./silence.ts";
import type { SilenceChange, TestOfScope } from "./silences.ts";
import { isFiring, type TrackedAlert } from "./tracked-alert.ts";
import { Waker } from "./waker.ts";

export interface NotifierOptions {
  /** Left out: nothing stands above anything. */
  readonly parentsOf?: ParentsOf;
  /** Left out: silences with a scope hold nothing back. */
  readonly isIn?: TestOfScope;
}

/** A clock that goes back by no more is taken to stand still. */
const STEP_BACK_MS = 1_000;

export class Notifier {
  readonly #changed = new ChangedDocuments();
  readonly #mutes: Mutes;
  readonly #grouping: Grouping;
  readonly #sending: Sending;
  readonly #waker: Waker;
  readonly #alerts = new Map<string, TrackedAlert>();
  #events: NotifyEvent[] = [];
  #nowMs = -Infinity;

  /** Throws RangeError where a regular expression of the configuration is none. */
  constructor(config: NotifyConfig, { parentsOf = () => [], isIn }: NotifierOptions = {}) {
    const changed = this.#changed;
    this.#mutes = new Mutes(config, parentsOf, isIn);
    const onDone = (alert: TrackedAlert) => this.#forget(alert);
    this.#grouping = new Grouping({ root: compileRoutes(config), changed, onDone });
    this.#waker = new Waker({ mutes: this.#mutes, grouping: this.#grouping, changed });
    this.#sending = new Sending({
      config,
      grouping: this.#grouping,
      changed,
      muteIn: (group, alert) => this.#waker.muteIn(group, alert, this.#nowMs),
      onEvent: (event) => void this.#events.push(event),
    });
  }

  /**
   * Goes on where the documents of {@link changes} leave off, each as it was last. What was in flight is sent again,
   * marked. Alerts go where the configuration says now; groups that it has no place for are forgotten.
   */
  static restore(
    config: NotifyConfig,
    documents: Iterable<NotifyDocument>,
    nowMs: number,
    options: NotifierOptions = {},
  ): Notifier {
    const notifier = new Notifier(config, options);
    notifier.#restore(documents, nowMs);
    return notifier;
  }

  /** When {@link due} next has something to do, or a little earlier; Infinity: never. Every call may change it. */
  get nextMs(): number {
    return Math.min(this.#grouping.nextAtMs, this.#mutes.silences.nextMs);
  }

  /**
   * An alert fired, changed, was acknowledged or is over. One that is over and was not given before is let be, unless it is
   * owed. The same again changes nothing.
   */
  put(facts: AlertFacts, nowMs: number): void {
    this.#goTo(nowMs);
    const alert = this.#alerts.get(facts.id);
    if (facts.isLateSilent) {
      if (alert !== undefined) this.#withdraw(alert);
    } else if (alert !== undefined) {
      if (!isSameFacts(alert.facts, facts)) this.#change(alert, facts);
      // They may take less room than those that were read.
      else alert.facts = facts;
    } else if (facts.status === "firing" || facts.isOwed === true) {
      this.#begin({ id: facts.id, facts, graceFromMs: this.#nowMs, isOwed: facts.isOwed === true, groups: [] });
    }
  }

  /**
   * Makes a silence, or changes the one with its id; returns it as it is kept. Throws INVALID_ARGUMENT, and
   * FAILED_PRECONDITION where the one with its id is over.
   */
  putSilence(given: Silence, nowMs: number): Silence {
    this.#goTo(nowMs);
    const under = this.#firingUnder(given.id);
    const silence = this.#mutes.silences.put(given, this.#nowMs);
    this.#changed.mark("silence", silence.id);
    this.#waker.wakeGroupsOf(under, this.#nowMs);
    return silence;
  }

  /** Ends it now; one that is over stays as it is. Throws NOT_FOUND. */
  expireSilence(id: string, nowMs: number): Silence {
    this.#goTo(nowMs);
    const silence = this.#mutes.silences.expire(id, this.#nowMs);
    this.#changed.mark("silence", id);
    this.#waker.wakeGroupsOf(this.#firingUnder(id), this.#nowMs);
    return silence;
  }

  /** Whether what silences hold back goes with where alerts are. */
  get hasScopes(): boolean {
    return this.#mutes.silences.hasScopes;
  }

  /** These alerts are elsewhere now: what held them back may not do so any more. */
  moved(ids: Iterable<string>, nowMs: number): void {
    this.#goTo(nowMs);
    const alerts = [...ids].flatMap((id) => this.#alerts.get(id) ?? []);
    this.#waker.wakeGroupsOf(alerts.filter(isFiring), this.#nowMs);
  }

  /** In no order. Those that have been over for five days are forgotten. */
  silences(): Silence[] {
    return [...this.#mutes.silences.list()];
  }

  /** Of alerts that fire, as far as it was told. */
  firingIds(): string[] {
    return [...this.#alerts.values()].filter(isFiring).map(({ id }) => id);
  }

  /** Why an alert is left out at this time; undefined where it is not, and where there is no such alert. */
  muteOf(id: string, nowMs: number): Mute | undefined {
    this.#goTo(nowMs);
    const alert = this.#alerts.get(id);
    return alert && this.#mutes.muteOf(alert, this.#nowMs);
  }

  /** The id of an alert that would inhibit one with these labels, if it fired now. */
  wouldBeInhibitedBy(labels: Labels): string | undefined {
    return this.#mutes.wouldBeInhibitedBy(labels);
  }

  /**
   * What is to be sent now, the gravest first: at most one for each group and channel, which has no other one until this
   * one is settled. {@link changes} has to be durable before it is sent. `max`: the rest is due the next time.
   */
  due(nowMs: number, max = Infinity): Delivery[] {
    this.#goTo(nowMs);
    const deliveries: Delivery[] = [];
    for (;;) {
      if (deliveries.length >= max) return inOrderOfGravity(deliveries);
      const group = this.#grouping.take(this.#nowMs);
      if (group === undefined) return inOrderOfGravity(deliveries);
      if (group.heldUntilMs <= this.#nowMs) this.#waker.wakeHeld(group, this.#nowMs);
      const delivery = group.dueAtMs() <= this.#nowMs ? this.#sending.flush(group, this.#nowMs) : undefined;
      if (delivery !== undefined) deliveries.push(delivery);
      this.#grouping.schedule(group, this.#nowMs);
    }
  }

  /** What has become of a delivery, or of one attempt at it. One that is not known is let be. */
  settle(deliveryId: string, outcome: DeliveryOutcome, nowMs: number): void {
    this.#goTo(nowMs);
    const group = this.#sending.groupOf(deliveryId);
    if (group === undefined) return;
    this.#sending.settle(group, outcome, this.#nowMs);
    this.#grouping.schedule(group, this.#nowMs);
  }

  /** Whether a critical alert waits behind a delivery: one that has to be tried again is better given up for the next. */
  isOvertaken(deliveryId: string): boolean {
    const group = this.#sending.groupOf(deliveryId);
    return group !== undefined && group.urgentMs !== Infinity;
  }

  /** What has happened since they were last taken, in order. */
  takeEvents(): NotifyEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Documents that have changed since they were last taken, as they are now. */
  changes(): NotifyDocument[] {
    return [...this.#changed.take()].map((key) => {
      const stored = this.#storedOf(key);
      return { key, value: stored === undefined ? null : JSON.stringify(stored) };
    });
  }

  /** The same where nobody writes them down. */
  forgetChanges(): void {
    this.#changed.take();
  }

  #begin(alert: TrackedAlert): void {
    this.#alerts.set(alert.id, alert);
    this.#mutes.add(alert);
    this.#grouping.place(alert, this.#nowMs);
    this.#waker.note(alert, this.#nowMs);
    if (!isFiring(alert) && alert.groups.length === 0) this.#forget(alert);
  }

  #change(alert: TrackedAlert, facts: AlertFacts): void {
    const before = alert.facts;
    const wasFiring = isFiring(alert);
    if (wasFiring && facts.status === "resolved") this.#dropUnheard(alert);
    const freed = isSamePlace(before, facts) ? undefined : this.#mutes.remove(alert);
    alert.facts = facts;
    if (!wasFiring && isFiring(alert)) {
      alert.graceFromMs = this.#nowMs;
      alert.isOwed = false;
    }
    if (freed !== undefined) {
      this.#mutes.add(alert);
      if (isFiring(alert)) this.#grouping.place(alert, this.#nowMs);
      this.#waker.free(freed, this.#nowMs);
    }
    this.#changed.mark("alert", alert.id);
    if (isNews(before, facts)) this.#waker.note(alert, this.#nowMs);
    if (!isFiring(alert) && alert.groups.length === 0) this.#forget(alert);
  }

  /** What is over while it is held back is not heard of where nobody was told that it fires. */
  #dropUnheard(alert: TrackedAlert): void {
    if (this.#mutes.muteOf(alert, this.#nowMs) === undefined) return;
    for (const group of alert.groups) {
      if (!isKnown(group, group.members.get(alert.id)!)) this.#grouping.drop(group, alert);
    }
  }

  #withdraw(alert: TrackedAlert): void {
    for (const group of alert.groups) this.#grouping.drop(group, alert);
    this.#forget(alert);
  }

  #forget(alert: TrackedAlert): void {
    this.#alerts.delete(alert.id);
    this.#changed.mark("alert", alert.id);
    this.#waker.free(this.#mutes.remove(alert), this.#nowMs);
  }

  #goTo(nowMs: number): void {
    if (nowMs < this.#nowMs - STEP_BACK_MS) this.#shift(nowMs - this.#nowMs);
    else nowMs = Math.max(nowMs, this.#nowMs);
    this.#nowMs = nowMs;
    for (const change of this.#mutes.silences.advance(nowMs)) this.#onSilence(change);
  }

  /** What has been stays as long ago as it was, and what is to come as far away. Silences keep to the wall clock. */
  #shift(byMs: number): void {
    for (const alert of this.#alerts.values()) {
      alert.graceFromMs += byMs;
      this.#changed.mark("alert", alert.id);
    }
    for (const group of this.#grouping.all()) {
      group.shift(byMs);
      this.#grouping.schedule(group, this.#nowMs);
    }
  }

  #onSilence({ kind, silence }: SilenceChange): void {
    this.#changed.mark("silence", silence.id);
    if (kind === "forgotten") return;
    const under = this.#firingUnder(silence.id);
    const alertIds = under.map(({ id }) => id);
    const atMs = this.#nowMs;
    if (kind === "ending") {
      this.#events.push({ kind: "silenceEnding", silence, inMs: silence.endsAtMs - atMs, alertIds, atMs });
    } else {
      if (alertIds.length > 0) this.#events.push({ kind: "silenceEnded", silence, alertIds, atMs });
      this.#waker.wakeGroupsOf(under, this.#nowMs);
    }
  }

  /** Whether the silence is active or not. */
  #firingUnder(silenceId: string): TrackedAlert[] {
    const { silences } = this.#mutes;
    if (!silences.has(silenceId)) return [];
    return [...this.#alerts.values()].filter((alert) => {
      return isFiring(alert) && silences.matches(silenceId, alert.facts.labels);
    });
  }

  #storedOf(documentKey: string): unknown {
    const { kind, name } = partsOfKey(documentKey);
    if (kind === "silence") return this.#mutes.silences.stored(name);
    if (kind === "alert") {
      const alert = this.#alerts.get(name);
      return alert && storedAlert(alert);
    }
    const group = this.#grouping.get(name);
    return kind === "group" ? group?.save() : group && storedTold(group);
  }

  #restore(documents: Iterable<NotifyDocument>, nowMs: number): void {
    const state = readDocuments(documents);
    for (const silence of state.silences) this.#mutes.silences.restore(silence);
    for (const { facts, graceFromMs, isOwed } of state.alerts) {
      const alert = { id: facts.id, facts, graceFromMs, isOwed, groups: [] };
      this.#alerts.set(alert.id, alert);
      this.#mutes.add(alert);
    }
    for (const key of restoreGroups(state, this.#grouping)) {
      this.#changed.mark("group", key);
      this.#changed.mark("told", key);
    }
    this.#nowMs = latestOf(this.#grouping.all(), this.#alerts.values());
    this.#goTo(nowMs);
    restoreMembers(state, this.#grouping, this.#alerts, this.#nowMs);
    for (const alert of [...this.#alerts.values()]) {
      if (!isFiring(alert) && alert.groups.length === 0) this.#forget(alert);
    }
    for (const group of [...this.#grouping.all()]) this.#waker.resume(group, this.#nowMs);
  }
}

/** What is compared of facts beside their labels; first what costs little. */
const COMPARED = Object.keys({
  status: 0,
  severity: 0,
  isStale: 0,
  isAcknowledged: 0,
  isRuleActive: 0,
  isLateSilent: 0,
  isOwed: 0,
  endsAtMs: 0,
  startsAtMs: 0,
  graceMs: 0,
  id: 0,
  rule: 0,
  runbook: 0,
  value: 0,
  absenceOf: 0,
  title: 0,
  description: 0,
} satisfies Record<Exclude<keyof AlertFacts, "labels">, 0>) as (keyof AlertFacts)[];

function isSameFacts(a: AlertFacts, b: AlertFacts): boolean {
  return COMPARED.every((key) => Object.is(a[key], b[key])) && isSameLabels(a.labels, b.labels);
}

/** Whether it leads to the same groups, and holds back the same alerts. */
function isSamePlace(a: AlertFacts, b: AlertFacts): boolean {
  return a.status === b.status && a.absenceOf === b.absenceOf && isSameLabels(a.labels, b.labels);
}

function isSameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}

/** Whether there may be something to say that there was not before. */
function isNews(before: AlertFacts, now: AlertFacts): boolean {
  if (before.severity !== now.severity || before.graceMs !== now.graceMs || !isSamePlace(before, now)) return true;
  const isBack = now.isRuleActive && !before.isRuleActive;
  const isOpenAgain = before.isAcknowledged && !now.isAcknowledged;
  return isBack || isOpenAgain;
}
