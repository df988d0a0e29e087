/** Escalations in simulated time, with a shell that raises severities, and a store of their documents. */
import type { Action } from "../../../src/alerts/escalation/escalation-action.ts";
import type { EscalationConfig } from "../../../src/alerts/escalation/escalation-config.ts";
import type { EscalationFacts } from "../../../src/alerts/escalation/escalation-facts.ts";
import { Escalations } from "../../../src/alerts/escalation/escalations.ts";

export interface RigOptions {
  readonly config: EscalationConfig;
  readonly restartsAfterEveryStep?: boolean;
  onAction?(action: Action, atMs: number): void;
}

/** A Monday. */
export const START_MS = Date.UTC(2026, 0, 5);

export class Rig {
  readonly #options: RigOptions;
  readonly documents = new Map<string, string>();
  /** Those that fire, as they were put last. */
  readonly alerts = new Map<string, EscalationFacts>();
  escalations: Escalations;
  /** Since the start, however the wall clock was set. */
  #elapsedMs = 0;
  #skewMs = 0;
  #config: EscalationConfig;

  constructor(options: RigOptions) {
    this.#options = options;
    this.#config = options.config;
    this.escalations = new Escalations(options.config);
  }

  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  get wallMs(): number {
    return START_MS + this.#elapsedMs + this.#skewMs;
  }

  /** Does all that is due up to a time, each at its own time. */
  goTo(elapsedMs: number): void {
    for (;;) {
      const nextMs = this.escalations.nextMs - START_MS - this.#skewMs;
      if (nextMs > elapsedMs) break;
      this.#elapsedMs = Math.max(this.#elapsedMs, nextMs);
      this.#step();
    }
    this.#elapsedMs = elapsedMs;
  }

  put(facts: EscalationFacts): void {
    if (facts.isFiring) this.alerts.set(facts.id, facts);
    else this.alerts.delete(facts.id);
    this.escalations.put(facts, this.wallMs);
    this.#step();
  }

  fails(receiver: string, alertIds: readonly string[]): void {
    this.escalations.receiverFailed(receiver, alertIds, this.wallMs);
    this.#step();
  }

  setClock(byMs: number): void {
    this.#skewMs += byMs;
    this.#step();
  }

  /** As after kill -9: what was written down is all there is. */
  restart(config = this.#config): void {
    this.#config = config;
    const documents = [...this.documents].map(([key, value]) => ({ key, value })).reverse();
    this.escalations = Escalations.restore(config, documents, this.wallMs);
    this.#step();
  }

  /** The server is not there for so long. */
  sleep(forMs: number): void {
    this.#elapsedMs += forMs;
    this.restart();
  }

  #step(): void {
    for (;;) {
      const actions = this.escalations.due(this.wallMs);
      this.#save();
      if (actions.length === 0) break;
      for (const action of actions) {
        this.#options.onAction?.(action, this.#elapsedMs);
        if (action.kind === "raise") this.#raise(action.alertIds, action.severity);
      }
    }
    if (this.#options.restartsAfterEveryStep !== true) return;
    const documents = [...this.documents].map(([key, value]) => ({ key, value }));
    this.escalations = Escalations.restore(this.#config, documents, this.wallMs);
  }

  #raise(alertIds: readonly string[], severity: EscalationFacts["severity"]): void {
    for (const id of alertIds) {
      const facts = { ...this.alerts.get(id)!, severity };
      this.alerts.set(id, facts);
      this.escalations.put(facts, this.wallMs);
    }
  }

  #save(): void {
    for (const { key, value } of this.escalations.changes()) {
      if (value === null) this.documents.delete(key);
      else this.documents.set(key, value);
    }
  }
}
