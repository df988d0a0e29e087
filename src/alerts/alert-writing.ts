/**
 * Changes on their way to the journal. A hundred thousand may wait, so each is one object and the text of where its instance
 * stood, which is not collected as garbage among what stays; all other text is made when their turn comes.
 */
import type { DocumentChange } from "../model/journal.ts";
import { documentOfInstance, documentsOf, eventOf, INSTANCE_EVENT, instanceKey } from "./alert-documents.ts";
import type { AlertChange, AlertEvent, AlertRecord, Seen } from "./alert.ts";
import type { Rows, Writing } from "./alert-writer.ts";
import type { Change } from "./instance-listener.ts";
import type { Instance } from "./instance.ts";

/** Whoever tells others of what is written. */
export interface AlertHearer {
  told(event: AlertEvent, position: number | null): void;
  written(position: number): void;
}

type Said = Pick<AlertEvent, "actor" | "text">;
/** By the server itself. */
const NOTHING_SAID: Said = { actor: "", text: "" };

/** Of another size than an alert: it leaves no holes among those. */
export class AlertWriting implements AlertEvent, Writing {
  readonly change: AlertChange;
  readonly alert: AlertRecord;
  readonly before: Seen | null;
  readonly #said: Said;
  readonly #instance: Instance | null;
  readonly #state: string | null;
  readonly #others: readonly DocumentChange[];
  readonly #hearer: AlertHearer;

  /**
   * The change that made the alert what it is, as an event has it. `state`: of the instance, as JSON; null where it is gone.
   * `others`: what changes with it.
   */
  constructor(
    { change, actor, text, alert, before }: Omit<AlertEvent, "atMs">,
    instance: Instance | null,
    state: string | null,
    others: readonly DocumentChange[],
    hearer: AlertHearer,
  ) {
    this.change = change;
    this.alert = alert;
    this.before = before;
    this.#said = actor === "" && text === "" ? NOTHING_SAID : { actor, text };
    this.#instance = instance;
    this.#state = state;
    this.#others = others;
    this.#hearer = hearer;
  }

  get atMs(): number {
    return this.alert.updatedAtMs;
  }

  get actor(): string {
    return this.#said.actor;
  }

  get text(): string {
    return this.#said.text;
  }

  rows(): Rows {
    const { alert, atMs } = this;
    const alertText = JSON.stringify(alert);
    const documents = [...documentsOf(alert, alertText), ...this.#others];
    if (this.#instance !== null) {
      const firing = alert.clearedAtMs === null ? alertText : null;
      documents.push(documentOfInstance(this.#instance, atMs, this.#state, firing));
    }
    return { event: eventOf(this, alertText), documents };
  }

  told(position: number | null): void {
    this.#hearer.told(this, position);
  }

  written(position: number): void {
    this.#hearer.written(position);
  }
}

export class InstanceWriting implements Writing {
  readonly #change: Change;
  readonly #atMs: number;
  readonly #instance: Instance;
  readonly #state: string | null;
  readonly #alert: AlertRecord | undefined;
  readonly #hearer: AlertHearer;

  /** `state`: as JSON; null where it is gone. `alert`: that it fires. */
  constructor(
    change: Change,
    atMs: number,
    instance: Instance,
    state: string | null,
    alert: AlertRecord | undefined,
    hearer: AlertHearer,
  ) {
    this.#change = change;
    this.#atMs = atMs;
    this.#instance = instance;
    this.#state = state;
    this.#alert = alert;
    this.#hearer = hearer;
  }

  rows(): Rows {
    const { rule, key } = this.#instance;
    const payload = JSON.stringify({ change: this.#change, rule: rule.name, key });
    const alertText = this.#alert === undefined ? null : JSON.stringify(this.#alert);
    return {
      event: { atMs: this.#atMs, kind: INSTANCE_EVENT, subject: instanceKey(rule, key), actor: "", payload },
      documents: [documentOfInstance(this.#instance, this.#atMs, this.#state, alertText)],
    };
  }

  told(position: number | null): void {
    if (position !== null) this.#hearer.written(position);
  }

  written(position: number): void {
    this.#hearer.written(position);
  }
}
