/**
 * Whom alerts of a simulation would be told to, and when: the decisions that are made live, on the clock of the simulation.
 * Nothing is sent: what is told gets to its receiver at once, and nobody acknowledges.
 */
import type { Clock } from "../model/clock.ts";
import type { AlertBook } from "./alert-book.ts";
import type { AlertRecord } from "./alert.ts";
import { byGravity, EscalatedAlerts, MUTES_AFTER_MS } from "./escalated-alerts.ts";
import type { Action, EscalationPlace, NotifyAction, RaiseAction } from "./escalation/escalation-action.ts";
import { nobodyAnswers, somebodyAnswered } from "./escalation-alert.ts";
import { Escalations } from "./escalation/escalations.ts";
import { Told } from "./escalation/told.ts";
import type { NotifySetup } from "./nobody.ts";
import { NotifiedAlerts } from "./notified-alerts.ts";
import { incidentNotification, notifyFactsOf } from "./notify-facts.ts";
import type { MutedCounts } from "./notify/flush-plan.ts";
import type { Delivery } from "./notify/delivery.ts";
import type { Notification, NotifiedAlert } from "./notify/notification.ts";
import { Notifier } from "./notify/notifier.ts";
import type { Silence } from "./notify/silence.ts";
import type { TestOfScope } from "./notify/silences.ts";
import type { PublishedAlerts } from "./published-alerts.ts";
import type { Rule } from "./rule.ts";
import type { Severity } from "./severity.ts";

/** What is said of whom to tell, and what stands against it. */
export interface TellingSetup extends Pick<NotifySetup, "config" | "escalation" | "correlation"> {
  /** Those that are over before the simulation begins do nothing. */
  readonly silences: readonly Silence[];
  /** Left out: silences with a scope hold nothing back. */
  readonly isIn?: TestOfScope;
}

export interface SimulatedTellingDeps {
  readonly setup: TellingSetup;
  readonly clock: Clock;
  readonly book: AlertBook;
  readonly published: PublishedAlerts;
  ruleOf(name: string): Rule | undefined;
  /** Of notifications, and of steps: those past that are counted. */
  readonly keptMax: number;
  /** An alert that fires was named to somebody. */
  onTold(alertId: string): void;
}

/** What one channel of a receiver would have got. */
export interface SimulatedNotification {
  readonly atMs: number;
  readonly receiver: string;
  readonly channel: string;
  readonly reason: Delivery["reason"] | "escalated";
  readonly status: Notification["status"];
  readonly groupLabels: Notification["groupLabels"];
  /** The gravest first, at most {@link ALERTS_NAMED}. */
  readonly alerts: readonly NotifiedAlert[];
  /** With those that are not named. */
  readonly alertCount: number;
  /** Firing alerts of the group that were held back; escalation says nothing of them. */
  readonly muted: MutedCounts;
}

/** A step of escalation that would have been taken. */
export interface SimulatedStep extends EscalationPlace {
  readonly atMs: number;
  readonly incidentId: string;
  /** Once more, behind the end of all steps. */
  readonly isReminder: boolean;
  /** All steps are through, and nobody has acknowledged. */
  readonly isExhausted: boolean;
  readonly receivers: readonly string[];
  /** What alerts below it were raised to; null: none was. */
  readonly raisedTo: Severity | null;
  readonly alerts: readonly NotifiedAlert[];
  readonly alertCount: number;
}

/** Of a notification, or of a step. */
export const ALERTS_NAMED = 10;
/** A step of the work: some milliseconds. */
const DUE_AT_ONCE = 200;
const NONE_MUTED: MutedCounts = { inactive: 0, silenced: 0, inhibited: 0, held: 0 };

export class SimulatedTelling {
  /** In order of time, as in {@link steps}. */
  readonly notifications: SimulatedNotification[] = [];
  readonly steps: SimulatedStep[] = [];
  /** With those that were not kept; by receiver, too. */
  notificationCount = 0;
  readonly countOf = new Map<string, number>();
  stepCount = 0;
  readonly #deps: SimulatedTellingDeps;
  readonly #notifier: Notifier;
  readonly #notified: NotifiedAlerts;
  readonly #escalations: Escalations;
  readonly #escalated: EscalatedAlerts;
  readonly #told: Told;
  /** Told of, and not looked at yet. */
  #waiting: AlertRecord[] = [];
  /** What is under way. */
  #work: Iterator<void> | undefined;
  /** The notifier was given something. */
  #isAsked = false;
  #looksAtMs = Infinity;

  constructor(deps: SimulatedTellingDeps) {
    this.#deps = deps;
    const { setup, clock, book, ruleOf } = deps;
    this.#notifier = new Notifier(setup.config, setup.isIn && { isIn: setup.isIn });
    this.#notified = new NotifiedAlerts(this.#notifier, { active: () => book.active(), ruleOf });
    this.#escalations = new Escalations(setup.escalation);
    const isMuted = (id: string) => this.#notifier.muteOf(id, clock.nowMs()) !== undefined;
    this.#told = new Told([]);
    this.#escalated = new EscalatedAlerts(
      this.#escalations,
      { get: (id) => book.get(id), ruleOf, isMuted },
      this.#told,
    );
    const fromMs = clock.nowMs();
    for (const silence of setup.silences) {
      if (silence.endsAtMs > fromMs) this.#notifier.putSilence(silence, fromMs);
    }
    book.follow(({ alert }) => void this.#waiting.push(alert));
  }

  /** When {@link run} next has something to do, or a little earlier; Infinity: never. */
  get nextMs(): number {
    return Math.min(this.#notifier.nextMs, this.#escalations.nextMs, this.#notified.nextMs, this.#looksAtMs);
  }

  /**
   * Does all that is due. `mayGoOn` is asked between its steps: where it says no this returns false, and is to be called once
   * more before time goes on.
   */
  run(mayGoOn: () => boolean): boolean {
    const nowMs = this.#deps.clock.nowMs();
    if (this.#work === undefined && this.#waiting.length === 0 && this.nextMs > nowMs) return true;
    this.#work ??= this.#doAll(nowMs);
    while (this.#work.next().done !== true) if (!mayGoOn()) return false;
    this.#work = undefined;
    return true;
  }

  *#doAll(nowMs: number): Generator<void> {
    if (this.#notified.nextMs <= nowMs) {
      this.#notified.putTimed(nowMs);
      this.#isAsked = true;
    }
    do {
      yield* this.#putAll(nowMs);
      if (this.#isAsked || this.#notifier.nextMs <= nowMs) yield* this.#notify(nowMs);
      if (this.#looksAtMs <= nowMs) {
        this.#looksAtMs = Infinity;
        this.#escalated.look(nowMs);
      }
      yield* this.#escalate(nowMs);
    } while (this.#isAsked || this.#waiting.length > 0);
    this.#notifier.forgetChanges();
    this.#escalations.forgetChanges();
    this.#told.changes();
  }

  *#putAll(nowMs: number): Generator<void> {
    const alerts = this.#waiting;
    this.#waiting = [];
    for (const alert of alerts) {
      this.#notified.put(alert, nowMs);
      this.#escalated.put(alert, nowMs);
      this.#isAsked = true;
      yield;
    }
  }

  *#notify(nowMs: number): Generator<void> {
    this.#isAsked = false;
    for (;;) {
      const deliveries = this.#notifier.due(nowMs, DUE_AT_ONCE);
      if (deliveries.length === 0) break;
      for (const { id, receiver, channel, reason, notification, muted } of deliveries) {
        this.#tell(notification, { receiver, channel, reason, muted });
        this.#notifier.settle(id, "sent", nowMs);
        yield;
      }
    }
    this.#notifier.takeEvents();
    const hasPolicies = this.#deps.setup.escalation.policies.length > 0;
    if (hasPolicies && this.#looksAtMs === Infinity) this.#looksAtMs = nowMs + MUTES_AFTER_MS;
  }

  *#escalate(nowMs: number): Generator<void> {
    const { actions, answered, over } = this.#escalated.due(nowMs);
    for (const action of actions) {
      this.#perform(action);
      yield;
    }
    for (const taken of stepsOf(actions)) this.#noteStep(taken, nowMs);
    for (const action of actions) {
      if (action.kind === "notify") this.#tellOfIncident(action, nowMs);
      yield;
    }
    for (const id of answered) somebodyAnswered(this.#deps.published, id);
    for (const { incidentId, receiver, alertIds } of over) {
      const alerts = alertIds.map((id) => this.#deps.book.get(id)).filter((alert) => alert !== undefined);
      this.#tellOf(incidentId, receiver, alerts.sort(byGravity), nowMs);
      yield;
    }
  }

  #perform(action: Action): void {
    const { book, published } = this.#deps;
    if (action.kind === "notify") return;
    const alerts = this.#escalated.standing(action.alertIds);
    if (action.kind === "raise") for (const alert of alerts) book.raise(alert, action.severity);
    else nobodyAnswers(published, action.incidentId, alerts);
  }

  #tellOfIncident({ incidentId, receivers, alertIds }: NotifyAction, nowMs: number): void {
    const alerts = this.#escalated.unanswered(alertIds);
    if (alerts.length === 0) return;
    for (const receiver of receivers) {
      const isTold = this.#tellOf(incidentId, receiver, alerts, nowMs);
      if (isTold) this.#escalated.noteTold(incidentId, receiver, alerts);
    }
  }

  /** Returns whether it has any channel. */
  #tellOf(incidentId: string, receiver: string, alerts: readonly AlertRecord[], nowMs: number): boolean {
    const { setup, ruleOf } = this.#deps;
    const told = incidentNotification(receiver, incidentId, alerts, setup.config, ruleOf, nowMs);
    const isOver = told.status === "resolved";
    const { channels = [] } = setup.config.receivers.find(({ name }) => name === receiver) ?? {};
    for (const { name: channel, sendsResolved } of channels) {
      if (isOver && !sendsResolved) continue;
      this.#tell(told, { receiver, channel, reason: isOver ? "resolved" : "escalated", muted: NONE_MUTED });
    }
    return channels.length > 0;
  }

  #tell(
    { status, groupLabels, alerts, truncatedAlerts }: Notification,
    how: Pick<SimulatedNotification, "receiver" | "channel" | "reason" | "muted">,
  ): void {
    for (const { id, status: is } of alerts) if (is === "firing") this.#deps.onTold(id);
    this.notificationCount++;
    this.countOf.set(how.receiver, (this.countOf.get(how.receiver) ?? 0) + 1);
    if (this.notifications.length >= this.#deps.keptMax) return;
    this.notifications.push({
      ...how,
      atMs: this.#deps.clock.nowMs(),
      status,
      groupLabels,
      alerts: alerts.slice(0, ALERTS_NAMED),
      alertCount: alerts.length + truncatedAlerts,
    });
  }

  #noteStep({ action, raise }: TakenStep, nowMs: number): void {
    this.stepCount++;
    if (this.steps.length >= this.#deps.keptMax) return;
    const { incidentId, policy, step, loop, alertIds } = action;
    const { clock, ruleOf } = this.#deps;
    const alerts = this.#escalated.unanswered(alertIds);
    this.steps.push({
      atMs: nowMs,
      incidentId,
      policy,
      step,
      loop,
      isReminder: action.kind === "notify" && action.isReminder,
      isExhausted: action.kind === "exhausted",
      receivers: action.kind === "notify" ? action.receivers : [],
      raisedTo: raise?.severity ?? null,
      alerts: alerts.slice(0, ALERTS_NAMED).map((one) => notifyFactsOf(one, ruleOf(one.rule), clock.nowMs())),
      alertCount: alerts.length,
    });
  }
}

interface TakenStep {
  readonly action: Action;
  readonly raise: RaiseAction | undefined;
}

/** A step raises severities right before it tells people, or tells nobody. */
function stepsOf(actions: readonly Action[]): TakenStep[] {
  return actions.flatMap((action, i): TakenStep[] => {
    const [before, next] = [actions[i - 1], actions[i + 1]];
    if (action.kind === "raise") return isOneStep(action, next) ? [] : [{ action, raise: action }];
    return [{ action, raise: before?.kind === "raise" && isOneStep(before, action) ? before : undefined }];
  });
}

function isOneStep({ incidentId, step, loop }: RaiseAction, next: Action | undefined): boolean {
  return next?.kind === "notify" && next.incidentId === incidentId && next.step === step && next.loop === loop;
}
