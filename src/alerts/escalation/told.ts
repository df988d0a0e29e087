/** Who was told by steps of which alerts of an incident, and is to hear when it is over. Pure. */
import type { EscalationDocument } from "./escalation-document.ts";

export interface ToldReceiver {
  readonly receiver: string;
  readonly alertIds: readonly string[];
}

const TOLD = "told:";
/** Of one incident and receiver, the last ones: more than are said in one notification. */
const ALERTS_MAX = 1_000;

export class Told {
  readonly #byIncident = new Map<string, readonly ToldReceiver[]>();
  readonly #changed = new Set<string>();

  /** Goes on from the documents of {@link changes}; those of others are let be. */
  constructor(documents: Iterable<EscalationDocument>) {
    for (const { key, value } of documents) {
      if (value === null || !key.startsWith(TOLD)) continue;
      this.#byIncident.set(key.slice(TOLD.length), JSON.parse(value) as ToldReceiver[]);
    }
  }

  get incidentIds(): Iterable<string> {
    return this.#byIncident.keys();
  }

  has(incidentId: string): boolean {
    return this.#byIncident.has(incidentId);
  }

  of(incidentId: string): readonly ToldReceiver[] {
    return this.#byIncident.get(incidentId) ?? [];
  }

  note(incidentId: string, receiver: string, alertIds: readonly string[]): void {
    const told = this.of(incidentId);
    const before = told.find((each) => each.receiver === receiver)?.alertIds ?? [];
    const all = [...new Set([...before, ...alertIds])].slice(-ALERTS_MAX);
    const others = told.filter((each) => each.receiver !== receiver);
    this.#byIncident.set(incidentId, [...others, { receiver, alertIds: all }]);
    this.#changed.add(incidentId);
  }

  forget(incidentId: string): void {
    if (this.#byIncident.delete(incidentId)) this.#changed.add(incidentId);
  }

  /** Documents that have changed since they were last taken, as they are now. */
  changes(): EscalationDocument[] {
    const ids = [...this.#changed];
    this.#changed.clear();
    return ids.map((id) => {
      const told = this.#byIncident.get(id);
      return { key: TOLD + id, value: told === undefined ? null : JSON.stringify(told) };
    });
  }
}
