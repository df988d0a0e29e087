/** A notifier in simulated time, with receivers that work, fail or hang, and a store of its documents. */
import type { AlertFacts } from "../../../src/alerts/notify/alert-facts.ts";
import type { Delivery } from "../../../src/alerts/notify/delivery.ts";
import { Notifier, type NotifierOptions } from "../../../src/alerts/notify/notifier.ts";
import type { NotifyConfig } from "../../../src/alerts/notify/notify-config.ts";
import type { NotifyEvent } from "../../../src/alerts/notify/notify-event.ts";

export type ReceiverState = "works" | "fails" | "hangs";

export interface RigOptions extends NotifierOptions {
  readonly config: NotifyConfig;
  /** Wherever nothing is in flight. */
  readonly restartsAfterEveryStep?: boolean;
  onDelivery?(delivery: Delivery, atMs: number): void;
  onEvent?(event: NotifyEvent, atMs: number): void;
}

export const START_MS = Date.UTC(2026, 0, 1);

export class Rig {
  readonly #options: RigOptions;
  readonly #states = new Map<string, ReceiverState>();
  readonly #hanging: Delivery[] = [];
  readonly documents = new Map<string, string>();
  notifier: Notifier;
  /** Since the start, however the wall clock was set. */
  #elapsedMs = 0;
  #skewMs = 0;

  constructor(options: RigOptions) {
    this.#options = options;
    this.notifier = new Notifier(options.config, options);
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
      const nextMs = this.notifier.nextMs - START_MS - this.#skewMs;
      if (nextMs > elapsedMs) break;
      this.#elapsedMs = Math.max(this.#elapsedMs, nextMs);
      this.#step();
    }
    this.#elapsedMs = elapsedMs;
  }

  put(alert: AlertFacts): void {
    this.notifier.put(alert, this.wallMs);
    this.#step();
  }

  do(change: (notifier: Notifier, nowMs: number) => void): void {
    change(this.notifier, this.wallMs);
    this.#step();
  }

  receiver(name: string, state: ReceiverState): void {
    this.#states.set(name, state);
    if (state === "hangs") return;
    for (const delivery of this.#hanging.splice(0)) {
      if (delivery.receiver === name) this.#settle(delivery, state);
      else this.#hanging.push(delivery);
    }
    this.#step();
  }

  setClock(byMs: number): void {
    this.#skewMs += byMs;
    this.#step();
  }

  /** As after kill -9: what was written down is all there is. */
  restart(): void {
    this.#save();
    this.#hanging.length = 0;
    const documents = [...this.documents].map(([key, value]) => ({ key, value }));
    this.notifier = Notifier.restore(this.#options.config, documents, this.wallMs, this.#options);
    this.#step();
  }

  #step(): void {
    for (;;) {
      const deliveries = this.notifier.due(this.wallMs);
      this.#save();
      for (const event of this.notifier.takeEvents()) this.#options.onEvent?.(event, this.#elapsedMs);
      if (deliveries.length === 0) break;
      for (const delivery of deliveries) {
        this.#options.onDelivery?.(delivery, this.#elapsedMs);
        const state = this.#states.get(delivery.receiver) ?? "works";
        if (state === "hangs") this.#hanging.push(delivery);
        else this.#settle(delivery, state);
      }
    }
    if (this.#options.restartsAfterEveryStep !== true || this.#hanging.length > 0) return;
    const documents = [...this.documents].map(([key, value]) => ({ key, value }));
    this.notifier = Notifier.restore(this.#options.config, documents, this.wallMs, this.#options);
  }

  #settle({ id }: Delivery, state: ReceiverState): void {
    this.notifier.settle(id, state === "works" ? "sent" : "failed", this.wallMs);
  }

  #save(): void {
    for (const { key, value } of this.notifier.changes()) {
      if (value === null) this.documents.delete(key);
      else this.documents.set(key, value);
    }
  }
}
