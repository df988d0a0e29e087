/** A node that forwards, message by message, to a receiver over a log and a journal in memory. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { BlockBuilder } from "../../../src/codec/block.ts";
// A server loads it when the first gateway connects: in a test with a clock of its own that would be any time.
import "../../../src/ingestion/forwarding/forwarded-stream.ts";
import { ingestionMethods } from "../../../src/ingestion/service.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";
import type { Allowance } from "../../../src/wire/allowance.ts";
import type { ForwardedSchema } from "../../../src/wire/gen/forwarding_pb.ts";
import type { BatchAck } from "../../../src/wire/gen/ingestion_pb.ts";
import type { Principal } from "../../../src/wire/service.ts";
import { batchBytes, contextOf, turns, type createRig } from "../rig.ts";

export type Rig = ReturnType<typeof createRig>;
export type ForwardedInit = Omit<MessageInitShape<typeof ForwardedSchema>, "$typeName" | "$unknown">;
export type Row = readonly [seriesId: number, timeUs: number, value: number];

export const SERIES = [
  { id: 7, metricName: "temp", source: "gw", tags: { device: "d1" } },
  { id: 9, metricName: "temp", source: "gw2", tags: {} },
];

/** Rows by series, ascending by time. */
function blockOf(rows: readonly Row[]): Pick<ForwardedInit, "blockIndex" | "blockBody"> {
  const builder = new BlockBuilder();
  for (const [id, own] of Map.groupBy(rows, ([seriesId]) => seriesId)) {
    const column = (cell: (row: Row) => number) => Float64Array.from(own, cell);
    builder.add(
      id,
      column(([, t]) => t),
      column(([, , v]) => v),
      column(() => 1),
      0,
      own.length,
    );
  }
  const { index, body } = builder.finish();
  return { blockIndex: index, blockBody: body };
}

export function hello(change: ForwardedInit = {}): ForwardedInit {
  return { originId: "edge-1", originName: "Hall 3", lane: "live", session: 1n, sinceSession: 1n, ...change };
}

export function part(from: number, to: number, rows: readonly Row[], change: ForwardedInit = {}): ForwardedInit {
  const block = rows.length === 0 ? {} : blockOf(rows);
  return { sequences: { from: BigInt(from), to: BigInt(to) }, isLast: true, ...block, ...change };
}

/** A stream whose messages are sent one by one. */
export class Sender {
  readonly acks: BatchAck[] = [];
  failure: WatchpostError | undefined;
  isOver = false;
  readonly #signal = new AbortController();
  readonly #waiting: Uint8Array[] = [];
  #ended = false;
  #wake = Promise.withResolvers<void>();

  constructor(
    readonly rig: Rig,
    first: ForwardedInit = hello(),
    principal: Partial<Principal> = {},
    allowance?: Allowance,
  ) {
    const [, stream] = ingestionMethods(rig.deps);
    this.send(first);
    const context = contextOf(this.#signal.signal);
    const as = { ...context, principal: { ...context.principal, ...principal }, ...(allowance && { allowance }) };
    const answers = stream.run(this.#messages() as never, as) as AsyncIterable<BatchAck>;
    void (async () => {
      try {
        for await (const ack of answers) this.acks.push(ack);
      } catch (error) {
        this.failure = error as WatchpostError;
      } finally {
        this.isOver = true;
      }
    })();
  }

  get committed(): string[] {
    return this.acks.flatMap((ack) => ack.forwarded!.committed!.map(({ from, to }) => `${from}-${to}`));
  }

  send(forwarded: ForwardedInit): this {
    this.#waiting.push(batchBytes({ forwarded }));
    this.#wake.resolve();
    return this;
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  leave(): void {
    this.#signal.abort();
    this.end();
  }

  async *#messages(): AsyncIterable<Uint8Array> {
    for (;;) {
      while (this.#waiting.length > 0) yield this.#waiting.shift()!;
      if (this.#ended) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }
}

/** Time for commits, and for the ledger to be written. */
export async function settle({ clock }: Rig): Promise<void> {
  for (let i = 0; i < 6; i++) {
    await turns(6);
    clock.advance(20);
  }
  await turns(6);
}
