/** How everything stood at a time of a replay, whichever way one came there. Pure. */
import type { Alert } from "../../../wire/gen/alerts_pb.ts";
import type { Annotation } from "../../../wire/gen/annotations_pb.ts";
import type { AlertsThen, ReplayBuffer } from "./replay-buffer.ts";
import { countUpTo } from "./replay-series.ts";

export interface ReplayState {
  readonly atMs: number;
  /** So many of the buffer's messages had been said. */
  readonly said: number;
  /** So many of the buffer's changes of alerts had been heard. */
  readonly heard: number;
  /** Those that fire and those that are over. */
  readonly alerts: AlertsThen;
  readonly annotations: ReadonlyMap<string, Annotation>;
}

/** Goes forward by what is new; back, from the beginning. */
export class ReplayCursor {
  readonly #buffer: ReplayBuffer;
  #alerts = new Map<string, Alert>();
  #annotations = new Map<string, Annotation>();
  #heard = 0;
  #said = 0;

  constructor(buffer: ReplayBuffer) {
    this.#buffer = buffer;
  }

  seek(atMs: number): ReplayState {
    const { alerts, alertsAtMs, messages, messagesAtMs } = this.#buffer;
    const heard = countUpTo(alertsAtMs, alertsAtMs.length, atMs);
    const said = countUpTo(messagesAtMs, messagesAtMs.length, atMs);
    if (heard !== this.#heard) this.#alerts = new Map(heard < this.#heard ? [] : this.#alerts);
    for (let i = heard < this.#heard ? 0 : this.#heard; i < heard; i++) {
      const { alert } = alerts[i];
      if (alert !== undefined) this.#alerts.set(alert.id, alert);
    }
    if (said !== this.#said) this.#annotations = new Map(said < this.#said ? [] : this.#annotations);
    for (let i = said < this.#said ? 0 : this.#said; i < said; i++) {
      const { annotation } = messages[i];
      if (annotation?.removed) this.#annotations.delete(annotation.id);
      else if (annotation !== undefined) this.#annotations.set(annotation.id, annotation);
    }
    [this.#heard, this.#said] = [heard, said];
    return { atMs, said, heard, alerts: this.#alerts, annotations: this.#annotations };
  }
}
