/**
 * Tells people: gives alerts to the notifier as they are told of, writes down what it decides, and carries that out. What is
 * on its way to one receiver holds up no other.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import { isTakenOver, refuseWhileHolding, type LastingJournal } from "../model/lasting-journal.ts";
import type { JournalEvent } from "../model/journal.ts";
import { allDocuments } from "./all-documents.ts";
import type { AlertRecord } from "./alert.ts";
import { attemptEvent, noticeEvent, silenceEvent, type Attempted } from "./notice-events.ts";
import { NotifiedAlerts, type NotifiedAlertsDeps } from "./notified-alerts.ts";
import { incidentNotification } from "./notify-facts.ts";
import type { Mute } from "./notify/alert-facts.ts";
import { asRepeat, type Delivery } from "./notify/delivery.ts";
import type { Labels } from "./notify/label-matcher.ts";
import type { Notification } from "./notify/notification.ts";
import type { NotifyEvent } from "./notify/notify-event.ts";
import { Notifier } from "./notify/notifier.ts";
import type { Silence } from "./notify/silence.ts";
import type { TestOfScope } from "./notify/silences.ts";
import { Rounds } from "./rounds.ts";
import type { NotifySetup } from "./nobody.ts";
import { deliver, type DeliveryAttempt, type DeliveryResult } from "./receivers/delivery.ts";
import { closeReceivers, openedReceivers } from "./receivers/opened-receivers.ts";
import type { Receiver } from "./receivers/receiver.ts";
import { ReceiverTests, type AskedTest, type ChannelTest } from "./receivers/receiver-tests.ts";
import { Slots } from "./receivers/slots.ts";
import type { TellingSetup } from "./simulated-telling.ts";

export type NotifyJournal = Pick<LastingJournal, "append" | "documents" | "isHolding">;

export interface NotifyingDeps extends NotifiedAlertsDeps {
  readonly journal: NotifyJournal;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** As it stands, also where it is over; undefined where nobody knows. */
  find(id: string): Promise<AlertRecord | undefined>;
  readonly newId: () => string;
  readonly isIn: TestOfScope;
  onTrouble(sentence: string): void;
  /** What holds alerts back may be another now. */
  onMutes(): void;
  /** Something has happened, and is written down where it can be. */
  onNotice(event: NotifyEvent): void;
  /** A silence was put, or ended by hand. */
  onSilence(id: string): void;
  onAttempted?(attempt: DeliveryAttempt): void;
  /** A receiver has failed three times in a row to be told of alerts. */
  onFailedThrice(receiver: string, alertIds: readonly string[]): void;
}

/** "told": by one channel at least. "unknown": this run, or its configuration, has ended, or it is told anew. */
export type Telling = "told" | "failed" | "unknown";

export const NOTIFY_DOCUMENTS = "notify";
/** After so many attempts in a row somebody else is told. */
const FAILURES_TOLD = 3;
/** Sends to one channel at once. */
const SLOTS = 4;
const DOCUMENTS_AT_ONCE = 500;
const RETRY_MS = 1_000;
const TIMER_MS_MAX = 86_400_000;

export class Notifying {
  readonly #deps: NotifyingDeps;
  readonly #slots = new Slots(SLOTS);
  readonly #sending = new Map<string, AbortController>();
  readonly #underWay = new WeakMap<Receiver, number>();
  readonly #tests: ReceiverTests;
  /** Documents that are to be written, as they are now. */
  readonly #unwritten = new Map<string, string | null>();
  #notifier: Notifier;
  #alerts: NotifiedAlerts;
  #setup: NotifySetup;
  #receivers: ReadonlyMap<string, readonly Receiver[]>;
  readonly #rounds: Rounds;
  #cancelTimes: (() => void) | null = null;

  private constructor(
    deps: NotifyingDeps,
    setup: NotifySetup,
    receivers: ReadonlyMap<string, readonly Receiver[]>,
    notifier: Notifier,
  ) {
    this.#deps = deps;
    this.#rounds = new Rounds(deps.clock, () => this.#round());
    this.#tests = new ReceiverTests({
      ...deps,
      onAttempt: (groupKey, attempt, by) =>
        this.#noteAttempt({ groupKey, reason: "test", notification: { alerts: [] } }, attempt, by),
    });
    this.#setup = setup;
    this.#receivers = receivers;
    this.#notifier = notifier;
    this.#alerts = new NotifiedAlerts(notifier, deps);
  }

  /** Goes on where the run before ended. Rejects with FAILED_PRECONDITION for receivers that can never be sent to. */
  static async open(deps: NotifyingDeps, setup: NotifySetup): Promise<Notifying> {
    const receivers = await openedReceivers(setup.receivers, deps);
    const notifying = new Notifying(deps, setup, receivers, await restored(deps, setup));
    await notifying.#catchUp();
    notifying.#rounds.ask();
    return notifying;
  }

  /**
   * Other receivers and routes from now on; what stands goes on where they have a place for it. `first` is done in between:
   * where that rejects, or a receiver can never be sent to, nothing has changed.
   */
  async reload(setup: NotifySetup, first: () => Promise<void>): Promise<void> {
    const receivers = await openedReceivers(setup.receivers, this.#deps);
    try {
      await this.#write();
      await first();
    } catch (error) {
      await closeReceivers(receivers);
      throw error;
    }
    // What the notifier does after it was read, the next one would do again.
    await this.#rounds.hold(() => this.#replace(setup, receivers));
  }

  async #replace(setup: NotifySetup, receivers: ReadonlyMap<string, readonly Receiver[]>): Promise<void> {
    const before = this.#receivers;
    await this.#write();
    for (const sending of this.#sending.values()) sending.abort();
    this.#notifier = await restored(this.#deps, setup);
    this.#alerts = new NotifiedAlerts(this.#notifier, this.#deps);
    this.#watchTimes();
    this.#setup = setup;
    this.#receivers = receivers;
    await closeReceivers(before);
    await this.#catchUp();
  }

  /** An alert was told of. */
  take(alert: AlertRecord): void {
    if (!this.#hasReceivers) return;
    this.#put(alert);
    this.#rounds.ask();
  }

  /**
   * Tells one receiver of alerts that fire, or that are over where all are, on all its channels, beside what routes say.
   */
  async tell(name: string, incidentId: string, alerts: readonly AlertRecord[], isRepeated: boolean): Promise<Telling> {
    const { clock, ruleOf } = this.#deps;
    const told = incidentNotification(name, incidentId, alerts, this.#setup.config, ruleOf, clock.nowMs());
    const notification: Notification = { ...told, isRepeated };
    const { groupKey, status } = notification;
    const reason = status === "firing" ? "escalated" : "resolved";
    const abort = new AbortController();
    const id = `${groupKey} ${name}`;
    // What has not got there yet is made good by this one.
    this.#sending.get(id)?.abort();
    this.#sending.set(id, abort);
    const alertIds = alerts.map(({ id: alertId }) => alertId);
    const tellings = (this.#receivers.get(name) ?? []).map(async (receiver) => {
      const onAttempt = (attempt: DeliveryAttempt) => {
        this.#noteAttempt({ groupKey, reason, notification }, attempt);
        if (!attempt.isDelivered && attempt.attempt === FAILURES_TOLD) this.#deps.onFailedThrice(name, alertIds);
      };
      const { kind, attempts, outcome } = await this.#deliver(receiver, notification, onAttempt, abort);
      if (kind !== "failed") return kind;
      this.#deps.onTrouble(`${name} could not be told of ${groupKey}: ${outcome}`);
      // It never would have been taken.
      if (attempts < FAILURES_TOLD) this.#deps.onFailedThrice(name, alertIds);
      return kind;
    });
    const kinds = await Promise.all(tellings);
    if (this.#sending.get(id) === abort) this.#sending.delete(id);
    if (kinds.includes("stopped")) return "unknown";
    return kinds.includes("delivered") ? "told" : "failed";
  }

  async putSilence(silence: Silence, actor: string): Promise<Silence> {
    refuseWhileHolding(this.#deps.journal);
    const kept = this.#notifier.putSilence(silence, this.#deps.clock.nowMs());
    await this.#write([silenceEvent("put", kept, { actor, atMs: this.#deps.clock.nowMs() })]);
    this.#deps.onSilence(kept.id);
    this.#rounds.ask();
    return kept;
  }

  async expireSilence(id: string, actor: string): Promise<Silence> {
    refuseWhileHolding(this.#deps.journal);
    const expired = this.#notifier.expireSilence(id, this.#deps.clock.nowMs());
    await this.#write([silenceEvent("expired", expired, { actor, atMs: this.#deps.clock.nowMs() })]);
    this.#deps.onSilence(expired.id);
    this.#rounds.ask();
    return expired;
  }

  silences(): Silence[] {
    return this.#notifier.silences();
  }

  /** Whether what silences hold back goes with where alerts are. */
  get hasScopes(): boolean {
    return this.#notifier.hasScopes;
  }

  /** Alerts that are elsewhere now. */
  moved(alerts: readonly AlertRecord[]): void {
    const ids = alerts.map(({ id }) => id);
    this.#notifier.moved(ids, this.#deps.clock.nowMs());
    this.#rounds.ask();
  }

  /** For whoever wants to know who would be told; undefined: nobody is. */
  telling(): TellingSetup | undefined {
    const { config, escalation, correlation } = this.#setup;
    const { isIn } = this.#deps;
    return this.#hasReceivers ? { config, escalation, correlation, silences: this.silences(), isIn } : undefined;
  }

  /** As it is in force. */
  setup(): NotifySetup {
    return this.#setup;
  }

  /** Notifications that are being sent to a channel, or wait for their turn or another attempt. */
  underWay(name: string, channel: string): number {
    const receiver = this.#receivers.get(name)?.find((one) => one.channel === channel);
    return receiver === undefined ? 0 : this.#underWayTo(receiver);
  }

  /** The id of an alert that would inhibit one with these labels, if it fired now. */
  wouldBeInhibitedBy(labels: Labels): string | undefined {
    return this.#notifier.wouldBeInhibitedBy(labels);
  }

  /** What came of a test on each channel; see {@link ReceiverTests.run}. */
  testReceiver(asked: AskedTest, signal: AbortSignal): Promise<ChannelTest[]> {
    return this.#tests.run(asked, this.#setup, this.#receivers, signal);
  }

  muteOf(alertId: string): Mute | undefined {
    return this.#notifier.muteOf(alertId, this.#deps.clock.nowMs());
  }

  /** What is on its way is given up, and sent again by the next run, marked. */
  async close(): Promise<void> {
    this.#rounds.close();
    this.#cancelTimes?.();
    this.#tests.close();
    for (const sending of this.#sending.values()) sending.abort();
    await this.#write().catch(() => {});
    await closeReceivers(this.#receivers);
  }

  get #hasReceivers(): boolean {
    return this.#setup.receivers.length > 0;
  }

  /** What happened to alerts while nobody gave them to the notifier. */
  async #catchUp(): Promise<void> {
    if (!this.#hasReceivers) return;
    const active = new Set<string>();
    for (const alert of this.#deps.active()) {
      active.add(alert.id);
      this.#put(alert);
    }
    for (const id of this.#notifier.firingIds()) {
      if (active.has(id)) continue;
      const alert = await this.#deps.find(id);
      if (alert !== undefined) this.#put(alert);
    }
  }

  #put(alert: AlertRecord): void {
    if (this.#alerts.put(alert, this.#deps.clock.nowMs())) this.#watchTimes();
  }

  /** Rules begin or cease to notify, or the wall clock may have been set. */
  #watchTimes(): void {
    this.#cancelTimes?.();
    const nowMs = this.#deps.clock.nowMs();
    if (this.#alerts.nextMs === Infinity) return;
    this.#cancelTimes = this.#deps.clock.after(Math.min(Math.max(1, this.#alerts.nextMs - nowMs), TIMER_MS_MAX), () => {
      this.#alerts.putTimed(this.#deps.clock.nowMs());
      this.#watchTimes();
      this.#rounds.ask();
    });
  }

  get sending(): number {
    return this.#sending.size;
  }

  /** Resolves with when there is more to do. */
  async #round(): Promise<number> {
    let retryInMs = Infinity;
    const deliveries = this.#notifier.due(this.#deps.clock.nowMs());
    const notices = this.#notifier.takeEvents();
    try {
      await this.#write(notices.map((event) => this.#noticeOf(event)));
    } catch (error) {
      if (isTakenOver(error)) return Infinity;
      // People are told all the same; after a crash they may be told again.
      this.#deps.onTrouble(`what was notified cannot be written down: ${messageOf(error)}`);
      retryInMs = RETRY_MS;
    }
    const isDoubtful = this.#deps.journal.isHolding === true;
    for (const delivery of deliveries) void this.#send(isDoubtful ? asRepeat(delivery) : delivery);
    for (const notice of notices) this.#deps.onNotice(notice);
    this.#deps.onMutes();
    return Math.min(retryInMs, this.#notifier.nextMs - this.#deps.clock.nowMs());
  }

  /** Documents that have changed, with what else is to be said; all of it, or what was not stays to be written. */
  async #write(events: readonly JournalEvent[] = []): Promise<void> {
    for (const { key, value } of this.#notifier.changes()) {
      this.#unwritten.delete(key);
      this.#unwritten.set(key, value);
    }
    let said = events;
    while (this.#unwritten.size > 0 || said.length > 0) {
      const some = [...this.#unwritten].slice(0, DOCUMENTS_AT_ONCE);
      const changes = some.map(([key, value]) => ({ collection: NOTIFY_DOCUMENTS, key, sort: 0, value }));
      await this.#deps.journal.append(said, changes);
      said = [];
      // One that has changed meanwhile is to be written again.
      for (const [key, value] of some) if (this.#unwritten.get(key) === value) this.#unwritten.delete(key);
    }
  }

  async #send(delivery: Delivery): Promise<void> {
    const { id, receiver: name, channel, notification } = delivery;
    const receiver = this.#receivers.get(name)?.find((one) => one.channel === channel);
    if (receiver === undefined) return this.#settle(id, "failed");
    const abort = new AbortController();
    this.#sending.set(id, abort);
    let isOvertaken = false;
    const onAttempt = (attempt: DeliveryAttempt) => {
      this.#noteAttempt(delivery, attempt);
      if (attempt.isDelivered || attempt.retryInMs === null) return;
      this.#settle(id, "retrying");
      isOvertaken = this.#notifier.isOvertaken(id);
      if (isOvertaken) abort.abort();
    };
    const { kind, outcome } = await this.#deliver(receiver, notification, onAttempt, abort);
    this.#sending.delete(id);
    if (kind === "failed") this.#deps.onTrouble(`${name} could not be told of ${delivery.groupKey}: ${outcome}`);
    // Cut off at the end of this run, or by another configuration: nobody knows whether it got there.
    if (kind === "stopped" && !isOvertaken) return;
    this.#settle(id, kind === "delivered" || kind === "unwanted" ? "sent" : "failed");
  }

  async #deliver(
    receiver: Receiver,
    notification: Notification,
    onAttempt: (attempt: DeliveryAttempt) => void,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<DeliveryResult> {
    const { clock, random } = this.#deps;
    this.#underWay.set(receiver, this.#underWayTo(receiver) + 1);
    try {
      return await deliver(receiver, notification, { clock, random, slots: this.#slots, onAttempt }, { signal });
    } finally {
      this.#underWay.set(receiver, this.#underWayTo(receiver) - 1);
    }
  }

  #underWayTo(receiver: Receiver): number {
    return this.#underWay.get(receiver) ?? 0;
  }

  #settle(id: string, outcome: "sent" | "retrying" | "failed"): void {
    this.#notifier.settle(id, outcome, this.#deps.clock.nowMs());
    this.#rounds.ask();
  }

  #noteAttempt(attempted: Attempted, attempt: DeliveryAttempt, actor = ""): void {
    this.#deps.onAttempted?.(attempt);
    const event = attemptEvent(attempted, attempt, actor, this.#deps.clock.nowMs());
    this.#deps.journal.append([event]).catch(() => {});
  }

  #noticeOf(event: NotifyEvent): JournalEvent {
    if (event.kind === "failedThrice") {
      this.#deps.onTrouble(`${event.receiver} has failed three times in a row for ${event.groupKey}`);
      this.#deps.onFailedThrice(event.receiver, event.alertIds);
    }
    return noticeEvent(event, this.#deps.clock.nowMs());
  }
}

async function restored({ journal, clock, isIn }: NotifyingDeps, { config }: NotifySetup): Promise<Notifier> {
  const documents = await Array.fromAsync(allDocuments(journal, NOTIFY_DOCUMENTS));
  return Notifier.restore(config, documents, clock.nowMs(), { isIn });
}
