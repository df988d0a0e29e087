/**
 * Changes on their way to the journal. A hundred thousand may wait: they hold what stood, and their text is made when their
 * turn comes.
 */
import type { DocumentChange } from "../model/journal.ts";
import { documentsOf, eventOf, INSTANCE_EVENT, instanceKey, INSTANCES, instanceText } from "./alert-documents.ts";
import type { AlertEvent, AlertRecord } from "./alert.ts";
import type { Rows, Writing } from "./alert-writer.ts";
import type { Change, Instance } from "./instance.ts";
import type { Rule } from "./rule.ts";
import type { SavedInstance } from "./saved-instance.ts";

/** Where an instance stood. */
export interface InstanceState {
  readonly atMs: number;
  readonly rule: Rule;
  readonly key: string;
  /** That it fires. */
  readonly alert: AlertRecord | null;
  /** Null: it is gone. */
  readonly saved: SavedInstance | null;
}

/** Whoever tells others of what is written. */
export interface AlertHearer {
  told(event: AlertEvent, position: number | null): void;
  written(position: number): void;
}

/** `aliveAtMs`: now in the time that instances know; null: the instance is gone. */
export function stateOf(
  instance: Instance,
  alert: AlertRecord | undefined,
  atMs: number,
  aliveAtMs: number | null,
): InstanceState {
  const { rule, key } = instance;
  return {
    atMs,
    rule,
    key,
    alert: alert === undefined || alert.clearedAtMs !== null ? null : alert,
    saved: aliveAtMs === null ? null : instance.save(aliveAtMs),
  };
}

export class AlertWriting implements Writing {
  readonly #event: AlertEvent;
  readonly #state: InstanceState | null;
  readonly #others: readonly DocumentChange[];
  readonly #hearer: AlertHearer;

  /** `others`: what changes with it. */
  constructor(event: AlertEvent, state: InstanceState | null, others: readonly DocumentChange[], hearer: AlertHearer) {
    this.#event = event;
    this.#state = state;
    this.#others = others;
    this.#hearer = hearer;
  }

  rows(): Rows {
    const { alert } = this.#event;
    const alertText = JSON.stringify(alert);
    const state = this.#state === null ? [] : [documentOf(this.#state, alertText)];
    return {
      event: eventOf(this.#event, alertText),
      documents: [...documentsOf(alert, alertText), ...state, ...this.#others],
    };
  }

  told(position: number | null): void {
    this.#hearer.told(this.#event, position);
  }

  written(position: number): void {
    this.#hearer.written(position);
  }
}

export class InstanceWriting implements Writing {
  readonly #change: Change;
  readonly #state: InstanceState;
  readonly #hearer: AlertHearer;

  constructor(change: Change, state: InstanceState, hearer: AlertHearer) {
    this.#change = change;
    this.#state = state;
    this.#hearer = hearer;
  }

  rows(): Rows {
    const { atMs, rule, key, alert } = this.#state;
    const payload = JSON.stringify({ change: this.#change, rule: rule.name, key });
    return {
      event: { atMs, kind: INSTANCE_EVENT, subject: instanceKey(rule, key), actor: "", payload },
      documents: [documentOf(this.#state, alert === null ? "" : JSON.stringify(alert))],
    };
  }

  told(position: number | null): void {
    if (position !== null) this.#hearer.written(position);
  }

  written(position: number): void {
    this.#hearer.written(position);
  }
}

/** `alertText`: of the alert it fires, where it fires one. */
function documentOf({ atMs, rule, key, alert, saved }: InstanceState, alertText: string): DocumentChange {
  const value = saved === null ? null : instanceText(rule, key, saved, alert === null ? null : alertText);
  return { collection: INSTANCES, key: instanceKey(rule, key), sort: atMs, value };
}
