import type { Frame } from "../model/frame.ts";
import type { Bus, FrameSubscriber } from "./bus.ts";

/** The bus of a single node: a function call away. */
export class MemoryBus implements Bus {
  readonly #subscribers = new Set<FrameSubscriber>();
  readonly #onError: (error: unknown) => void;

  /** `onError` hears of what a subscriber threw. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  publish(frame: Frame): void {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(frame);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  subscribe(subscriber: FrameSubscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => void this.#subscribers.delete(subscriber);
  }
}
