/** Several nodes of one process that share a journal over a real Redis, each with directories of its own. */
import { create } from "@bufbuild/protobuf";
import { join } from "node:path";
import { openRedis } from "../../../src/cluster/redis/open-redis.ts";
import { parseRedisUrl } from "../../../src/cluster/redis/redis-url.ts";
import type { Redis } from "../../../src/cluster/redis/redis.ts";
import type { JournalPlace } from "../../../src/cluster/shared/open-replica.ts";
import { SharedJournal, type SharedJournalDeps } from "../../../src/cluster/shared/shared-journal.ts";
import type { Journal } from "../../../src/log/journal.ts";
import type { LogClient } from "../../../src/log/log-client.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { DocumentChange, JournalEntry, StoredDocument } from "../../../src/model/journal.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { NodeRecordSchema, type SharedStatePage } from "../../../src/wire/gen/nodes_pb.ts";
import { openLog, spawn } from "../../log/harness.ts";
import { tempDir } from "../../support/server-process.ts";
import { type RedisServer, startRedis } from "../redis-server.ts";
import { FaultyRedis } from "./faulty-redis.ts";

export const GRACE_MS = 400;
const FOUND_AFTER_MS = 100;

export interface SharedNode {
  readonly id: string;
  readonly redis: FaultyRedis;
  readonly own: LogClient;
  readonly shared: SharedJournal;
  readonly journal: Journal;
  /** What {@link journal} heard. */
  readonly heard: JournalEntry[];
  readonly heardChanges: DocumentChange[];
  readonly news: string[];
  readonly troubles: string[];
  readonly errors: unknown[];
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  readonly deps?: Partial<SharedJournalDeps>;
  /** Whether it is waited for until it can append; the default: it is. */
  readonly isReady?: boolean;
}

export class SharedCluster implements AsyncDisposable {
  readonly nodes = new Map<string, SharedNode>();
  readonly #url: string;
  readonly #server: RedisServer | undefined;
  /** Those that are out of a backup and wait for their place. */
  readonly #restored = new Map<string, JournalPlace>();
  readonly #dir = tempDir("shared");

  private constructor(url: string, server?: RedisServer) {
    this.#url = url;
    this.#server = server;
  }

  static async start(settings: readonly string[] = []): Promise<SharedCluster> {
    const server = await startRedis(settings);
    return new SharedCluster(server.url, server);
  }

  /** On a Redis that is not its own. */
  static on(url: string): SharedCluster {
    return new SharedCluster(url);
  }

  /** Its own. */
  get server(): RedisServer {
    return this.#server!;
  }

  /** The data directory of a node. */
  dirOf(id: string): string {
    return join(this.#dir.path, id);
  }

  /** A connection of nobody's. */
  async redis(): Promise<Redis> {
    const redis = openRedis(parseRedisUrl(this.#url)!, { clock: systemClock, name: "test" });
    await until(() => redis.isUp, "Redis is up");
    return redis;
  }

  async open(id: string, { signal, deps = {}, isReady = true }: OpenOptions = {}): Promise<SharedNode> {
    const data = this.dirOf(id);
    const redis = new FaultyRedis(openRedis(parseRedisUrl(this.#url)!, { clock: systemClock, name: id }));
    const { log: own } = await openLog(data);
    const [news, troubles, errors]: [string[], string[], unknown[]] = [[], [], []];
    const leave = async () => {
      await redis.close();
      await own.close();
    };
    let shared: SharedJournal;
    try {
      shared = await SharedJournal.open({
        ...{ data, redis, prefix: "test", nodeId: id, spawn, clock: systemClock, own },
        ...{ graceMs: GRACE_MS, foundAfterMs: FOUND_AFTER_MS },
        ...(signal === undefined ? {} : { signal }),
        members: () => [
          ...this.#members().map((node) => recordOf(node.id, node.shared, "here")),
          ...[...this.#restored].map(([other, place]) => recordOf(other, place, "")),
        ],
        onRestored: (place) => void this.#restored.set(id, place),
        readSharedState: (afterPosition) => this.#readOthers(id, afterPosition),
        onCrash: (error) => errors.push(error),
        onListenerError: (error) => errors.push(error),
        onDamage: (sentence) => errors.push(sentence),
        onTrouble: (sentence) => troubles.push(sentence),
        onNews: (sentence) => news.push(sentence),
        ...deps,
      });
    } catch (error) {
      await leave();
      throw error;
    } finally {
      this.#restored.delete(id);
    }
    const journal = shared.journal();
    const heard: JournalEntry[] = [];
    const heardChanges: DocumentChange[] = [];
    journal.follow((entries) => heard.push(...entries));
    journal.followChanges((changes) => heardChanges.push(...changes));
    let closed: Promise<void> | undefined;
    const close = () =>
      (closed ??= (async () => {
        if (this.nodes.get(id) === node) this.nodes.delete(id);
        const ended = journal.close();
        await shared.close();
        await ended;
        await leave();
      })());
    const node: SharedNode = {
      ...{ id, redis, own, shared, journal, heard, heardChanges, news, troubles, errors, close },
    };
    this.nodes.set(id, node);
    if (isReady)
      await until(
        () => shared.trouble === "",
        () => `${id} can append: ${shared.trouble}`,
      );
    return node;
  }

  /** Until all nodes can append and are at one position. */
  async settled(): Promise<void> {
    const nodes = [...this.nodes.values()];
    const stands = () => nodes.map(({ id, shared }) => `${id}: ${shared.position} ${shared.trouble}`).join("\n");
    const isSettled = () =>
      nodes.every(({ shared }) => shared.trouble === "" && shared.position === nodes[0].shared.position);
    await until(isSettled, stands);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.close()));
    await this.#server?.[Symbol.asyncDispose]();
    this.#dir[Symbol.dispose]();
  }

  /** A node that is cut off cannot write itself down. */
  #members(): SharedNode[] {
    return [...this.nodes.values()].filter(({ redis }) => redis.isUp);
  }

  async *#readOthers(id: string, afterPosition: number): AsyncGenerator<SharedStatePage> {
    const own = this.nodes.get(id)?.shared.position ?? 0;
    const other = this.#members().find((node) => node.id !== id && node.shared.position > own);
    if (other === undefined) throw new WatchpostError("UNAVAILABLE", "no member has more");
    yield* other.shared.readState(afterPosition);
  }
}

export function recordOf(nodeId: string, { epoch, position }: JournalPlace, address = "") {
  return create(NodeRecordSchema, { nodeId, address, journalEpoch: BigInt(epoch), journalPosition: BigInt(position) });
}

export async function until(condition: () => boolean, what: string | (() => string)): Promise<void> {
  const endMs = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`waited too long: ${typeof what === "string" ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Everything that a journal holds. */
export async function contentOf(
  journal: Journal,
  collections: readonly string[],
): Promise<{ readonly entries: readonly JournalEntry[]; readonly documents: readonly StoredDocument[] }> {
  const lists = await Promise.all(collections.map((collection) => journal.documents({ collection, limit: 100_000 })));
  return { entries: await journal.read({ after: 0, limit: 1_000_000 }), documents: lists.flat() };
}
