/** An alert of an incident as escalation keeps it, while it fires. */
import { rankOf } from "../severity.ts";
import type { EscalationFacts } from "./escalation-facts.ts";

/** As it is written down. */
export interface StoredMember {
  readonly facts: EscalationFacts;
  /** Those that joined the incident earlier have less. */
  readonly nth: number;
  /** Rank of its severity, but for what escalation has raised it to. */
  readonly ownRank: number;
  /** Rank that escalation has raised it to; 0: it has not. */
  readonly raisedRank: number;
  /** Time of an acknowledgement that was not followed by the end in time, and no longer counts; left out: there is none. */
  readonly lapsedAckMs?: number | null;
}

export class Member {
  readonly nth: number;
  #facts: EscalationFacts;
  #ownRank: number;
  #raisedRank = 0;
  #lapsedAckMs: number | null | undefined;

  constructor(facts: EscalationFacts, nth: number) {
    this.nth = nth;
    this.#facts = facts;
    this.#ownRank = rankOf(facts.severity);
  }

  static restore({ facts, nth, ownRank, raisedRank, lapsedAckMs }: StoredMember): Member {
    const member = new Member(facts, nth);
    member.#ownRank = ownRank;
    member.#raisedRank = raisedRank;
    member.#lapsedAckMs = lapsedAckMs;
    return member;
  }

  save(): StoredMember {
    const lapsed = this.#lapsedAckMs === undefined ? {} : { lapsedAckMs: this.#lapsedAckMs };
    return { facts: this.#facts, nth: this.nth, ownRank: this.#ownRank, raisedRank: this.#raisedRank, ...lapsed };
  }

  get id(): string {
    return this.#facts.id;
  }

  get facts(): EscalationFacts {
    return this.#facts;
  }

  /** Decides whose policy counts: by being raised an alert does not become the gravest. */
  get ownRank(): number {
    return this.#ownRank;
  }

  /** False also where the acknowledgement has lapsed. */
  get isAcknowledged(): boolean {
    return this.#facts.isAcknowledged && this.#facts.ackAtMs !== this.#lapsedAckMs;
  }

  get isOpen(): boolean {
    return !this.isAcknowledged && !this.#facts.isMuted;
  }

  change(facts: EscalationFacts): void {
    const rank = rankOf(facts.severity);
    this.#ownRank = rank > this.#raisedRank ? rank : Math.min(rank, this.#ownRank);
    this.#facts = facts;
  }

  /** The same in another incident, or under another policy. */
  moved(facts: EscalationFacts, nth: number): Member {
    const member = Member.restore({ ...this.save(), nth });
    member.change(facts);
    return member;
  }

  raiseTo(rank: number): void {
    this.#raisedRank = rank;
  }

  /** The acknowledgement that stands counts no more; another one does. */
  lapse(): void {
    this.#lapsedAckMs = this.#facts.ackAtMs;
  }
}
