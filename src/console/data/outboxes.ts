/** What was written in each session and is not kept yet: also in those that one has left. */
import { computed, signal } from "@preact/signals";
import type { Outbox } from "./outbox.ts";

export class Outboxes {
  readonly #make: (sessionId: string) => Outbox;
  readonly #all = signal<ReadonlyMap<string, Outbox>>(new Map());

  constructor(make: (sessionId: string) => Outbox) {
    this.#make = make;
  }

  /** So many would be lost with the page. */
  readonly waiting = computed(() => {
    return [...this.#all.value.values()].reduce((sum, { waiting }) => sum + waiting.value, 0);
  });

  /** How many were refused, by session. */
  readonly refused = computed((): ReadonlyMap<string, number> => {
    const counts = [...this.#all.value].map(([sessionId, { unsent }]): [string, number] => {
      return [sessionId, unsent.value.filter(({ state }) => state === "refused").length];
    });
    return new Map(counts.filter(([, count]) => count > 0));
  });

  /** The one that there was before, as long as something in it is not kept. */
  of(sessionId: string): Outbox {
    const outbox = this.#all.peek().get(sessionId) ?? this.#make(sessionId);
    const others = [...this.#all.peek()].filter(([id, { unsent }]) => {
      return id !== sessionId && unsent.peek().some(({ state }) => state !== "sent");
    });
    this.#all.value = new Map([...others, [sessionId, outbox]]);
    return outbox;
  }
}
