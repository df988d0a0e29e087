/**
 * Channels of a Redis Cluster: each belongs to the master of its slot, also after that has moved. A connection for each master
 * that has one of them.
 */
import type { Cluster, Redis as Client } from "ioredis";
import { readSlots, lookAtMasters, shardName, type ClusterSlots } from "./cluster-slots.ts";
import type { RedisHost } from "./redis-url.ts";
import { orAnew, watch, type SubscriptionListener, type Subscriptions } from "./subscriptions.ts";

export interface ShardSubscriptionsDeps {
  readonly cluster: Cluster;
  connect(shard: RedisHost): Client;
  readonly listener: SubscriptionListener;
}

export class ShardSubscriptions implements Subscriptions {
  readonly #deps: ShardSubscriptionsDeps;
  /** Its slot, once it is known. */
  readonly #channels = new Map<string, number | undefined>();
  /** By names of shards. */
  readonly #clients = new Map<string, Client>();
  /** The shard that has said it tells of the channel. */
  readonly #places = new Map<string, string>();
  #looking: Promise<void> | undefined;

  constructor(deps: ShardSubscriptionsDeps) {
    this.#deps = deps;
  }

  async add(channel: string): Promise<void> {
    this.#channels.set(channel, undefined);
    await this.#place(channel, await readSlots(this.#deps.cluster));
  }

  remove(channel: string): void {
    this.#channels.delete(channel);
    const shard = this.#places.get(channel);
    this.#places.delete(channel);
    this.#clients
      .get(shard ?? "")
      ?.sunsubscribe(channel)
      .catch(() => {});
  }

  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  close(): void {
    this.#channels.clear();
    for (const name of [...this.#clients.keys()]) this.#drop(name);
  }

  async #look(): Promise<void> {
    const { cluster } = this.#deps;
    const slots = await readSlots(cluster);
    await lookAtMasters(cluster, slots);
    await Promise.all([...this.#channels.keys()].map((channel) => this.#place(channel, slots)));
    const used = new Set([...this.#channels.values()].map((slot) => (slot === undefined ? "" : nameIn(slots, slot))));
    for (const name of [...this.#clients.keys()]) if (!used.has(name)) this.#drop(name);
    await Promise.all([...this.#clients.values()].map((client) => orAnew(client, client.ping())));
  }

  async #place(channel: string, slots: ClusterSlots): Promise<void> {
    const slot = this.#channels.get(channel) ?? Number(await this.#deps.cluster.cluster("KEYSLOT", channel));
    if (!this.#channels.has(channel)) return;
    this.#channels.set(channel, slot);
    const name = nameIn(slots, slot);
    // A master that has lost the slot tells no more of it by itself.
    if (this.#places.get(channel) === name) return;
    const client = this.#client(slots.masterOf(slot)!);
    await client.ssubscribe(channel);
    if (this.#channels.has(channel)) this.#places.set(channel, name);
    else client.sunsubscribe(channel).catch(() => {});
  }

  #client(shard: RedisHost): Client {
    const { connect, listener } = this.#deps;
    const name = shardName(shard);
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const client = connect(shard);
    this.#clients.set(name, client);
    client.on("smessageBuffer", (channel: Buffer, message: Buffer) => listener.onMessage(channel.toString(), message));
    const onTrouble = (error: unknown) => {
      this.#forget(name);
      listener.onTrouble(error);
    };
    watch(client, { onTrouble, onChange: listener.onChange });
    // It says by itself that a channel's slot is another one's now, and not which.
    client.on("moved", () => {
      this.#forget(name);
      listener.onChange();
    });
    return client;
  }

  /** Nothing that it told of is certain any more. */
  #forget(name: string): void {
    for (const [channel, place] of this.#places) if (place === name) this.#places.delete(channel);
  }

  #drop(name: string): void {
    const client = this.#clients.get(name);
    this.#clients.delete(name);
    this.#forget(name);
    client?.removeAllListeners();
    client?.on("error", () => {});
    client?.disconnect();
  }
}

function nameIn(slots: ClusterSlots, slot: number): string {
  return shardName(slots.masterOf(slot)!);
}
