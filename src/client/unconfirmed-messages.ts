/** Messages that wait until the server has said that it keeps them: sent one after the other, and again on every new stream. */
import { WatchpostError } from "../model/errors.ts";
import type { CollaborationMessage } from "../wire/gen/collaboration_pb.ts";

interface Waiting {
  readonly message: CollaborationMessage;
  readonly bytes: number;
  readonly resolve: (kept: CollaborationMessage) => void;
  readonly reject: (error: unknown) => void;
}

export const UNCONFIRMED_MAX = 1_000;
export const UNCONFIRMED_BYTES_MAX = 8 * 1024 * 1024;

export class UnconfirmedMessages {
  /** By client_message_id, in the order in which they were given. */
  readonly #waiting = new Map<string, Waiting>();
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;

  get size(): number {
    return this.#waiting.size;
  }

  /** The one that is to be sent next; undefined: there is none. */
  get first(): { readonly id: string; readonly message: CollaborationMessage } | undefined {
    for (const [id, { message }] of this.#waiting) return { id, message };
    return undefined;
  }

  /** Resolves as {@link settle} is told. Throws RESOURCE_EXHAUSTED where too many wait, or what {@link fail} was told. */
  add(id: string, message: CollaborationMessage): Promise<CollaborationMessage> {
    const bytes = Buffer.byteLength(message.message);
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#waiting.size >= UNCONFIRMED_MAX || this.#bytes + bytes > UNCONFIRMED_BYTES_MAX) {
      const held = `${this.#waiting.size} messages of ${this.#bytes} bytes wait to be confirmed`;
      const wanted = `wanted at most ${UNCONFIRMED_MAX} of ${UNCONFIRMED_BYTES_MAX} bytes`;
      return Promise.reject(new WatchpostError("RESOURCE_EXHAUSTED", `not sent: ${held}, ${wanted}`));
    }
    this.#bytes += bytes;
    return new Promise((resolve, reject) => this.#waiting.set(id, { message, bytes, resolve, reject }));
  }

  find(id: string): CollaborationMessage | undefined {
    return this.#waiting.get(id)?.message;
  }

  /** Whether it waited. */
  settle(id: string, outcome: CollaborationMessage | WatchpostError): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    this.#bytes -= waiting.bytes;
    if (outcome instanceof WatchpostError) waiting.reject(outcome);
    else waiting.resolve(outcome);
    return true;
  }

  /** None of them, and nothing later, will be confirmed. */
  fail(error: WatchpostError): void {
    this.#failure ??= { error };
    for (const id of [...this.#waiting.keys()]) this.settle(id, error);
  }
}
