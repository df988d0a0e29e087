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

  constructor(escalations: Escalations, deps: EscalatedAlertsDeps) {
    this.#escalations = escalations;
    this.#deps = deps;
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

  /** What is to be done now, in order. */
  due(nowMs: number): Action[] {
    // What begins to be held back by the clock alone is not told of.
    if (this.#escalations.nextMs <= nowMs) this.look(nowMs);
    return this.#escalations.due(nowMs);
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
