/**
 * StreamData of a node that forwards what it stored. Its parts are committed as batches are; once those of a range of
 * sequences are durable the range enters the ledger, and once that is durable it is acknowledged.
 */
import { LEDGER_SOURCES_MAX, OTHER_SOURCES } from "../../model/limits.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { foreignBlockBytes } from "../../codec/foreign-block.ts";
import type { Clock } from "../../model/clock.ts";
import { WatchpostError } from "../../model/errors.ts";
import { hasAllOf, withSequences, type SequenceRange, type SequenceRanges } from "../../model/sequence-ranges.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { SeriesResolver } from "../../wire/decoded-batch.ts";
import type { BatchAckSchema } from "../../wire/gen/ingestion_pb.ts";
import type { CallContext } from "../../wire/service.ts";
import type { Intake } from "../intake.ts";
import type { SenderOf } from "../limited-sender.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import { addDelivered, type DeliveredBySource } from "./delivered.ts";
import { readForwarded, sequencesOf, withoutContent, type ForwardedMessage } from "./forwarded-message.ts";
import { takePart, type PartDeps, type TakenPart } from "./forwarded-part.ts";
import { ForwardedSeriesTable, NAMED_BYTES, type NamesRegistry } from "./forwarded-series.ts";
import { helloOf } from "./hello.ts";
import { inTime } from "./in-time.ts";
import { sourceDeliveries } from "./origin-deliveries.ts";
import { ownerOf } from "./origin-owner.ts";
import { limitedNode, type LimitedNode } from "./limited-node.ts";
import type { NamesShare } from "./names-share.ts";
import type { Hello, Origin, Origins, OriginStream } from "./origins.ts";
import { UnitCounts } from "./unit-counts.ts";

export interface ForwardingDeps {
  readonly origins: Origins;
  readonly intake: Intake;
  readonly budget: MemoryBudget;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "points">;
  readonly resolve: SeriesResolver;
  readonly senderOf: SenderOf;
  readonly registry: NamesRegistry;
  /** Of all streams. */
  readonly names: NamesShare;
  nodeId(): Promise<string>;
  /** How long after their commit rows may not be synced; 0: they are. */
  readonly syncLagMs: number;
  /** Resolves once others have run. */
  nextTurn(): Promise<void>;
  onTrouble(sentence: string): void;
}

type Ack = MessageInitShape<typeof BatchAckSchema>;

/** Rows on their way to the disk, of one stream. */
const IN_FLIGHT_POINTS_MAX = 200_000;
const PART_POINTS_MAX = 65_536;
/** On their way, or waiting for their ack to be read. */
const PARTS_MAX = 1_000;
/** What a row takes until it is committed: decoded, and in a frame and its record. */
const ROW_BYTES = 64;
/** What the counts of a source take until those of its part are added up. */
const SOURCE_BYTES = 256;
/** Ranges that are committed meanwhile enter the ledger together. */
const LEDGER_HOLD_MS: Readonly<Record<string, number>> = { live: 50, backlog: 10 };
/** So that one of 5,000 sources, whose counts are half a megabyte, is acknowledged four times a second. */
const SOURCE_HOLD_MS = 0.05;

export async function* forwardedStream(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  deps: ForwardingDeps,
  context: CallContext,
): AsyncIterable<Ack> {
  const nodeId = await inTime(deps.nodeId(), deps.clock);
  const hello = helloOf(readForwarded(first).forwarded, nodeId);
  const stream = new ForwardedStream({ ...deps, ...limitedNode(deps, context) }, hello);
  const onLeft = () => stream.end(new WatchpostError("CANCELLED", "the sender has left"));
  context.signal.addEventListener("abort", onLeft);
  if (context.signal.aborted) onLeft();
  try {
    const origin = await inTime(deps.origins.enter(hello, stream, ownerOf(context.principal)), deps.clock);
    const sources = sourceDeliveries(origin.delivered);
    yield { batches: 1n, forwarded: { committed: origin.committed.map(rangeMessage), nodeId, sources } };
    yield* stream.run(origin, rest);
  } finally {
    context.signal.removeEventListener("abort", onLeft);
    await stream.close();
    deps.origins.leave(hello.originId, stream);
  }
}

interface PartOnItsWay {
  readonly sequences: SequenceRange;
  readonly isLast: boolean;
  readonly taken: TakenPart;
  isDone: boolean;
  /** Reserved for its counts. */
  countBytes: number;
}

/** What is durable as points, and not told yet. */
interface Ready {
  messages: number;
  processed: number;
  /** By source, those of all parts. */
  readonly refused: Map<string, { points: number; readonly reason: string }>;
  /** Whole ranges, as they came. */
  readonly committed: SequenceRange[];
  /** The same as a set, with what is counted of them. */
  ranges: SequenceRanges;
  readonly delivered: DeliveredBySource;
}

const nothingReady = (): Ready => ({
  ...{ messages: 0, processed: 0, refused: new Map(), committed: [], ranges: [], delivered: new Map() },
});

class ForwardedStream implements OriginStream {
  readonly lane: string;
  readonly session: number;
  readonly settled: Promise<void>;
  readonly #deps: ForwardingDeps & LimitedNode;
  readonly #series: ForwardedSeriesTable;
  readonly #over = new AbortController();
  /** In the order sent, those that are not durable or come behind such. */
  readonly #parts: PartOnItsWay[] = [];
  readonly #settle: () => void;
  #points = 0;
  /** Reserved for the names of series. */
  #namedBytes = 0;
  /** Of the message that is being taken; never rejects. */
  #taking: Promise<void> = Promise.resolve();
  readonly #writing = new Set<Promise<void>>();
  readonly #partDeps: PartDeps;
  #failure: { readonly error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();
  readonly #unit = new UnitCounts();
  /** Of the last part taken. */
  #isResend = false;
  #ready = nothingReady();
  /** Nothing more comes of it: what came is acked, then it is refused, where it is; sent again it would be counted again. */
  #ended: { readonly refusal: WatchpostError | undefined } | undefined;
  /** On their way to the ledger. */
  #entering: SequenceRanges = [];

  constructor(deps: ForwardingDeps & LimitedNode, { lane, session }: Hello) {
    [this.#deps, this.lane, this.session] = [deps, lane, session];
    this.#series = new ForwardedSeriesTable(deps, (bytes) => this.#hasRoomFor(bytes));
    const { promise, resolve } = Promise.withResolvers<void>();
    [this.settled, this.#settle] = [promise, resolve];
    this.#partDeps = {
      series: this.#series,
      intake: deps.intake,
      rest: async () => {
        await deps.nextTurn();
        this.#goOn();
      },
      onWriting: (durable) => {
        this.#writing.add(durable);
        const done = () => void this.#writing.delete(durable);
        durable.then(done, done);
      },
    };
  }

  get isOver(): boolean {
    return this.#failure !== undefined;
  }

  end(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#over.abort(error);
    this.#deps.names.leave(this);
    this.#change();
    void this.#taking.then(() => Promise.allSettled(this.#writing)).then(() => this.#settle());
  }

  async *run(origin: Origin, messages: AsyncIterator<Uint8Array>): AsyncIterable<Ack> {
    this.#readAll(origin, messages).then(
      (refusal) => {
        this.#ended = { refusal };
        this.#change();
      },
      (error: unknown) => this.end(error),
    );
    const total = { batches: 1, processed: 0, failed: 0 };
    for (;;) {
      await this.#until(() => this.#ready.messages > 0 || (this.#ended !== undefined && this.#parts.length === 0));
      if (this.#ready.messages === 0 && this.#ended?.refusal !== undefined) throw this.#ended.refusal;
      if (this.#ready.messages === 0) return;
      await this.#hold();
      const ready = this.#ready;
      this.#ready = nothingReady();
      this.#entering = ready.ranges;
      this.#change();
      // The ledger is synced at once: after a power cut it would say that what was taken with it had come.
      if (this.#deps.syncLagMs > 0 && !(await this.#pause(this.#deps.syncLagMs))) return;
      if (ready.committed.length > 0) await this.#deps.origins.commit(origin, ready.ranges, ready.delivered);
      this.#entering = [];
      const refused = [...ready.refused].map(([source, { points, reason }]) => ({ source, points, reason }));
      total.batches += ready.messages;
      total.processed += ready.processed;
      total.failed += refused.reduce((sum, { points }) => sum + points, 0);
      yield {
        batches: BigInt(total.batches),
        pointsProcessed: BigInt(total.processed),
        pointsFailed: BigInt(total.failed),
        forwarded: {
          committed: ready.committed.map(rangeMessage),
          refused: refused.map((each) => ({ ...each, points: BigInt(each.points) })),
        },
      };
    }
  }

  /** Takes nothing any more; resolves once nothing is on its way to the disk. */
  async close(): Promise<void> {
    this.end(new WatchpostError("CANCELLED", "the stream is over"));
    await this.settled;
    for (const part of this.#parts) this.#releaseCounts(part);
    this.#deps.budget.release(this.#namedBytes);
    this.#namedBytes = 0;
  }

  async #readAll(origin: Origin, messages: AsyncIterator<Uint8Array>): Promise<WatchpostError | undefined> {
    for (;;) {
      const next = await messages.next();
      if (next.done === true) return undefined;
      this.#goOn();
      const refusal = this.#deps.overLimits();
      if (refusal !== undefined) return refusal;
      const taking = this.#take(readForwarded(next.value), origin);
      this.#taking = taking.catch(() => {});
      await taking;
    }
  }

  async #take(message: ForwardedMessage, origin: Origin): Promise<void> {
    const { budget, names } = this.#deps;
    const { isLast, isResend, blockIndex, dropped } = message.forwarded;
    const sequences = sequencesOf(message.forwarded);
    await this.#until(() => this.#isRoomFor(isResend));
    this.#isResend = isResend;
    const block = blockIndex.byteLength === 0 ? 0 : foreignBlockBytes(blockIndex) + LEDGER_SOURCES_MAX * SOURCE_BYTES;
    const namedMost = message.series.length * NAMED_BYTES;
    names.take(this, namedMost);
    const reserved = 2 * message.bytes + namedMost + block + dropped.length * SOURCE_BYTES;
    await budget.reserve(reserved, { signal: this.#over.signal });
    const named = this.#series.bytes;
    let held = 0;
    try {
      this.#goOn();
      // What is committed came before, and its ack did not arrive.
      const isRepeat = !isResend && hasAllOf(origin.committed, ...sequences);
      const taken = await takePart(isRepeat ? withoutContent(message) : message, this.#partDeps);
      const countBytes = taken.delivered.size * SOURCE_BYTES;
      const entry: PartOnItsWay = { sequences, isLast, taken, isDone: false, countBytes };
      this.#noteAhead(origin, taken.lastUs);
      this.#parts.push(entry);
      this.#points += taken.points;
      this.#deps.onTaken(taken.points);
      const rowBytes = taken.points * ROW_BYTES;
      held = rowBytes + countBytes;
      const leave = () => {
        this.#points -= taken.points;
        budget.release(rowBytes);
      };
      taken.durable.then(
        () => {
          leave();
          entry.isDone = true;
          while (this.#parts[0]?.isDone === true) this.#fold(this.#parts.shift()!, origin);
          this.#change();
        },
        (error: unknown) => {
          leave();
          this.end(error);
        },
      );
    } finally {
      // The names stay until the stream is over.
      const more = this.#series.bytes - named;
      this.#namedBytes += more;
      names.giveBack(this, namedMost - more);
      budget.release(reserved - held - more);
    }
  }

  /** For why series are refused: it stays until the stream is over. */
  #hasRoomFor(bytes: number): boolean {
    const { budget, names } = this.#deps;
    if (!names.tryTake(this, bytes)) return false;
    if (budget.tryReserveNow(bytes)) {
      this.#namedBytes += bytes;
      return true;
    }
    names.giveBack(this, bytes);
    return false;
  }

  /** An ack is of parts of one kind: the sender counts refusals of those that were asked for again apart, and acks do not tell them. */
  #isRoomFor(isResend: boolean): boolean {
    const parts = this.#parts.length + this.#ready.messages;
    if (isResend !== this.#isResend && parts > 0) return false;
    return this.#points <= IN_FLIGHT_POINTS_MAX - PART_POINTS_MAX && parts < PARTS_MAX;
  }

  /** One of the two clocks is wrong: said once of each origin. */
  #noteAhead(origin: Origin, lastUs: number): void {
    const { clock, intake, onTrouble } = this.#deps;
    if (origin.isAheadTold || lastUs <= intake.latestUs) return;
    origin.isAheadTold = true;
    onTrouble(
      `points of ${new Date(lastUs / 1_000).toISOString()} came from node ${JSON.stringify(origin.name)} (${origin.id}), ` +
        `and it is ${new Date(clock.nowMs()).toISOString()} here: they are stored; one of the two clocks is wrong`,
    );
  }

  /** So that what waits for its ack to be read takes the same memory however much it is. */
  #fold(part: PartOnItsWay, origin: Origin): void {
    const { sequences, isLast, taken } = part;
    this.#releaseCounts(part);
    const ready = this.#ready;
    const { points } = this.#deps.metrics;
    points.inc({ result: "stored" }, taken.kept);
    points.inc({ result: "refused" }, taken.refused);
    ready.messages++;
    ready.processed += taken.kept;
    for (const [source, reason] of taken.reasons) {
      const isRoom = ready.refused.size < LEDGER_SOURCES_MAX || ready.refused.has(source);
      const told = isRoom ? source : OTHER_SOURCES;
      const before = ready.refused.get(told) ?? { points: 0, reason };
      ready.refused.set(told, { ...before, points: before.points + (taken.delivered.get(source)?.refused ?? 0) });
    }
    if (!isLast) return this.#unit.add(sequences, taken.delivered);
    const delivered = this.#unit.take(sequences, taken.delivered);
    // A range is counted once: what was asked for again may be missing here, where much was lost, or it was counted before.
    const isCounted = [origin.committed, this.#entering, ready.ranges].some((ranges) => hasAllOf(ranges, ...sequences));
    if (!isCounted) addDelivered(ready.delivered, delivered);
    ready.committed.push(sequences);
    ready.ranges = withSequences(ready.ranges, ...sequences);
  }

  #releaseCounts(part: PartOnItsWay): void {
    this.#deps.budget.release(part.countBytes);
    part.countBytes = 0;
  }

  /** The more sources have changed, the more is written with every commit. */
  async #hold(): Promise<void> {
    const heldMs = LEDGER_HOLD_MS[this.lane] ?? 0;
    await this.#pause(heldMs);
    const moreMs = this.#ready.delivered.size * SOURCE_HOLD_MS - heldMs;
    if (moreMs > 0) await this.#pause(moreMs);
  }

  /** False: there is nothing to come, and the time has not passed. Throws what has ended the stream, as soon as something has. */
  async #pause(ms: number): Promise<boolean> {
    let hasPassed = false;
    const cancel = this.#deps.clock.after(ms, () => {
      hasPassed = true;
      this.#change();
    });
    try {
      await this.#until(() => hasPassed || this.#ended !== undefined);
    } finally {
      cancel();
    }
    return hasPassed;
  }

  /** Throws what has ended the stream, as soon as something has. */
  async #until(isSo: () => boolean): Promise<void> {
    for (;;) {
      this.#goOn();
      if (isSo()) return;
      await this.#changed.promise;
    }
  }

  /** Throws what has ended the stream. */
  #goOn(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #change(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}

function rangeMessage([from, to]: SequenceRange): { from: bigint; to: bigint } {
  return { from: BigInt(from), to: BigInt(to) };
}
