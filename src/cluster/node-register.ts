/**
 * Which nodes there are, as documents of the journal that they share: a Redis that was emptied knows those alone that live. Each writes
 * itself down at its start and once a day; one that has not for a week is forgotten.
 */
import type { Journal } from "../log/journal.ts";
import type { Clock } from "../model/clock.ts";
import { messageOf } from "../model/errors.ts";
import type { DocumentChange } from "../model/journal.ts";

export interface RegisteredNode {
  readonly nodeId: string;
  readonly name: string;
  readonly version: string;
  /** When it wrote itself down last, Unix milliseconds. */
  readonly seenAtMs: number;
}

export interface NodeRegisterDeps {
  readonly journal: Pick<Journal, "documents" | "append" | "followChanges">;
  readonly clock: Clock;
  readonly self: Omit<RegisteredNode, "seenAtMs">;
  /** Whether a node lives, as Redis tells. */
  isLive(nodeId: string): boolean;
  /** Others are in it than before. */
  onChanged(): void;
  /** Somebody has forgotten a node. */
  onForgotten(nodeId: string): void;
  onTrouble(sentence: string): void;
}

const COLLECTION = "cluster.node";
const NODES_MAX = 10_000;
const WRITE_EVERY_MS = 24 * 3_600_000;
const RETRY_MS = 10_000;
export const NODE_KEPT_MS = 7 * 24 * 3_600_000;

export class NodeRegister {
  readonly #deps: NodeRegisterDeps;
  readonly #nodes = new Map<string, RegisteredNode>();
  readonly #unfollow: () => void;
  #cancel: () => void = () => {};
  #isClosed = false;

  private constructor(deps: NodeRegisterDeps) {
    this.#deps = deps;
    this.#unfollow = deps.journal.followChanges((changes) => this.#hear(changes));
  }

  /** Does not wait for itself to be written down. Rejects as the journal does. */
  static async open(deps: NodeRegisterDeps): Promise<NodeRegister> {
    const register = new NodeRegister(deps);
    const documents = await deps.journal.documents({ collection: COLLECTION, limit: NODES_MAX });
    // What was heard meanwhile is newer.
    for (const document of documents) if (!register.#nodes.has(document.key)) register.#take(document);
    void register.#write();
    return register;
  }

  /** This node among them once it is written down. */
  get nodes(): Iterable<RegisteredNode> {
    return this.#nodes.values();
  }

  /** There is no such node any more. Rejects as the journal does. */
  async forget(nodeIds: readonly string[]): Promise<void> {
    const known = nodeIds.filter((nodeId) => this.#nodes.has(nodeId));
    await this.#deps.journal.append([], known.map(goneDocument));
    for (const nodeId of known) this.#nodes.delete(nodeId);
    if (known.length > 0) this.#deps.onChanged();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#unfollow();
  }

  /** Itself, and that those are gone which nobody has seen for long. */
  async #write(): Promise<void> {
    const { journal, clock, self, isLive, onTrouble } = this.#deps;
    const seenAtMs = Math.floor(clock.nowMs());
    const { nodeId, name, version } = self;
    const value = JSON.stringify({ name, version, seenAtMs });
    const old = [...this.#nodes.values()].filter(
      (node) => node.nodeId !== nodeId && seenAtMs - node.seenAtMs > NODE_KEPT_MS && !isLive(node.nodeId),
    );
    const gone = old.map((node) => goneDocument(node.nodeId));
    let nextMs = WRITE_EVERY_MS;
    try {
      await journal.append([], [{ collection: COLLECTION, key: nodeId, sort: 0, value }, ...gone]);
      this.#nodes.set(nodeId, { ...self, seenAtMs });
      for (const node of old) this.#nodes.delete(node.nodeId);
    } catch (error) {
      nextMs = RETRY_MS;
      if (!this.#isClosed) onTrouble(`this node cannot be written into the shared journal: ${messageOf(error)}`);
    }
    if (!this.#isClosed) this.#cancel = clock.after(nextMs, () => void this.#write());
  }

  #hear(changes: readonly DocumentChange[]): void {
    let isChanged = false;
    for (const change of changes) {
      if (change.collection !== COLLECTION) continue;
      isChanged = true;
      if (change.value === null) {
        this.#nodes.delete(change.key);
        this.#deps.onForgotten(change.key);
      } else this.#take({ ...change, value: change.value });
    }
    if (isChanged) this.#deps.onChanged();
  }

  #take({ key, value }: { readonly key: string; readonly value: string }): void {
    const { name = "", version = "", seenAtMs = 0 } = JSON.parse(value) as Partial<RegisteredNode>;
    this.#nodes.set(key, { nodeId: key, name, version, seenAtMs });
  }
}

function goneDocument(nodeId: string): DocumentChange {
  return { collection: COLLECTION, key: nodeId, sort: 0, value: null };
}
