/** The store worker: hears the event loop's messages and answers them from the store. */
import { fullGC } from "bun:jsc";
import type { MessagePort } from "node:worker_threads";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { systemClock } from "../model/system-clock.ts";
import { buffersOfPart } from "./backlog-protocol.ts";
import { buffersOfOutgoing } from "./outgoing-protocol.ts";
import { buffersOfRecent } from "./recent-protocol.ts";
import {
  buffersOfArrivals,
  buffersOfRange,
  buffersOfRuns,
  type Failure,
  type StoreAnswer,
  type StoreEvent,
  type StoreOptions,
  type StoreRequest,
} from "./protocol.ts";
import { Scheduler, type Task } from "./scheduler.ts";
import { Store } from "./store.ts";

/**
 * What is read and unpacked between two collections of garbage. Left to itself the collector lets such bytes grow to
 * three times of what is in use before it looks, for they lie outside of its heap.
 */
const GARBAGE_BYTES_MAX = 64 * 1024 * 1024;
/** How often is told how far reading the log has come. */
const TELL_REPLAYED_EVERY_MS = 1_000;
/** Buffers of records that are worth giving back. */
const SPARE_BYTES_MIN = 64 * 1024;

/** Serves one event loop over `port`, from its first message, which must be `open`, to `close`. */
export function startStoreWorker(port: MessagePort): void {
  const post = (event: StoreEvent, transfer: ArrayBuffer[] = []) => port.postMessage(event, transfer);
  port.once("message", (request: StoreRequest) => {
    if (request.kind !== "open") throw new Error(`the store worker was told ${request.kind} before open`);
    try {
      serve(port, request.options, post);
    } catch (error) {
      post({ kind: "refused", failure: failureOf(error) });
    }
  });
}

function serve(
  port: MessagePort,
  options: StoreOptions,
  post: (event: StoreEvent, transfer?: ArrayBuffer[]) => void,
): void {
  const queries = new Map<number, Task>();
  let isOpen = true;
  let mayWork = false;
  let collectedAtBytes = 0;
  let toldReplayedAtMs = -Infinity;
  const collectGarbage = () => {
    if (store.readBytes - collectedAtBytes < GARBAGE_BYTES_MAX) return;
    collectedAtBytes = store.readBytes;
    // Bun.gc would give the memory back to the system as well, page by page, only for the next query to take it anew.
    fullGC();
  };
  const scheduler = new Scheduler(systemClock.monotonicMs, () => store.mustSeal, collectGarbage);
  const { store, opened, replayedBytes } = Store.open(options, systemClock, {
    onSealed: (sealed) => post({ kind: "sealed", sealed }),
    onDropped: (dropped) => post({ kind: "dropped", dropped }),
    onDamage: (sentence) => post({ kind: "damage", sentence }),
    onTrouble: (sentence) => post({ kind: "trouble", sentence }),
    onWork: () => work(),
    onReplayed(points) {
      const nowMs = systemClock.monotonicMs();
      if (nowMs - toldReplayedAtMs < TELL_REPLAYED_EVERY_MS) return;
      toldReplayedAtMs = nowMs;
      post({ kind: "replayed", points });
    },
  });
  post({ kind: "opened", opened, unsealedBytes: replayedBytes });

  port.on("message", (request: StoreRequest) => hear(request));
  mayWork = true;
  work();

  function hear(request: StoreRequest): void {
    if (request.kind === "absorb") return absorb(request.record);
    if (request.kind === "open") return;
    if (request.kind === "cancel") return cancel(request.id);
    if (request.kind === "backup_end") return store.backup.end();
    if (request.kind === "retain") return store.retain();
    if (request.kind === "set_undelivered") return store.setUndelivered(request.ranges);
    const { id } = request;
    switch (request.kind) {
      case "range":
        return ask(id, store.range(request.query, scheduler.slice), buffersOfRange);
      case "runs":
        return ask(id, store.ranges.runs(request.query, scheduler.slice), buffersOfRuns);
      case "arrivals":
        return ask(id, store.reading.arrivals(request.query, scheduler.slice), buffersOfArrivals);
      case "standing":
        return ask(id, store.reading.standing(request.query, scheduler.slice));
      case "extents":
        return ask(id, store.reading.extents(request.seriesIds, scheduler.slice), (firsts) => [firsts.buffer]);
      case "backlog":
        return ask(id, store.backlog.part(request.query, scheduler.slice), buffersOfPart);
      case "outgoing":
        return ask(id, store.backlog.outgoing.part(request.query, scheduler.slice), buffersOfOutgoing);
      case "recent":
        return ask(id, store.recent.part(request.query, scheduler.slice), buffersOfRecent);
      case "sequences_held":
        return ask(id, store.backlog.held(request.ranges, scheduler.slice));
      case "sequences_of":
        return ask(id, store.backlog.sequencesOf(request.fromUs, request.toUs, scheduler.slice));
      case "retire":
        store.retire(request.seriesIds);
        return post({ kind: "answer", id, value: null });
      case "backup_begin":
        return void store.beginBackup().then(
          () => ask(id, store.backup.list(request.base, scheduler.slice)),
          (error) => post({ kind: "failed", id, failure: failureOf(error) }),
        );
      case "backup_read":
        return ask(id, store.backup.read(request.name), (piece) => (piece === null ? [] : [piece.data.buffer]));
      case "seal":
        return void store.seal().then(
          () => post({ kind: "answer", id, value: null }),
          (error) => post({ kind: "failed", id, failure: failureOf(error) }),
        );
      case "compact":
        return void store.compact().then(
          () => post({ kind: "answer", id, value: null }),
          (error) => post({ kind: "failed", id, failure: failureOf(error) }),
        );
      case "stats":
        return post({ kind: "answer", id, value: store.stats() });
      case "close":
        return close(id);
    }
  }

  function absorb(record: ArrayBuffer): void {
    store.absorb(record);
    if (record.byteLength >= SPARE_BYTES_MIN) post({ kind: "spare", buffer: record }, [record]);
  }

  /** Answers with what `work` returns; `buffersOf`: what of it moves instead of being copied. */
  function ask<T extends StoreAnswer>(
    id: number,
    work: Generator<void, T>,
    buffersOf: (value: T) => ArrayBuffer[] = () => [],
  ): void {
    const task: Task = {
      work,
      onDone(result) {
        queries.delete(id);
        post({ kind: "answer", id, value: result as T }, buffersOf(result as T));
      },
      onError(error) {
        queries.delete(id);
        post({ kind: "failed", id, failure: failureOf(error) });
      },
    };
    queries.set(id, task);
    scheduler.query(task);
  }

  function cancel(id: number): void {
    const task = queries.get(id);
    if (task === undefined) return;
    queries.delete(id);
    scheduler.cancel(task);
  }

  function close(id: number): void {
    isOpen = false;
    scheduler.stop();
    const failure: Failure = { status: "UNAVAILABLE", message: "the store is closed" };
    for (const query of queries.keys()) post({ kind: "failed", id: query, failure });
    queries.clear();
    store.close();
    post({ kind: "answer", id, value: null });
  }

  /** Starts maintenance unless it runs; what it leaves for later calls this again. */
  function work(): void {
    if (!mayWork || !isOpen || scheduler.maintains) return;
    scheduler.maintain({
      work: store.maintain(scheduler.slice),
      onDone: () => {},
      onError: (error) => post({ kind: "trouble", sentence: `maintenance failed: ${messageOf(error)}` }),
    });
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof WatchpostError) return { status: error.status, message: error.message };
  return { status: "INTERNAL", message: messageOf(error) };
}
