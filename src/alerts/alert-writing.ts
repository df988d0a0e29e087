/**
 * Changes on their way to the journal. A hundred thousand may wait: they hold what stood, and their text is made when their
 * turn comes.
 */
import type { DocumentChange, JournalEvent } from "../model/journal.ts";
import {
  conditionHash,
  documentsOf,
  eventOf,
  INSTANCE_EVENT,
  INSTANCES,
  type StoredInstance,
} from "./alert-documents.ts";
import type { AlertEvent, AlertRecord } from "./alert.ts";
import type { Writing } from "./alert-writer.ts";
import type { Change, Instance } from "./instance.ts";
import type { Rule } from "./rule.ts";
import type { SavedInstance } from "./saved-instance.ts";

/** Where an instance stood. */
export interface InstanceState {
  readonly documentKey: string;
  readonly atMs: number;
  readonly rule: Rule;
  readonly key: string;
  /** Of the alert it fires; null: none. */
  readonly alertId: string | null;
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
    documentKey: `${rule.name}/${key}`,
    atMs,
    rule,
    key,
    alertId: alert === undefined || alert.clearedAtMs !== null ? null : alert.id,
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

  event(): JournalEvent {
    return eventOf(this.#event);
  }

  documents(): DocumentChange[] {
    const state = this.#state === null ? [] : [documentOf(this.#state)];
    return [...documentsOf(this.#event.alert), ...state, ...this.#others];
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
  readonly #atMs: number;
  readonly #state: InstanceState;
  readonly #others: readonly DocumentChange[];
  readonly #hearer: AlertHearer;

  /** `others`: what changes with it. */
  constructor(
    change: Change,
    atMs: number,
    state: InstanceState,
    others: readonly DocumentChange[],
    hearer: AlertHearer,
  ) {
    this.#change = change;
    this.#atMs = atMs;
    this.#state = state;
    this.#others = others;
    this.#hearer = hearer;
  }

  event(): JournalEvent {
    const { rule, key, documentKey } = this.#state;
    const payload = JSON.stringify({ change: this.#change, rule: rule.name, key });
    return { atMs: this.#atMs, kind: INSTANCE_EVENT, subject: documentKey, actor: "", payload };
  }

  documents(): DocumentChange[] {
    return [documentOf(this.#state), ...this.#others];
  }

  told(position: number | null): void {
    if (position !== null) this.#hearer.written(position);
  }

  written(position: number): void {
    this.#hearer.written(position);
  }
}

function documentOf({ documentKey, atMs, rule, key, alertId, saved }: InstanceState): DocumentChange {
  const place = { collection: INSTANCES, key: documentKey, sort: atMs };
  if (saved === null) return { ...place, value: null };
  const stored: StoredInstance = { rule: rule.name, key, alertId, condition: conditionHash(rule), state: saved };
  return { ...place, value: JSON.stringify(stored) };
}
