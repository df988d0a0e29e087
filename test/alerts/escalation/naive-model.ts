/** What escalation says, in the plainest way: looks at every alert every minute, and counts minutes. */
import type { Action } from "../../../src/alerts/escalation/escalation-action.ts";
import type { EscalationConfig, EscalationPolicy } from "../../../src/alerts/escalation/escalation-config.ts";
import type { EscalationFacts } from "../../../src/alerts/escalation/escalation-facts.ts";
import { rankOf } from "../../../src/alerts/severity.ts";

interface NaiveAlert {
  facts: EscalationFacts;
  own: number;
  raised: number;
  lapsed: number | null | undefined;
}

interface NaiveIncident {
  policy: string;
  run:
    | { rank: number; loop: number; step: number; minutes: number; idle: number; told: string[]; over: boolean }
    | undefined;
  /** Minutes since all were acknowledged. */
  acked: number | undefined;
}

const MINUTE_MS = 60_000;

export class NaiveModel {
  readonly #policies: ReadonlyMap<string, EscalationPolicy>;
  /** In the order in which they joined. */
  #alerts: NaiveAlert[] = [];
  readonly #incidents = new Map<string, NaiveIncident>();

  constructor({ policies }: EscalationConfig) {
    this.#policies = new Map(policies.map((policy) => [policy.name, policy]));
  }

  isOpen(id: string): boolean {
    return this.#alerts.some((alert) => alert.facts.id === id && isOpen(alert));
  }

  /** A minute passes. */
  tick(): Action[] {
    for (const incident of this.#incidents.values()) {
      if (incident.run !== undefined) {
        incident.run.minutes++;
        incident.run.idle++;
      }
      if (incident.acked !== undefined) incident.acked++;
    }
    return this.#look();
  }

  put(facts: EscalationFacts, nowMs: number): Action[] {
    const alert = this.#alerts.find((each) => each.facts.id === facts.id);
    const isHere = facts.isFiring && this.#policies.has(facts.policy);
    if (!isHere) {
      this.#alerts = this.#alerts.filter((each) => each !== alert);
      return this.#look({ graver: "", nowMs });
    }
    const incident = this.#incidents.get(facts.incidentId);
    if (alert === undefined) {
      this.#alerts.push({ facts, own: rankOf(facts.severity), raised: 0, lapsed: undefined });
      if (incident?.run?.over === true && this.isOpen(facts.id)) incident.run = undefined;
    } else {
      const isAckNew = alert.facts.ackAtMs !== facts.ackAtMs;
      const rank = rankOf(facts.severity);
      alert.own = rank > alert.raised ? rank : Math.min(rank, alert.own);
      alert.facts = facts;
      if (isAckNew && incident?.acked !== undefined && facts.ackAtMs !== null) {
        incident.acked = Math.min(incident.acked, (nowMs - facts.ackAtMs) / MINUTE_MS);
      }
    }
    return this.#look({ graver: facts.id, nowMs });
  }

  fails(receiver: string, alertIds: readonly string[]): Action[] {
    for (const [id, { run, policy }] of this.#incidents) {
      const isOurs = this.#alerts.some(({ facts }) => facts.incidentId === id && alertIds.includes(facts.id));
      if (run === undefined || !isOurs || run.over) continue;
      const step = this.#policies.get(policy)!.steps[run.step];
      if (step === undefined || (run.told.length > 0 && !run.told.includes(receiver))) continue;
      run.minutes = Math.max(run.minutes, step.afterMs / MINUTE_MS);
    }
    return this.#look();
  }

  #look(news?: { readonly graver: string; readonly nowMs: number }): Action[] {
    const ids = new Set(this.#alerts.map(({ facts }) => facts.incidentId));
    for (const id of this.#incidents.keys()) if (!ids.has(id)) this.#incidents.delete(id);
    const all: { rank: number; id: string; actions: Action[] }[] = [];
    for (const id of ids) {
      let incident = this.#incidents.get(id);
      if (incident === undefined)
        this.#incidents.set(id, (incident = { policy: "", run: undefined, acked: undefined }));
      const actions: Action[] = [];
      this.#settle(id, incident, news);
      while (this.#perform(id, incident, actions)) continue;
      all.push({ rank: incident.run?.rank ?? 0, id, actions });
    }
    return all.sort((a, b) => b.rank - a.rank || (a.id < b.id ? -1 : 1)).flatMap(({ actions }) => actions);
  }

  #settle(id: string, incident: NaiveIncident, news?: { readonly graver: string; readonly nowMs: number }): void {
    const all = this.#alerts.filter(({ facts }) => facts.incidentId === id);
    const open = all.filter(isOpen);
    if (open.length === 0) {
      incident.run = undefined;
      if (!all.every(isAcknowledged)) incident.acked = undefined;
      else if (incident.acked === undefined) {
        incident.policy ||= gravest(all).facts.policy;
        const since = all.map(({ facts }) => (news!.nowMs - facts.ackAtMs!) / MINUTE_MS);
        incident.acked = Math.min(...since);
      }
      return;
    }
    incident.acked = undefined;
    const newcomer = open.find(({ facts }) => facts.id === news?.graver);
    if (incident.run !== undefined && newcomer !== undefined && newcomer.own > incident.run.rank) {
      if (newcomer.facts.policy === incident.policy && !incident.run.over) incident.run.rank = newcomer.own;
      else incident.run = undefined;
    }
    if (incident.run !== undefined) return;
    incident.policy = gravest(open).facts.policy;
    incident.run = { rank: gravest(open).own, loop: 1, step: 0, minutes: 0, idle: 0, told: [], over: false };
  }

  /** Whether there was something to do. */
  #perform(id: string, incident: NaiveIncident, actions: Action[]): boolean {
    const { run } = incident;
    const policy = this.#policies.get(incident.policy)!;
    const all = this.#alerts.filter(({ facts }) => facts.incidentId === id);
    if (run === undefined) {
      if (incident.acked === undefined || incident.acked * MINUTE_MS < (policy.ackTimeoutMs ?? Infinity)) return false;
      for (const alert of all) alert.lapsed = alert.facts.ackAtMs;
      this.#settle(id, incident);
      return true;
    }
    const open = all.filter(isOpen);
    const alertIds = open.map(({ facts }) => facts.id);
    const step = policy.steps[run.step];
    if (run.over) {
      if (run.idle * MINUTE_MS < policy.repeatIntervalMs) return false;
      const last = policy.steps.length;
      const receivers = policy.steps[last - 1].notify;
      actions.push({
        kind: "notify",
        incidentId: id,
        policy: policy.name,
        step: last,
        loop: run.loop,
        isReminder: true,
        receivers,
        alertIds,
      });
    } else if (step !== undefined) {
      if (run.minutes * MINUTE_MS < step.afterMs) return false;
      const severity = step.raiseSeverity;
      const milder = open.filter(({ facts }) => severity !== undefined && rankOf(facts.severity) < rankOf(severity));
      if (milder.length > 0) {
        for (const alert of milder) {
          alert.raised = rankOf(severity!);
          alert.facts = { ...alert.facts, severity: severity! };
        }
        actions.push({
          kind: "raise",
          incidentId: id,
          policy: policy.name,
          step: run.step + 1,
          loop: run.loop,
          alertIds: milder.map(({ facts }) => facts.id),
          severity: severity!,
        });
      }
      run.step++;
      run.told = [...step.notify];
      const receivers = step.notify;
      actions.push({
        kind: "notify",
        incidentId: id,
        policy: policy.name,
        step: run.step,
        loop: run.loop,
        isReminder: false,
        receivers,
        alertIds,
      });
    } else {
      if (run.idle * MINUTE_MS < policy.repeatAfterMs) return false;
      if (run.loop > policy.repeat) {
        run.over = true;
        const place = { policy: policy.name, step: run.step, loop: run.loop };
        actions.push({ kind: "exhausted", incidentId: id, ...place, alertIds });
      } else Object.assign(run, { loop: run.loop + 1, step: 0, minutes: 0, told: [] });
    }
    run.idle = 0;
    return true;
  }
}

function isAcknowledged({ facts, lapsed }: NaiveAlert): boolean {
  return facts.isAcknowledged && facts.ackAtMs !== lapsed;
}

function isOpen(alert: NaiveAlert): boolean {
  return !isAcknowledged(alert) && !alert.facts.isMuted;
}

function gravest(alerts: readonly NaiveAlert[]): NaiveAlert {
  return alerts.toSorted((a, b) => b.own - a.own)[0];
}
