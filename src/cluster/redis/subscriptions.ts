/** Channels of one Redis that this node listens to, over a connection of their own. */
import type { Cluster, Redis as Client } from "ioredis";
import { messageOf } from "../../model/errors.ts";

/** They hold until they are removed, also after an outage; what was published meanwhile did not come. */
export interface Subscriptions {
  /** Resolves once what is published comes; where it rejects that is to be removed. */
  add(channel: string): Promise<void>;
  remove(channel: string): void;
  /** Resolves where all that were added hold and the Redis answers; brings those to it that do not. */
  look(): Promise<void>;
  close(): void;
}

export interface SubscriptionListener {
  onMessage(channel: string, message: Uint8Array): void;
  /** It is worth a look: a connection is there again, or something has moved. */
  onChange(): void;
  onTrouble(error: unknown): void;
}

/** What ioredis says of a command without an answer. */
const TIMED_OUT = "Command timed out";

/** Of a Redis that is no cluster: its client subscribes again by itself. */
export function plainSubscriptions(client: Client, listener: SubscriptionListener): Subscriptions {
  client.on("messageBuffer", (channel: Buffer, message: Buffer) => listener.onMessage(channel.toString(), message));
  watch(client, listener);
  return {
    add: async (channel) => void (await client.subscribe(channel)),
    remove: (channel) => void client.unsubscribe(channel).catch(() => {}),
    async look() {
      if (client.status !== "ready") throw new Error("there is no connection for subscriptions");
      await orAnew(client, client.ping());
    },
    close: () => client.disconnect(),
  };
}

export function watch(
  client: Client | Cluster,
  { onChange, onTrouble }: Omit<SubscriptionListener, "onMessage">,
): void {
  client.on("ready", onChange);
  // Each try to connect ends with them, after the error that says why.
  for (const end of ["close", "end"]) client.on(end, () => onTrouble(undefined));
  client.on("error", onTrouble);
}

/** Of a connection that keeps silent: it may be gone without a word, and another Redis be in the place of that one. It is made anew. */
export async function orAnew<T>(client: Client, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (messageOf(error) === TIMED_OUT && client.status === "ready") client.disconnect(true);
    throw error;
  }
}
