/** A node that forwards and the one it forwards to, in one process: the network between them does as it is told. */
import { toBinary, create } from "@bufbuild/protobuf";
import { MemoryBus } from "../../../src/bus/memory-bus.ts";
import type { LaneCall, LaneEvents, LaneName } from "../../../src/edge/upstream/lane.ts";
import { Upstream } from "../../../src/edge/upstream/upstream.ts";
import type { UpstreamOptions } from "../../../src/edge/upstream/upstream-options.ts";
import { Origins } from "../../../src/ingestion/forwarding/origins.ts";
// A server loads it when the first gateway connects: in a test with a clock of its own that would be any time.
import "../../../src/ingestion/forwarding/forwarded-stream.ts";
import { ingestionMethods } from "../../../src/ingestion/service.ts";
import { frameOfRecord } from "../../../src/log/record.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { seriesKey } from "../../../src/model/series-key.ts";
import { SeriesRegistry } from "../../../src/model/series-registry.ts";
import { BatchAckSchema } from "../../../src/wire/gen/ingestion_pb.ts";
import { contextOf, createRig, turns, type RigOptions } from "../../ingestion/rig.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { NaiveStore } from "./naive-store.ts";

export type Row = readonly [seriesId: number, timeUs: number, value: number];

/** Messages between the two ends of a stream: each goes on when it is its turn. */
class Wire {
  bytesUp = 0;
  largestUp = 0;
  readonly up: Uint8Array[] = [];
  readonly down: Uint8Array[] = [];
  readonly #events: LaneEvents;
  readonly #signal = new AbortController();
  readonly #arrived: Uint8Array[] = [];
  #wake = Promise.withResolvers<void>();
  #isCut = false;

  constructor(
    readonly name: LaneName,
    events: LaneEvents,
    run: (messages: AsyncIterable<Uint8Array>, signal: AbortSignal) => AsyncIterable<never>,
  ) {
    this.#events = events;
    void (async () => {
      try {
        for await (const ack of run(this.#messages(), this.#signal.signal)) {
          this.down.push(toBinary(BatchAckSchema, create(BatchAckSchema, ack)));
        }
        this.cut(new WatchpostError("UNAVAILABLE", "the receiver has ended the stream"));
      } catch (error) {
        this.cut(error as WatchpostError);
      }
    })();
  }

  /** One message further, in either direction. Returns whether there was any. */
  step(): boolean {
    const message = this.up.shift();
    if (message !== undefined) {
      this.#arrived.push(message);
      this.#wake.resolve();
    }
    const answer = this.#isCut ? undefined : this.down.shift();
    if (answer !== undefined) this.#events.onMessage(answer);
    return message !== undefined || answer !== undefined;
  }

  /** The sender hears of it; what is on its way to the receiver still arrives, who hears nothing. */
  cut(error = new WatchpostError("UNAVAILABLE", "cut")): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#events.onEnd(error);
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** The receiver hears of it, too. */
  end(): void {
    this.cut();
    this.up.length = 0;
    this.#signal.abort();
  }

  async *#messages(): AsyncIterable<Uint8Array> {
    for (;;) {
      while (this.#arrived.length > 0) yield this.#arrived.shift()!;
      this.#wake = Promise.withResolvers();
      await Promise.race([
        this.#wake.promise,
        new Promise((resolve) => this.#signal.signal.addEventListener("abort", resolve, { once: true })),
      ]);
      if (this.#signal.signal.aborted) return;
    }
  }
}

export async function createPair(options: Partial<UpstreamOptions> = {}, ofReceiver: RigOptions = {}) {
  const receiver = createRig({ seriesMax: 100_000, seriesPerSourceMax: 100_000, ...ofReceiver });
  const { clock } = receiver;
  const registry = new SeriesRegistry({ seriesMax: 100_000, seriesPerSourceMax: 100_000 });
  for (let i = 0; i < 6; i++) registry.add(seriesKey("temp", `gw${i % 2}`, [["device", `d${i}`]]), `gw${i % 2}`);
  let journal = new MemoryJournal();
  const store = new NaiveStore();
  const wires: Wire[] = [];
  const told: string[] = [];
  const behind: string[] = [];
  let isReachable = true;
  let methods = ingestionMethods(receiver.deps);
  let origins: Origins = receiver.deps.forwarding.origins;
  let receiverJournal = receiver.journal;
  let receiverId = "centre";
  let nextSeq = 0;
  let randomState = 1;
  let nodeId = "edge-1";
  let ids = 1;

  const startEdge = async () => {
    const own = { isDead: false, journal };
    const never = new Promise<never>(() => {});
    const guarded = <A extends unknown[], R>(run: (...args: A) => Promise<R>) => {
      return (...args: A) => (own.isDead ? never : run(...args));
    };
    const bus = new MemoryBus((error) => {
      throw error;
    });
    const openLane = (name: LaneName, events: LaneEvents): LaneCall => {
      if (own.isDead || !isReachable) {
        queueMicrotask(() => events.onEnd(new WatchpostError("UNAVAILABLE", "nobody answers")));
        return { write: () => true, close() {} };
      }
      const serve = (messages: AsyncIterable<Uint8Array>, signal: AbortSignal) =>
        methods[1].run(messages as never, contextOf(signal)) as AsyncIterable<never>;
      const wire = new Wire(name, events, serve);
      wires.push(wire);
      return {
        write: (message) => {
          wire.bytesUp += message.byteLength;
          wire.largestUp = Math.max(wire.largestUp, message.byteLength);
          if (!wire.isCut) wire.up.push(message);
          return true;
        },
        close: () => wire.cut(),
      };
    };
    const upstream = await Upstream.open(
      {
        address: "centre:50051",
        name: "Hall 3",
        ...{ bytesPerS: Infinity, queueBytesMax: Infinity, queueAgeMaxMs: Infinity, matcher: undefined },
        downSampling: undefined,
        backoff: { firstMs: 1_000, maxMs: 60_000 },
        ...options,
      },
      {
        ...{ bus, clock, registry, store, openLane, nextSeq },
        journal: {
          document: guarded((collection: string, key: string) => own.journal.document(collection, key)),
          documents: guarded((query) => own.journal.documents(query)),
          append: guarded((events, changes) => own.journal.append(events, changes)),
        },
        events: undefined,
        random: () => (randomState = (randomState * 16_807) % 2_147_483_647) / 2_147_483_647,
        nodeId: async () => nodeId,
        newId: () => `edge-${++ids}`,
        behind: async () => [...behind],
        onConnected: (sentence) => void told.push(sentence),
        onTrouble: (sentence) => void told.push(sentence),
        onDropped: (sentence) => void told.push(sentence),
      },
    );
    return { upstream, bus, own };
  };

  let edge = await startEdge();
  return {
    ...{ receiver, clock, registry, store, wires, told, behind },
    get journal() {
      return journal;
    },
    get upstream() {
      return edge.upstream;
    },
    get origins() {
      return origins;
    },
    commit(rows: readonly Row[]): void {
      const frame = {
        seq: nextSeq++,
        arrivalMs: clock.nowMs(),
        count: rows.length,
        seriesIds: Uint32Array.from(rows, ([id]) => id),
        timesUs: Float64Array.from(rows, ([, timeUs]) => timeUs),
        values: Float64Array.from(rows, ([, , value]) => value),
      };
      edge.bus.publish(frame);
      store.absorb(frame);
    },
    /** Lets time and messages pass; `chance`: of a message to go on, each round. */
    async pass(ms: number, chance: () => boolean = () => true): Promise<void> {
      for (let i = 0; i < 4; i++) {
        await turns(2);
        for (const wire of wires) while (chance() && wire.step());
        clock.advance(ms / 4);
      }
      await turns(2);
    },
    cut(): void {
      for (const wire of wires) wire.cut();
    },
    setReachable(is: boolean): void {
      isReachable = is;
      if (!is) for (const wire of wires) wire.cut();
    },
    /** As after kill -9: nothing is written any more. */
    async restartEdge(): Promise<void> {
      edge.own.isDead = true;
      for (const wire of wires) wire.cut();
      edge = await startEdge();
    },
    async restartReceiver(): Promise<void> {
      for (const wire of wires.splice(0)) wire.end();
      await turns(4);
      origins = new Origins(receiverJournal, clock);
      const forwarding = { ...receiver.deps.forwarding, origins, nodeId: async () => receiverId };
      methods = ingestionMethods({ ...receiver.deps, forwarding });
    },
    /** Returns what brings the edge back to what it is now, as the snapshot of a virtual machine does. */
    snapshotEdge(): () => Promise<void> {
      const [kept, rows, endSeq] = [journal.copy(), [...store.rows], nextSeq];
      return async () => {
        edge.own.isDead = true;
        for (const wire of wires) wire.cut();
        journal = kept.copy();
        store.rows.splice(0, Infinity, ...rows);
        store.endSeq = nextSeq = endSeq;
        edge = await startEdge();
      };
    },
    /** As after a restore from a backup: the data is there, under another id. */
    async restoreEdge(): Promise<void> {
      nodeId = `edge-restored-${nextSeq}`;
      await this.restartEdge();
    },
    /** Returns what brings the receiver back to what it is now, as a restore from a backup does. */
    snapshotReceiver(): () => Promise<void> {
      const [kept, records] = [receiverJournal.copy(), receiver.log.synced.length];
      return async () => {
        receiverJournal = kept.copy();
        receiverId += "-restored";
        await this.restartReceiver();
        receiver.log.synced.length = records;
      };
    },
    /** Passes time until nothing waits any more; throws where that does not come. */
    async settle(): Promise<void> {
      for (let i = 0; i < 500; i++) {
        await this.pass(500);
        if ((await edge.upstream.status()).undelivered.length === 0) return;
      }
      throw new Error(`undelivered: ${JSON.stringify((await edge.upstream.status()).undelivered)}; ${told.join("; ")}`);
    },
    /** What stands at the sender, as "key@time=value". */
    sent(): string[] {
      return [...store.standing().values()]
        .map(({ seriesId, timeUs, value }) => `${registry.keyOf(seriesId).replaceAll("\0", " ")}@${timeUs}=${value}`)
        .sort();
    },
    /** What stands at the receiver. */
    received(): string[] {
      const standing = new Map<string, number>();
      const keyOf = (id: number) => receiver.registry.keyOf(id).replaceAll("\0", " ");
      for (const record of receiver.log.synced) {
        const { count, seriesIds, timesUs, values } = frameOfRecord(record);
        for (let i = 0; i < count; i++) standing.set(`${keyOf(seriesIds[i])}@${timesUs[i]}`, values[i]);
      }
      return [...standing].map(([place, value]) => `${place}=${value}`).sort();
    },
    /** [source, acknowledged] of both ends. */
    async ledgers(): Promise<{ sender: unknown; receiver: unknown }> {
      const [origin] = await origins.all();
      const sender = [...(await edge.upstream.status()).sources].map(([source, { acked }]) => [source, acked]).sort();
      const received = [...origin.delivered].map(([source, { points }]) => [source, points]).sort();
      return { sender, receiver: received };
    },
  };
}
