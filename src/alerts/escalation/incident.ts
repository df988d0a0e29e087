/**
 * One incident: its alerts, and how far its escalation has come. While any of them is open (not acknowledged, not muted) it
 * runs; while none is because of what mutes them it is paused, and begins anew afterwards; once all are acknowledged it
 * rests until one joins that is not, an acknowledgement is void, or they have not ended in time.
 *
 * It goes by the policy of the gravest alert that was open since it began: of several, of the one that joined first. One that
 * is graver and has another policy begins it anew. That it is over, or less grave, changes nothing: who was to be told of it
 * is told for as long as nobody has looked. So alerts that come and go cannot keep it at its first step.
 */
import { rankOf } from "../severity.ts";
import type { Sleeper } from "../wake-queue.ts";
import type { Action, EscalationPlace, NotifyAction } from "./escalation-action.ts";
import type { EscalationPolicy, EscalationStep } from "./escalation-config.ts";
import type { EscalationFacts } from "./escalation-facts.ts";
import { Member, type StoredMember } from "./member.ts";
import {
  afterExhausted,
  afterLoop,
  afterReminder,
  afterStep,
  hurried,
  nextOf,
  shifted,
  startRun,
  type Run,
} from "./run.ts";

export interface IncidentDeps {
  /** By their names: those of all members are there. */
  readonly policies: ReadonlyMap<string, EscalationPolicy>;
  /** Who stands behind the names of receivers and schedules, each once. */
  receiversOf(names: readonly string[], nowMs: number): string[];
  /** Of a member; what is to be written down has changed. */
  onMember(id: string): void;
}

/** As it is written down, without its members. */
export interface StoredIncident {
  readonly policy: string;
  readonly run: Run | null;
  readonly ackedAtMs: number | null;
}

export class Incident implements Sleeper {
  /** For the queue. */
  wakesAtMs = Infinity;
  readonly id: string;
  readonly #deps: IncidentDeps;
  /** In the order in which they joined. */
  readonly #members = new Map<string, Member>();
  #lastNth = 0;
  #open = 0;
  #unacknowledged = 0;
  /** That of the last run, or of the one there would be. */
  #policy = "";
  #run: Run | undefined;
  /** When the last of them was acknowledged; undefined while one is not. */
  #ackedAtMs: number | undefined;

  constructor(id: string, deps: IncidentDeps) {
    this.id = id;
    this.#deps = deps;
  }

  /** As it was written down, with those of its members that the configuration still has a policy for. */
  static restore(id: string, stored: StoredIncident, members: readonly StoredMember[], deps: IncidentDeps): Incident {
    const incident = new Incident(id, deps);
    for (const member of members) incident.#add(Member.restore(member));
    const { policies } = deps;
    incident.#policy = policies.has(stored.policy) ? stored.policy : "";
    incident.#run = stored.run !== null && policies.has(stored.run.policy) ? stored.run : undefined;
    incident.#ackedAtMs = stored.ackedAtMs ?? undefined;
    return incident;
  }

  save(): StoredIncident {
    return { policy: this.#policy, run: this.#run ?? null, ackedAtMs: this.#ackedAtMs ?? null };
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get isExhausted(): boolean {
    return this.#run?.isExhausted === true;
  }

  /** That of the gravest alert of the run; 0 where it does not run. */
  get rank(): number {
    return this.#run?.rank ?? 0;
  }

  /** The latest of what has been; to find a clock that stands behind it. */
  get latestMs(): number {
    return Math.max(this.#run?.lastAtMs ?? -Infinity, this.#ackedAtMs ?? -Infinity);
  }

  member(id: string): Member | undefined {
    return this.#members.get(id);
  }

  dueAtMs(): number {
    if (this.isEmpty) return Infinity;
    if (this.#run !== undefined) return nextOf(this.#run, this.#policyOf(this.#run)).atMs;
    const { ackTimeoutMs = Infinity } = this.#deps.policies.get(this.#policy) ?? {};
    return (this.#ackedAtMs ?? Infinity) + ackTimeoutMs;
  }

  /** An alert fires that was not in it; `before`: as it was elsewhere. */
  join(facts: EscalationFacts, before: Member | undefined, nowMs: number): void {
    const nth = this.#lastNth + 1;
    const member = before?.moved(facts, nth) ?? new Member(facts, nth);
    this.#add(member);
    this.#deps.onMember(facts.id);
    this.#settle(nowMs);
    // Nothing more is to come of one that is exhausted, and this one is news.
    if (this.isExhausted && member.isOpen) this.#start(nowMs);
    this.#weigh(member, nowMs);
  }

  /** A member is otherwise than it was. */
  change(member: Member, facts: EscalationFacts, nowMs: number): void {
    this.#count(member, -1);
    const isAckNew = facts.ackAtMs !== member.facts.ackAtMs;
    member.change(facts);
    this.#count(member, 1);
    this.#deps.onMember(member.id);
    this.#settle(nowMs);
    this.#weigh(member, nowMs);
    if (!isAckNew || this.#ackedAtMs === undefined) return;
    this.#ackedAtMs = Math.max(this.#ackedAtMs, ackedAtMs(member, nowMs));
  }

  /** An alert is over, or no longer part of it. */
  leave(member: Member, nowMs: number): void {
    this.#count(member, -1);
    this.#members.delete(member.id);
    this.#deps.onMember(member.id);
    this.#settle(nowMs);
  }

  /** After a restart: what the configuration now makes of it. Returns whether that is something else. */
  resume(nowMs: number): boolean {
    const [run, ackedAtMs] = [this.#run, this.#ackedAtMs];
    this.#settle(nowMs);
    return run !== this.#run || ackedAtMs !== this.#ackedAtMs;
  }

  /** Does all that is due. */
  perform(nowMs: number): Action[] {
    const actions: Action[] = [];
    while (this.dueAtMs() <= nowMs) {
      if (this.#run === undefined) this.#lapse(nowMs);
      else actions.push(...this.#advance(this.#run, nowMs));
    }
    return actions;
  }

  /** Some alerts of it could not be told to a receiver, three times in a row. */
  receiverFailed(receiver: string, nowMs: number): void {
    if (this.#run === undefined) return;
    this.#run = hurried(this.#run, this.#policyOf(this.#run), receiver, nowMs);
  }

  /** Moves all that has been by the difference; negative when the clock went back. */
  shift(byMs: number): void {
    if (this.#run !== undefined) this.#run = shifted(this.#run, byMs);
    if (this.#ackedAtMs !== undefined) this.#ackedAtMs += byMs;
  }

  #add(member: Member): void {
    this.#members.set(member.id, member);
    this.#lastNth = Math.max(this.#lastNth, member.nth);
    this.#count(member, 1);
  }

  #count(member: Member, by: 1 | -1): void {
    if (member.isOpen) this.#open += by;
    if (!member.isAcknowledged) this.#unacknowledged += by;
  }

  #settle(nowMs: number): void {
    if (this.#open > 0) {
      this.#ackedAtMs = undefined;
      if (this.#run === undefined) this.#start(nowMs);
      return;
    }
    this.#run = undefined;
    if (this.#unacknowledged > 0) this.#ackedAtMs = undefined;
    else if (this.#ackedAtMs === undefined) this.#rest(nowMs);
  }

  #start(nowMs: number): void {
    const gravest = gravestOf(this.#openMembers());
    this.#policy = gravest.facts.policy;
    this.#run = startRun(this.#policy, gravest.ownRank, nowMs);
  }

  #rest(nowMs: number): void {
    if (this.isEmpty) return;
    const members = [...this.#members.values()];
    if (this.#policy === "") this.#policy = gravestOf(members).facts.policy;
    this.#ackedAtMs = members.reduce((latestMs, member) => Math.max(latestMs, ackedAtMs(member, nowMs)), -Infinity);
  }

  /** Whether a member is graver than all before it. */
  #weigh(member: Member, nowMs: number): void {
    const run = this.#run;
    if (run === undefined || !member.isOpen || member.ownRank <= run.rank) return;
    const goesOn = member.facts.policy === run.policy && !run.isExhausted;
    if (goesOn) this.#run = { ...run, rank: member.ownRank };
    else this.#start(nowMs);
  }

  /** Acknowledged, and not over in time. */
  #lapse(nowMs: number): void {
    for (const member of this.#members.values()) {
      this.#count(member, -1);
      member.lapse();
      this.#count(member, 1);
      this.#deps.onMember(member.id);
    }
    this.#settle(nowMs);
  }

  #advance(run: Run, nowMs: number): Action[] {
    const policy = this.#policyOf(run);
    const next = nextOf(run, policy);
    switch (next.kind) {
      case "step":
        return this.#step(run, next.step, nowMs);
      case "loop":
        this.#run = afterLoop(run, nowMs);
        return [];
      case "exhausted":
        this.#run = afterExhausted(run, nowMs);
        return [{ kind: "exhausted", incidentId: this.id, ...placeOf(run, run.step - 1), alertIds: this.#openIds() }];
      case "reminder":
        this.#run = afterReminder(run, nowMs);
        return this.#notify(run, lastThatNotifies(policy), nowMs);
    }
  }

  #step(run: Run, step: EscalationStep, nowMs: number): Action[] {
    const notify = this.#notify(run, run.step, nowMs);
    this.#run = afterStep(run, notify[0]?.receivers ?? [], nowMs);
    return [...this.#raise(run, step), ...notify];
  }

  /** None where there is nobody to be told; `step` counts from 0. */
  #notify(run: Run, step: number, nowMs: number): NotifyAction[] {
    const receivers = this.#deps.receiversOf(this.#policyOf(run).steps[step]?.notify ?? [], nowMs);
    if (receivers.length === 0) return [];
    const { id: incidentId } = this;
    const isReminder = run.isExhausted;
    return [{ kind: "notify", incidentId, ...placeOf(run, step), isReminder, receivers, alertIds: this.#openIds() }];
  }

  #raise(run: Run, { raiseSeverity: severity }: EscalationStep): Action[] {
    if (severity === undefined) return [];
    const rank = rankOf(severity);
    const milder = this.#openMembers().filter(({ facts }) => rankOf(facts.severity) < rank);
    for (const member of milder) {
      member.raiseTo(rank);
      this.#deps.onMember(member.id);
    }
    const alertIds = milder.map(({ id }) => id);
    if (alertIds.length === 0) return [];
    return [{ kind: "raise", incidentId: this.id, ...placeOf(run, run.step), alertIds, severity }];
  }

  #openMembers(): Member[] {
    return [...this.#members.values()].filter(({ isOpen }) => isOpen);
  }

  #openIds(): string[] {
    return this.#openMembers().map(({ id }) => id);
  }

  #policyOf({ policy }: Run): EscalationPolicy {
    return this.#deps.policies.get(policy)!;
  }
}

/** `step` counts from 0. */
function placeOf({ policy, loop }: Run, step: number): EscalationPlace {
  return { policy, step: step + 1, loop: loop + 1 };
}

/** The first of them; there has to be one. */
function gravestOf(members: readonly Member[]): Member {
  return members.reduce((gravest, member) => (member.ownRank > gravest.ownRank ? member : gravest));
}

/** Not in time to come: other clocks may be ahead. */
function ackedAtMs({ facts }: Member, nowMs: number): number {
  return Math.min(nowMs, facts.ackAtMs ?? nowMs);
}

/** Counted from 0; -1 where none does. */
function lastThatNotifies({ steps }: EscalationPolicy): number {
  return steps.findLastIndex(({ notify }) => notify.length > 0);
}
