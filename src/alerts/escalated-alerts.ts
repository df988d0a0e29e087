/**
 * Alerts as escalation has them: what it is told of each, and of which alerts its decisions tell. Pure: whoever drives it
 * brings the time, and carries out what is due.
 */
import type { AlertRecord } from "./alert.ts";
import type { Action } from "./escalation/escalation-action.ts";
import type { EscalationFacts } from "./escalation/escalation-facts.ts";
import type { Escalations } from "./escalation/escalations.ts";
import type { Rule } from "./rule.ts";
import { rankOf } from "./severity.ts";

export interface EscalatedAlertsDeps {
  /** As it stands, where it is active or ended lately. */
  get(id: string): AlertRecord | undefined;
  ruleOf(name: string): Rule | undefined;
  isMuted(alertId: string): boolean;
}

export interface DueEscalation {
  /** In order. Severities are raised, and it is said that an incident is exhausted, before anybody is told. */
  readonly actions: readonly Action[];
  /** Incidents that are exhausted since the last time, and those that are no longer: to be said last. */
  readonly exhausted: readonly string[];
  readonly answered: readonly string[];
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
  #exhausted: ReadonlySet<string>;

  /** `exhausted`: incidents of which that was said already. */
  constructor(escalations: Escalations, deps: EscalatedAlertsDeps, exhausted: Iterable<string> = []) {
    this.#escalations = escalations;
    this.#deps = deps;
    this.#exhausted = new Set(exhausted);
  }

  /** An alert was told of. */
  put(alert: AlertRecord, nowMs: number): void {
    const { id, incidentId, severity, acknowledged, clearedAtMs } = alert;
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
    return { actions, exhausted, answered: [...before].filter((id) => !now.has(id)) };
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
    return alerts.sort((a, b) => rankOf(b.severity) - rankOf(a.severity) || a.firedAtMs - b.firedAtMs);
  }
}
