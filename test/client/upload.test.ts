/** Uploads over streams that are cut, answer late or never: what is refused is named by its line, and deadlines end them. */
import { expect, test } from "bun:test";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { EventEmitter } from "node:events";
import { encodeBatch, type Batch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { uploadAll, type Refusal } from "../../src/client/upload.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { BatchAckSchema, BatchDataSchema } from "../../src/wire/gen/ingestion_pb.ts";

type Stream = (batches: readonly (readonly number[])[], ack: (ack: Ack) => void, cut: () => void) => void;
type Ack = MessageInitShape<typeof BatchAckSchema>;

/** A connection whose streams do what is given, one after the other; each hears of the values of all batches so far. */
function connectionOf(...streams: Stream[]): Connection {
  return {
    bidiStream() {
      const stream = streams.shift()!;
      const batches: number[][] = [];
      let acked = 0n;
      let isEnding = false;
      const endIfAcked = () => isEnding && acked === BigInt(batches.length) && call.emit("end");
      const ack = (one: Ack) => {
        acked = one.batches!;
        call.emit("data", toBinary(BatchAckSchema, create(BatchAckSchema, one)));
        endIfAcked();
      };
      const call = Object.assign(new EventEmitter(), {
        writableNeedDrain: false,
        write(bytes: Uint8Array) {
          batches.push(fromBinary(BatchDataSchema, bytes).points.map(({ value }) => value));
          const all = [...batches];
          const cut = () => call.emit("error", new WatchpostError("UNAVAILABLE", "cut"));
          queueMicrotask(() => stream(all, ack, cut));
          return true;
        },
        end() {
          isEnding = true;
          endIfAcked();
        },
        cancel: () => queueMicrotask(() => call.emit("error", new WatchpostError("CANCELLED", "cancelled"))),
      });
      return call;
    },
    async beforeRetry(error: WatchpostError, _: number, { signal }: { signal?: AbortSignal }) {
      if (signal?.aborted || error.status !== "UNAVAILABLE") throw error;
    },
  } as unknown as Connection;
}

/** A point a line, its value. */
function batchOf(...lines: number[]): Batch {
  return encodeBatch(
    lines.map((line) => ({ metric: "m", value: line, timeUs: line, line })),
    "s",
  );
}

const refusal = (batchIndex: number, pointIndex: number) => ({
  batchIndex: BigInt(batchIndex),
  pointIndex,
  pointId: "id",
  reason: "no good",
});

test("refused points are named by batch and line, also over streams that count anew", async () => {
  const connection = connectionOf(
    ({ length }, ack, cut) => {
      if (length === 1) ack({ batches: 1n, pointsProcessed: 1n, pointsFailed: 1n, refused: [refusal(0, 1)] });
      if (length === 2) cut();
    },
    (batches, ack) => {
      if (batches.length === 2) {
        expect(batches).toEqual([[30, 40, 50], [60]]);
        ack({ batches: 2n, pointsProcessed: 2n, pointsFailed: 2n, refused: [refusal(0, 2), refusal(1, 0)] });
      }
    },
  );
  const refused: Refusal[] = [];
  const done = await uploadAll(connection, [batchOf(10, 20), batchOf(30, 40, 50), batchOf(60)], {
    onProgress: (progress) => refused.push(...progress.refused),
  });
  expect(done).toMatchObject({ batches: 3, points: 3, pointsFailed: 3 });
  expect(refused.map(({ batch, point, line }) => [batch, point, line])).toEqual([
    [0, 1, 20],
    [1, 2, 50],
    [2, 0, 60],
  ]);
  expect(refused[0]).toEqual({ batch: 0, point: 1, id: "id", line: 20, reason: "no good" });
});

test("of a batch that was refused as a whole, or whose lines are not known, no line is named", async () => {
  const refused: Refusal[] = [];
  const connection = connectionOf(({ length }, ack) => {
    if (length === 2) ack({ batches: 2n, pointsFailed: 2n, refused: [refusal(0, -1), refusal(1, 0)] });
  });
  const { bytes, points } = batchOf(2);
  await uploadAll(connection, [batchOf(1), { bytes, points }], {
    onProgress: (progress) => refused.push(...progress.refused),
  });
  expect(refused.map(({ batch, point, line }) => [batch, point, line])).toEqual([
    [0, -1, undefined],
    [1, 0, undefined],
  ]);
});

test("a deadline ends an upload whose answer does not come, and says what is durable", async () => {
  const connection = connectionOf(({ length }, ack) => {
    if (length === 1) ack({ batches: 1n, pointsProcessed: 1n });
  });
  await expect(uploadAll(connection, [batchOf(1), batchOf(2)], { deadlineMs: 500 })).rejects.toMatchObject({
    status: "DEADLINE_EXCEEDED",
    message: "the upload took longer than 500 ms, 1 batches of it are durable",
  });
});

test("a deadline ends waiting for a server that is not there, and for readings that do not come", async () => {
  const connection = new Connection("127.0.0.1:1");
  // A busy machine needs some of it to be refused once.
  await expect(uploadAll(connection, [batchOf(1)], { deadlineMs: 3_000 })).rejects.toMatchObject({
    status: "DEADLINE_EXCEEDED",
    cause: { status: "UNAVAILABLE" },
  });
  connection.close();
  async function* silent(): AsyncIterable<Batch> {
    yield batchOf(1);
    await new Promise<never>(() => {});
  }
  await expect(
    uploadAll(
      connectionOf(({ length }, ack) => ack({ batches: BigInt(length) })),
      silent(),
      { deadlineMs: 500 },
    ),
  ).rejects.toMatchObject({ status: "DEADLINE_EXCEEDED" });
});

test("what ends an upload before its deadline stays what it is", async () => {
  const never: Stream = () => {};
  const signal = AbortSignal.timeout(20);
  await expect(uploadAll(connectionOf(never), [batchOf(1)], { signal, deadlineMs: 60_000 })).rejects.toMatchObject({
    status: "CANCELLED",
  });
  const broken = function* () {
    yield* [] as Batch[];
    throw new Error("the disk of the sender");
  };
  await expect(uploadAll(connectionOf(never), broken(), { deadlineMs: 60_000 })).rejects.toThrow(
    "the disk of the sender",
  );
  const answering = connectionOf(({ length }, ack) => ack({ batches: BigInt(length), pointsProcessed: 1n }));
  expect((await uploadAll(answering, [batchOf(1)], { deadlineMs: 60_000 })).points).toBe(1);
});
