/**
 * Who is told when nobody looks: escalation of incidents, step by step and loop by loop, until somebody acknowledges or all
 * is over. A pure core: the shell brings alerts and the time, writes down what has changed, and then carries out what is due.
 * Alerts whose rule names no policy that is known do not escalate: they are not heard of here.
 */
import { WakeQueue } from "../wake-queue.ts";
import type { Action } from "./escalation-action.ts";
import type { EscalationConfig } from "./escalation-config.ts";
import { documentKey, partsOfKey, readDocuments, type EscalationDocument } from "./escalation-document.ts";
import type { EscalationFacts } from "./escalation-facts.ts";
import { Incident, type IncidentDeps, type StoredIncident } from "./incident.ts";
import type { StoredMember } from "./member.ts";
import { onCallAt } from "./on-call.ts";

/** A clock that goes back by no more is taken to stand still. */
const STEP_BACK_MS = 1_000;
const NOT_BEGUN: StoredIncident = { policy: "", run: null, ackedAtMs: null };

export class Escalations {
  readonly #deps: IncidentDeps;
  readonly #incidents = new Map<string, Incident>();
  /** Where each alert is. */
  readonly #byAlert = new Map<string, Incident>();
  readonly #queue = new WakeQueue<Incident>();
  readonly #exhausted = new Set<string>();
  /** Keys of documents. */
  #changed = new Set<string>();
  #nowMs = -Infinity;

  constructor({ policies, schedules }: EscalationConfig) {
    const byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
    this.#deps = {
      policies: new Map(policies.map((policy) => [policy.name, policy])),
      receiversOf: (names, nowMs) => {
        const receivers = names.map((name) => {
          const schedule = byName.get(name);
          return schedule === undefined ? name : onCallAt(schedule, nowMs);
        });
        return [...new Set(receivers)];
      },
      onMember: (id) => void this.#changed.add(documentKey("member", id)),
    };
  }

  /**
   * Goes on where the documents of {@link changes} leave off. What became due meanwhile is due now. An incident whose policy
   * is gone begins anew with one that its alerts have; where they have none it is forgotten.
   */
  static restore(config: EscalationConfig, documents: Iterable<EscalationDocument>, nowMs: number): Escalations {
    const escalations = new Escalations(config);
    escalations.#restore(documents, nowMs);
    return escalations;
  }

  /** When {@link due} next has something to do, or a little earlier; Infinity: never. Every call may change it. */
  get nextMs(): number {
    return this.#queue.nextAtMs;
  }

  /** An alert fired, changed, was acknowledged or muted, or is over. The same again changes nothing. */
  put(facts: EscalationFacts, nowMs: number): void {
    this.#goTo(nowMs);
    const incident = this.#byAlert.get(facts.id);
    const member = incident?.member(facts.id);
    const isHere = facts.isFiring && this.#deps.policies.has(facts.policy);
    const isSame = isHere && member?.facts.incidentId === facts.incidentId && member.facts.policy === facts.policy;
    if (incident !== undefined && member !== undefined) {
      if (isSame) {
        if (isSameFacts(member.facts, facts)) return;
        incident.change(member, facts, this.#nowMs);
      } else {
        incident.leave(member, this.#nowMs);
        this.#byAlert.delete(facts.id);
      }
      this.#schedule(incident);
    }
    if (!isHere || isSame) return;
    const joined = this.#incidents.get(facts.incidentId) ?? this.#open(new Incident(facts.incidentId, this.#deps));
    this.#byAlert.set(facts.id, joined);
    joined.join(facts, member, this.#nowMs);
    this.#schedule(joined);
  }

  /** A receiver could not be told of alerts three times in a row: the next step is due at once. */
  receiverFailed(receiver: string, alertIds: readonly string[], nowMs: number): void {
    this.#goTo(nowMs);
    for (const incident of new Set(alertIds.map((id) => this.#byAlert.get(id)))) {
      incident?.receiverFailed(receiver, this.#nowMs);
      if (incident !== undefined) this.#schedule(incident);
    }
  }

  /**
   * What is to be done now: for each incident in order, the gravest incidents first. {@link changes} has to be durable
   * before it is done. Severities that were raised come back by {@link put}.
   */
  due(nowMs: number): Action[] {
    this.#goTo(nowMs);
    const due: { readonly incident: Incident; readonly actions: readonly Action[] }[] = [];
    for (;;) {
      const incident = this.#queue.take(this.#nowMs);
      if (incident === undefined) break;
      const actions = incident.perform(this.#nowMs);
      due.push({ incident, actions });
      this.#schedule(incident);
    }
    due.sort(({ incident: a }, { incident: b }) => b.rank - a.rank || (a.id < b.id ? -1 : 1));
    return due.flatMap(({ actions }) => actions);
  }

  /** Incidents whose loops are exhausted and that nobody has acknowledged since, in no order. */
  exhausted(): string[] {
    return [...this.#exhausted];
  }

  /** Whether an alert of it fires that escalates, acknowledged or not. */
  has(incidentId: string): boolean {
    return this.#incidents.has(incidentId);
  }

  /** Of alerts that fire, as far as it knows, in no order. */
  firingIds(): string[] {
    return [...this.#byAlert.keys()];
  }

  /** Documents that have changed since they were last taken, as they are now. */
  changes(): EscalationDocument[] {
    const keys = this.#changed;
    this.#changed = new Set();
    return [...keys].map((key) => {
      const stored = this.#storedOf(key);
      return { key, value: stored === undefined ? null : JSON.stringify(stored) };
    });
  }

  /** The same where nobody writes them down. */
  forgetChanges(): void {
    this.#changed.clear();
  }

  #open(incident: Incident): Incident {
    this.#incidents.set(incident.id, incident);
    return incident;
  }

  /** After a change: makes sure that it comes up when it is due, and is written down. */
  #schedule(incident: Incident): void {
    this.#changed.add(documentKey("incident", incident.id));
    this.#enqueue(incident);
  }

  #enqueue(incident: Incident): void {
    if (incident.isExhausted) this.#exhausted.add(incident.id);
    else this.#exhausted.delete(incident.id);
    if (incident.isEmpty) this.#incidents.delete(incident.id);
    else this.#queue.schedule(incident, this.#nowMs);
  }

  #goTo(nowMs: number): void {
    if (nowMs < this.#nowMs - STEP_BACK_MS) this.#shift(nowMs - this.#nowMs);
    else nowMs = Math.max(nowMs, this.#nowMs);
    this.#nowMs = nowMs;
  }

  /** What has been stays as long ago as it was, and what is to come as far away. Who is on call keeps to the wall clock. */
  #shift(byMs: number): void {
    for (const incident of this.#incidents.values()) {
      incident.shift(byMs);
      this.#schedule(incident);
    }
  }

  #storedOf(key: string): unknown {
    const { kind, name } = partsOfKey(key);
    if (kind === "incident") return this.#incidents.get(name)?.save();
    return this.#byAlert.get(name)?.member(name)?.save();
  }

  #restore(documents: Iterable<EscalationDocument>, nowMs: number): void {
    const { incidents, members } = readDocuments(documents);
    const isKnown = ({ facts }: StoredMember) => this.#deps.policies.has(facts.policy);
    for (const { facts } of members.filter((member) => !isKnown(member))) this.#deps.onMember(facts.id);
    const byIncident = Map.groupBy(members.filter(isKnown), ({ facts }) => facts.incidentId);
    for (const [id, known] of byIncident) {
      const stored = incidents.get(id) ?? NOT_BEGUN;
      const incident = this.#open(Incident.restore(id, stored, known, this.#deps));
      for (const { facts } of known) this.#byAlert.set(facts.id, incident);
      this.#nowMs = Math.max(this.#nowMs, incident.latestMs);
    }
    for (const id of incidents.keys()) if (!byIncident.has(id)) this.#changed.add(documentKey("incident", id));
    this.#goTo(nowMs);
    for (const incident of this.#incidents.values()) {
      if (incident.resume(this.#nowMs)) this.#schedule(incident);
      else this.#enqueue(incident);
    }
  }
}

function isSameFacts(a: EscalationFacts, b: EscalationFacts): boolean {
  return (Object.keys(a) as (keyof EscalationFacts)[]).every((key) => Object.is(a[key], b[key]));
}
