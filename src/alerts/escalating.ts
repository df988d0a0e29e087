/**
 * Goes up the ladder while nobody acknowledges: gives alerts to escalation as they are told of, writes down what it decides,
 * and carries that out. Who was told by a step hears when the incident is over. What a restart finds unsent is sent again.
 */
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";
import { isTakenOver } from "../model/lasting-journal.ts";
import { allDocuments } from "./all-documents.ts";
import type { AlertRecord } from "./alert.ts";
import {
  byGravity,
  EscalatedAlerts,
  MUTES_AFTER_MS,
  type EscalatedAlertsDeps,
  type OverIncident,
} from "./escalated-alerts.ts";
import type { Action } from "./escalation/escalation-action.ts";
import type { EscalationConfig } from "./escalation/escalation-config.ts";
import { Escalations } from "./escalation/escalations.ts";
import { Told } from "./escalation/told.ts";
import type { NotifyJournal, Telling } from "./notifying.ts";
import { Rounds } from "./rounds.ts";
import type { Severity } from "./severity.ts";

export interface EscalatingDeps extends EscalatedAlertsDeps {
  readonly journal: NotifyJournal;
  readonly clock: Clock;
  /** Active ones. */
  active(): Iterable<AlertRecord>;
  /** The same as `get` however long ago it ended; undefined where nobody knows. */
  find(id: string): Promise<AlertRecord | undefined>;
  raise(alert: AlertRecord, severity: Severity): void;
  /** That alerts fire, or are over where all are. */
  tell(receiver: string, incidentId: string, alerts: readonly AlertRecord[], isRepeated: boolean): Promise<Telling>;
  /** Nobody has acknowledged, and nobody else is there to tell. Resolves when that is durable. */
  exhausted(incidentId: string, alerts: readonly AlertRecord[]): Promise<void>;
  /** It is over, or somebody has. */
  answered(incidentId: string): void;
  /** Incidents of which it stands that nobody has acknowledged them. */
  unanswered(): Iterable<string>;
  onTrouble(sentence: string): void;
}

/** A notification that is not known to have been sent: of a step, or that the incident is over. */
interface Unsent {
  readonly receiver: string;
  readonly incidentId: string;
  readonly alertIds: readonly string[];
  readonly isOver: boolean;
}

const DOCUMENTS = "escalations";
const SEND = "send:";
const EXHAUSTED = "exhausted:";
/** Documents of exhausted incidents: whether the world is known to have been told. */
const [DUE, SAID] = ["false", "true"];
const DOCUMENTS_AT_ONCE = 500;
const RETRY_MS = 1_000;

export class Escalating {
  readonly #deps: EscalatingDeps;
  #config: EscalationConfig;
  #escalations: Escalations;
  #alerts: EscalatedAlerts;
  #told: Told;
  /** What is on its way, by key. */
  readonly #sending = new Map<string, Unsent>();
  /** Exhausted incidents of which the world is not known to have been told. */
  #due: Set<string>;
  #hasResumed = true;
  /** Documents that are to be written, as they are now. */
  readonly #unwritten = new Map<string, string | null>();
  readonly #rounds: Rounds;
  #cancelMutes: (() => void) | null = null;

  private constructor(deps: EscalatingDeps, config: EscalationConfig, state: State) {
    this.#deps = deps;
    this.#rounds = new Rounds(deps.clock, () => this.#round());
    this.#config = config;
    this.#escalations = state.escalations;
    this.#alerts = new EscalatedAlerts(state.escalations, deps, state.told, state.exhausted);
    this.#told = state.told;
    this.#due = state.due;
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
    // What is done after it was read would be done again.
    await this.#rounds.hold(async () => {
      await this.#write();
      const state = await restored(this.#deps, config);
      this.#config = config;
      this.#escalations = state.escalations;
      this.#alerts = new EscalatedAlerts(state.escalations, this.#deps, state.told, state.exhausted);
      this.#told = state.told;
      this.#due = state.due;
      this.#resume(state);
    });
  }

  /** An alert was told of. */
  take(alert: AlertRecord): void {
    if (this.#config.policies.length === 0 && !this.#alerts.isTold(alert.incidentId)) return;
    this.#alerts.put(alert, this.#deps.clock.nowMs());
    this.#rounds.ask();
  }

  /** What holds alerts back may be another now. */
  mutesChanged(): void {
    if (this.#config.policies.length === 0 || this.#cancelMutes !== null || this.#rounds.isClosed) return;
    this.#cancelMutes = this.#deps.clock.after(MUTES_AFTER_MS, () => {
      this.#cancelMutes = null;
      this.#alerts.look(this.#deps.clock.nowMs());
      this.#rounds.ask();
    });
  }

  receiverFailed(receiver: string, alertIds: readonly string[]): void {
    this.#escalations.receiverFailed(receiver, alertIds, this.#deps.clock.nowMs());
    this.#rounds.ask();
  }

  async close(): Promise<void> {
    this.#rounds.close();
    this.#cancelMutes?.();
    await this.#write().catch(() => {});
  }

  #resume({ unsent, escalations }: State): void {
    const nowMs = this.#deps.clock.nowMs();
    const known = new Set(escalations.firingIds());
    for (const alert of this.#deps.active()) {
      known.delete(alert.id);
      this.#alerts.put(alert, nowMs);
    }
    for (const id of known) this.#alerts.leave(id, nowMs);
    for (const [key, one] of unsent) void this.#send(key, one, true);
    this.#hasResumed = true;
    this.#rounds.ask();
  }

  /** Resolves with when there is more to do. */
  async #round(): Promise<number> {
    let retryInMs = Infinity;
    const { actions, exhausted, answered, over } = this.#alerts.due(this.#deps.clock.nowMs());
    const unsent = [...actions.flatMap(unsentOf), ...over.map(overOf)];
    for (const [key, one] of unsent) this.#unwritten.set(key, JSON.stringify(one));
    for (const id of exhausted) this.#unwritten.set(EXHAUSTED + id, DUE);
    for (const id of answered) this.#unwritten.set(EXHAUSTED + id, null);
    try {
      await this.#write();
    } catch (error) {
      if (isTakenOver(error)) return Infinity;
      // People are told all the same; after a crash they may be told again.
      this.#deps.onTrouble(`escalation cannot be written down: ${messageOf(error)}`);
      retryInMs = RETRY_MS;
    }
    for (const action of actions) this.#perform(action);
    const isDoubtful = this.#deps.journal.isHolding === true;
    for (const [key, one] of unsent) void this.#send(key, one, isDoubtful);
    for (const id of answered) this.#deps.answered(id);
    if (this.#hasResumed) this.#makeGood();
    this.#hasResumed = false;
    return Math.min(retryInMs, this.#escalations.nextMs - this.#deps.clock.nowMs());
  }

  /** What a run that was killed had written down and did not come to do. */
  #makeGood(): void {
    const unanswered = new Set(this.#deps.unanswered());
    for (const id of unanswered) if (!this.#alerts.isExhausted(id)) this.#deps.answered(id);
    for (const id of this.#due) {
      if (!this.#alerts.isExhausted(id)) continue;
      if (unanswered.has(id)) this.#unwritten.set(EXHAUSTED + id, SAID);
      else void this.#say(id, this.#openOf(id));
    }
    if (this.#due.size > 0) this.#rounds.ask();
    this.#due.clear();
  }

  #openOf(id: string): AlertRecord[] {
    return [...this.#deps.active()].filter(
      ({ incidentId, acknowledged }) => incidentId === id && acknowledged === null,
    );
  }

  async #say(incidentId: string, alerts: readonly AlertRecord[]): Promise<void> {
    try {
      await this.#deps.exhausted(incidentId, alerts);
    } catch (error) {
      this.#deps.onTrouble(`nobody has acknowledged incident ${incidentId}, and that: ${messageOf(error)}`);
      return;
    }
    if (this.#alerts.isExhausted(incidentId)) this.#unwritten.set(EXHAUSTED + incidentId, SAID);
    this.#rounds.ask();
  }

  #perform(action: Action): void {
    if (action.kind === "notify") return;
    const alerts = this.#alerts.standing(action.alertIds);
    if (action.kind === "raise") {
      for (const alert of alerts) this.#deps.raise(alert, action.severity);
      return;
    }
    void this.#say(action.incidentId, alerts);
  }

  async #send(key: string, unsent: Unsent, isRepeated: boolean): Promise<void> {
    const { receiver, incidentId, alertIds, isOver } = unsent;
    this.#sending.set(key, unsent);
    const alerts = isOver ? await this.#ended(alertIds) : this.#alerts.unanswered(alertIds);
    const tell = () => this.#deps.tell(receiver, incidentId, alerts, isRepeated);
    const telling = alerts.length === 0 ? "failed" : await tell();
    if (this.#sending.get(key) !== unsent) return;
    this.#sending.delete(key);
    if (telling === "unknown") return;
    this.#unwritten.set(key, null);
    if (telling === "told" && !isOver) {
      this.#alerts.noteTold(incidentId, receiver, alerts);
      this.#rounds.ask();
    }
    await this.#write().catch(() => this.#rounds.askAfter(RETRY_MS));
  }

  async #ended(alertIds: readonly string[]): Promise<AlertRecord[]> {
    const all = await Promise.all(alertIds.map((id) => this.#deps.get(id) ?? this.#deps.find(id)));
    return all.filter((alert) => alert !== undefined).sort(byGravity);
  }

  async #write(): Promise<void> {
    const changed = [...this.#escalations.changes(), ...this.#told.changes()];
    for (const { key, value } of changed) this.#unwritten.set(key, value);
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
  return receivers.map((receiver) => [keyOf(incidentId, receiver), { receiver, incidentId, alertIds, isOver: false }]);
}

function overOf(over: OverIncident): [key: string, unsent: Unsent] {
  return [keyOf(over.incidentId, over.receiver), { ...over, isOver: true }];
}

function keyOf(incidentId: string, receiver: string): string {
  return `${SEND}${incidentId} ${receiver}`;
}

interface State {
  readonly escalations: Escalations;
  readonly told: Told;
  readonly exhausted: readonly string[];
  readonly due: Set<string>;
  readonly unsent: readonly (readonly [key: string, unsent: Unsent])[];
}

async function restored({ journal, clock }: EscalatingDeps, config: EscalationConfig): Promise<State> {
  const documents = await Array.fromAsync(allDocuments(journal, DOCUMENTS));
  const named = (kind: string) => documents.filter(({ key }) => key.startsWith(kind));
  const exhausted = named(EXHAUSTED).map(({ key, value }) => ({ id: key.slice(EXHAUSTED.length), value }));
  return {
    escalations: Escalations.restore(config, documents, clock.nowMs()),
    told: new Told(documents),
    exhausted: exhausted.map(({ id }) => id),
    due: new Set(exhausted.filter(({ value }) => value === DUE).map(({ id }) => id)),
    unsent: named(SEND).map(({ key, value }) => [key, JSON.parse(value) as Unsent] as const),
  };
}
