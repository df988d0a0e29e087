/**
 * Goes up the ladder while nobody acknowledges: gives alerts to escalation as they are told of, writes down what it decides,
 * and carries that out. What a restart finds unsent is sent again.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";
import { allDocuments } from "./all-documents.ts";
import type { AlertRecord } from "./alert.ts";
import type { Action } from "./escalation/escalation-action.ts";
import type { EscalationConfig } from "./escalation/escalation-config.ts";
import type { EscalationFacts } from "./escalation/escalation-facts.ts";
import { Escalations } from "./escalation/escalations.ts";
import type { NotifyJournal } from "./notifying.ts";
import type { Rule } from "./rule.ts";
import { rankOf, type Severity } from "./severity.ts";

export interface EscalatingDeps {
  readonly journal: NotifyJournal;
  readonly clock: Clock;
  /** Active ones. */
  active(): Iterable<AlertRecord>;
  /** As it stands, where it is active or ended lately. */
  get(id: string): AlertRecord | undefined;
  ruleOf(name: string): Rule | undefined;
  isMuted(alertId: string): boolean;
  raise(alert: AlertRecord, severity: Severity): void;
  /** Resolves with false where nobody knows what became of it. */
  tell(receiver: string, incidentId: string, alerts: readonly AlertRecord[], isRepeated: boolean): Promise<boolean>;
  /** Nobody has acknowledged, and nobody else is there to tell. */
  exhausted(incidentId: string, alerts: readonly AlertRecord[]): void;
  /** It is over, or somebody has. */
  answered(incidentId: string): void;
  onTrouble(sentence: string): void;
}

/** A notification of a step that is not known to have been sent. */
interface Unsent {
  readonly receiver: string;
  readonly incidentId: string;
  readonly alertIds: readonly string[];
}

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
const DOCUMENTS = "escalations";
const SEND = "send:";
const EXHAUSTED = "exhausted:";
const DOCUMENTS_AT_ONCE = 500;
const RETRY_MS = 1_000;
/** What holds alerts back is looked at again so long after something may have changed. */
const MUTES_AFTER_MS = 1_000;
const TIMER_MS_MAX = 86_400_000;

export class Escalating {
  readonly #deps: EscalatingDeps;
  #config: EscalationConfig;
  #escalations: Escalations;
  /** Of which the world was told that they are exhausted. */
  #exhausted: ReadonlySet<string>;
  /** Documents that are to be written, as they are now. */
  readonly #unwritten = new Map<string, string | null>();
  #isAsked = false;
  #isPumping = false;
  #isClosed = false;
  #cancelTimer = () => {};
  #cancelMutes: (() => void) | null = null;

  private constructor(deps: EscalatingDeps, config: EscalationConfig, state: State) {
    this.#deps = deps;
    this.#config = config;
    this.#escalations = state.escalations;
    this.#exhausted = state.exhausted;
  }

  /** Goes on where the run before ended. */
  static async open(deps: EscalatingDeps, config: EscalationConfig): Promise<Escalating> {
    const state = await restored(deps, config);
    const escalating = new Escalating(deps, config, state);
    escalating.#resume(state);
    return escalating;
  }

  /** Other policies from now on; incidents go on where they have them still. After the receivers are reloaded. */
  async reload(config: EscalationConfig): Promise<void> {
    await this.#write();
    const state = await restored(this.#deps, config);
    this.#config = config;
    this.#escalations = state.escalations;
    this.#exhausted = state.exhausted;
    this.#resume(state);
  }

  /** An alert was told of. */
  take(alert: AlertRecord): void {
    if (this.#config.policies.length === 0) return;
    this.#put(alert);
    this.#pump();
  }

  /** What holds alerts back may be another now. */
  mutesChanged(): void {
    if (this.#config.policies.length === 0 || this.#cancelMutes !== null || this.#isClosed) return;
    this.#cancelMutes = this.#deps.clock.after(MUTES_AFTER_MS, () => {
      this.#cancelMutes = null;
      this.#look();
      this.#pump();
    });
  }

  receiverFailed(receiver: string, alertIds: readonly string[]): void {
    this.#escalations.receiverFailed(receiver, alertIds, this.#deps.clock.nowMs());
    this.#pump();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#cancelMutes?.();
    await this.#write().catch(() => {});
  }

  #resume({ unsent, escalations }: State): void {
    const known = new Set(escalations.firingIds());
    for (const alert of this.#deps.active()) {
      known.delete(alert.id);
      this.#put(alert);
    }
    for (const id of known) this.#leave(id);
    for (const [key, one] of unsent) void this.#send(key, one, true);
    this.#pump();
  }

  /** All that it knows, as they stand. */
  #look(): void {
    for (const id of this.#escalations.firingIds()) {
      const alert = this.#deps.get(id);
      if (alert === undefined) this.#leave(id);
      else this.#put(alert);
    }
  }

  #put(alert: AlertRecord): void {
    const { id, incidentId, severity, acknowledged, clearedAtMs } = alert;
    const policy = this.#deps.ruleOf(alert.rule)?.escalation ?? "";
    const isFiring = clearedAtMs === null;
    const isAcknowledged = acknowledged !== null;
    const ackAtMs = acknowledged?.atMs ?? null;
    const isMuted = policy !== "" && isFiring && this.#deps.isMuted(id);
    const facts = { id, incidentId, policy, severity, isFiring, isAcknowledged, ackAtMs, isMuted };
    this.#escalations.put(facts, this.#deps.clock.nowMs());
  }

  /** It ended while nobody looked. */
  #leave(id: string): void {
    this.#escalations.put({ ...OVER, id }, this.#deps.clock.nowMs());
  }

  #pump(): void {
    this.#isAsked = true;
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    queueMicrotask(() => void this.#run());
  }

  async #run(): Promise<void> {
    let retryInMs = Infinity;
    while (this.#isAsked && !this.#isClosed) {
      this.#isAsked = false;
      retryInMs = Infinity;
      const nowMs = this.#deps.clock.nowMs();
      // What begins to be held back by the clock alone is not told of.
      if (this.#escalations.nextMs <= nowMs) this.#look();
      const actions = this.#escalations.due(nowMs);
      const unsent = actions.flatMap(unsentOf);
      for (const [key, one] of unsent) this.#unwritten.set(key, JSON.stringify(one));
      const exhausted = new Set(this.#escalations.exhausted());
      this.#noteExhausted(exhausted);
      try {
        await this.#write();
      } catch (error) {
        // People are told all the same; after a crash they may be told again.
        this.#deps.onTrouble(`escalation cannot be written down: ${messageOf(error)}`);
        retryInMs = RETRY_MS;
      }
      for (const action of actions) this.#perform(action);
      for (const [key, one] of unsent) void this.#send(key, one, false);
      for (const id of this.#exhausted) if (!exhausted.has(id)) this.#deps.answered(id);
      this.#exhausted = exhausted;
    }
    this.#isPumping = false;
    this.#wakeAfter(Math.min(retryInMs, this.#escalations.nextMs - this.#deps.clock.nowMs()));
  }

  #wakeAfter(delayMs: number): void {
    if (delayMs === Infinity || this.#isClosed) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#deps.clock.after(Math.min(Math.max(1, delayMs), TIMER_MS_MAX), () => this.#pump());
  }

  #noteExhausted(exhausted: ReadonlySet<string>): void {
    for (const id of exhausted) if (!this.#exhausted.has(id)) this.#unwritten.set(EXHAUSTED + id, "true");
    for (const id of this.#exhausted) if (!exhausted.has(id)) this.#unwritten.set(EXHAUSTED + id, null);
  }

  #perform(action: Action): void {
    if (action.kind === "notify") return;
    const alerts = this.#standing(action.alertIds);
    if (action.kind === "raise") {
      for (const alert of alerts) this.#deps.raise(alert, action.severity);
      return;
    }
    try {
      this.#deps.exhausted(action.incidentId, alerts);
    } catch (error) {
      this.#deps.onTrouble(`nobody has acknowledged incident ${action.incidentId}, and that: ${messageOf(error)}`);
    }
  }

  async #send(key: string, { receiver, incidentId, alertIds }: Unsent, isRepeated: boolean): Promise<void> {
    // Between the decision and now somebody may have answered.
    const alerts = this.#standing(alertIds).filter(({ acknowledged }) => acknowledged === null);
    alerts.sort((a, b) => rankOf(b.severity) - rankOf(a.severity) || a.firedAtMs - b.firedAtMs);
    const isKnown = alerts.length === 0 || (await this.#deps.tell(receiver, incidentId, alerts, isRepeated));
    if (!isKnown) return;
    this.#unwritten.set(key, null);
    await this.#write().catch(() => this.#wakeAfter(RETRY_MS));
  }

  #standing(alertIds: readonly string[]): AlertRecord[] {
    return alertIds.flatMap((id) => {
      const alert = this.#deps.get(id);
      return alert === undefined || alert.clearedAtMs !== null ? [] : [alert];
    });
  }

  async #write(): Promise<void> {
    for (const { key, value } of this.#escalations.changes()) this.#unwritten.set(key, value);
    while (this.#unwritten.size > 0) {
      const some = [...this.#unwritten].slice(0, DOCUMENTS_AT_ONCE);
      const changes = some.map(([key, value]): DocumentChange => ({ collection: DOCUMENTS, key, sort: 0, value }));
      await this.#deps.journal.append([], changes);
      // One that has changed meanwhile is to be written again.
      for (const [key, value] of some) if (this.#unwritten.get(key) === value) this.#unwritten.delete(key);
    }
  }
}

/** One for each receiver of an incident: the next step takes the place of one that has not got there. */
function unsentOf(action: Action): [key: string, unsent: Unsent][] {
  if (action.kind !== "notify") return [];
  const { incidentId, receivers, alertIds } = action;
  return receivers.map((receiver) => [`${SEND}${incidentId} ${receiver}`, { receiver, incidentId, alertIds }]);
}

interface State {
  readonly escalations: Escalations;
  readonly exhausted: ReadonlySet<string>;
  readonly unsent: readonly (readonly [key: string, unsent: Unsent])[];
}

async function restored({ journal, clock }: EscalatingDeps, config: EscalationConfig): Promise<State> {
  const documents = await Array.fromAsync(allDocuments(journal, DOCUMENTS));
  const named = (kind: string) => documents.filter(({ key }) => key.startsWith(kind));
  return {
    escalations: Escalations.restore(config, documents, clock.nowMs()),
    exhausted: new Set(named(EXHAUSTED).map(({ key }) => key.slice(EXHAUSTED.length))),
    unsent: named(SEND).map(({ key, value }) => [key, JSON.parse(value) as Unsent] as const),
  };
}
