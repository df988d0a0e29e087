/**
 * Alerts as escalation has them: what it is told of each, and of which alerts its decisions tell. Pure: whoever drives it
 * brings the time, and carries out what is due.
 */
import type { AlertRecord } from "./alert.ts";
import type { Action } from "./escalation/escalation-action.ts";
import type { EscalationFacts } from "./escalation/escalation-facts.ts";
import type { Escalations } from "./escalation/escalations.ts";
import type { Told, ToldReceiver } from "./escalation/told.ts";
import type { Rule } from "./rule.ts";
import { rankOf } from "./severity.ts";

export interface EscalatedAlertsDeps {
  /** As it stands, where it is active or ended lately. */
  get(id: string): AlertRecord | undefined;
  ruleOf(name: string): Rule | undefined;
  isMuted(alertId: string): boolean;
}

export interface OverIncident extends ToldReceiver {
  readonly incidentId: string;
}

export interface DueEscalation {
  /** In order. Severities are raised, and it is said that an incident is exhausted, before anybody is told. */
  readonly actions: readonly Action[];
  /** Incidents that are exhausted since the last time, and those that are no longer: to be said last. */
  readonly exhausted: readonly string[];
  readonly answered: readonly string[];
  /** Who is to hear that an incident is over, for a step told them that it is not. */
  readonly over: readonly OverIncident[];
}

/** What holds alerts back is looked at again so long after something may have changed. */
export const MUTES_AFTER_MS = 1_000;
const OVER: EscalationFacts = {
  id: "",
  incidentId: "",
  policy: "",
  severity: "low",
  isFiring: false,
  isAcknowledged: false,
  ackAtMs: null,
  isMuted: false,
};

export class EscalatedAlerts {
  readonly #escalations: Escalations;
  readonly #deps: EscalatedAlertsDeps;
  readonly #told: Told;
  #exhausted: ReadonlySet<string>;
  /** Incidents of which somebody was told, and that may be over now. */
  readonly #ending: Set<string>;

  /** `exhausted`: incidents of which that was said already. */
  constructor(escalations: Escalations, deps: EscalatedAlertsDeps, told: Told, exhausted: Iterable<string> = []) {
    this.#escalations = escalations;
    this.#deps = deps;
    this.#told = told;
    this.#exhausted = new Set(exhausted);
    this.#ending = new Set(told.incidentIds);
  }

  /** An alert was told of. */
  put(alert: AlertRecord, nowMs: number): void {
    const { id, incidentId, severity, acknowledged, clearedAtMs } = alert;
    if (clearedAtMs !== null && this.#told.has(incidentId)) this.#ending.add(incidentId);
    const policy = this.#deps.ruleOf(alert.rule)?.escalation ?? "";
    const isFiring = clearedAtMs === null;
    const isAcknowledged = acknowledged !== null;
    const ackAtMs = acknowledged?.atMs ?? null;
    const isMuted = policy !== "" && isFiring && this.#deps.isMuted(id);
    this.#escalations.put({ id, incidentId, policy, severity, isFiring, isAcknowledged, ackAtMs, isMuted }, nowMs);
  }

  /** One ended while nobody looked. */
  leave(id: string, nowMs: number): void {
    this.#escalations.put({ ...OVER, id }, nowMs);
  }

  /** Puts all that it knows, as they stand. */
  look(nowMs: number): void {
    for (const id of this.#escalations.firingIds()) {
      const alert = this.#deps.get(id);
      if (alert === undefined) this.leave(id, nowMs);
      else this.put(alert, nowMs);
    }
  }

  /** What is to be done now. */
  due(nowMs: number): DueEscalation {
    // What begins to be held back by the clock alone is not told of.
    if (this.#escalations.nextMs <= nowMs) this.look(nowMs);
    const actions = this.#escalations.due(nowMs);
    const before = this.#exhausted;
    const now = new Set(this.#escalations.exhausted());
    this.#exhausted = now;
    const exhausted = [...now].filter((id) => !before.has(id));
    return { actions, exhausted, answered: [...before].filter((id) => !now.has(id)), over: this.#over() };
  }

  /** A receiver has got what a step tells: it is to hear when the incident is over, which it may be since. */
  noteTold(incidentId: string, receiver: string, alerts: readonly AlertRecord[]): void {
    const ids = alerts.map(({ id }) => id);
    this.#told.note(incidentId, receiver, ids);
    this.#ending.add(incidentId);
  }

  /** Whether somebody is to hear when an incident is over. */
  isTold(incidentId: string): boolean {
    return this.#told.has(incidentId);
  }

  /** When it was last asked what is due. */
  isExhausted(incidentId: string): boolean {
    return this.#exhausted.has(incidentId);
  }

  /** Those of them that still fire. */
  standing(ids: readonly string[]): AlertRecord[] {
    return ids.flatMap((id) => {
      const alert = this.#deps.get(id);
      return alert === undefined || alert.clearedAtMs !== null ? [] : [alert];
    });
  }

  /** Those that somebody is to be told of, the gravest first: between the decision and now somebody may have answered. */
  unanswered(ids: readonly string[]): AlertRecord[] {
    const alerts = this.standing(ids).filter(({ acknowledged }) => acknowledged === null);
    return alerts.sort(byGravity);
  }

  #over(): OverIncident[] {
    const over: OverIncident[] = [];
    for (const incidentId of this.#ending) {
      const told = this.#told.of(incidentId);
      // It may have left escalation because its policy is gone, and fire all the same.
      const isOver = told.every(({ alertIds }) => this.standing(alertIds).length === 0);
      if (this.#escalations.has(incidentId) || !isOver) continue;
      over.push(...told.map((one) => ({ ...one, incidentId })));
      this.#told.forget(incidentId);
    }
    this.#ending.clear();
    return over;
  }
}

/** The gravest first. */
export function byGravity(a: AlertRecord, b: AlertRecord): number {
  return rankOf(b.severity) - rankOf(a.severity) || a.firedAtMs - b.firedAtMs;
}
