/** Alerts that ended lately: changes of them are made on what is here, however long it takes to write them. */
import type { AlertRecord } from "./alert.ts";

const CLEARED_MAX = 10_000;

export class ClearedAlerts {
  /** By id, those that ended first, or were changed first since, in front. */
  readonly #alerts = new Map<string, AlertRecord>();

  get(id: string): AlertRecord | undefined {
    return this.#alerts.get(id);
  }

  /** Returns it. */
  remember(alert: AlertRecord): AlertRecord {
    this.#alerts.delete(alert.id);
    this.#alerts.set(alert.id, alert);
    for (const id of this.#alerts.keys()) {
      if (this.#alerts.size <= CLEARED_MAX) break;
      this.#alerts.delete(id);
    }
    return alert;
  }
}
