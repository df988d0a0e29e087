/** DataIngestion: the three ways of sending batches, over one {@link Upload} each. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { truncated, WatchpostError } from "../model/errors.ts";
import { ACK_REFUSED_MAX, UPLOAD_ERRORS_MAX } from "../model/limits.ts";
import { DataIngestion, type BatchAckSchema, type UploadResponseSchema } from "../wire/gen/ingestion_pb.ts";
import { rawBidiStreaming, rawClientStreaming, rawUnary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { FORWARDED_TAG } from "../wire/decode-batch.ts";
import { forwardedStream, type ForwardingDeps } from "./forwarding/forwarded-stream.ts";
import { Upload, type Refusal, type UploadDeps } from "./upload.ts";

const INT32_MAX = 2 ** 31 - 1;
const POINT_ID_SHOWN_MAX = 128;

export interface IngestionDeps extends UploadDeps {
  readonly forwarding: ForwardingDeps;
  /** A name for one upload, unique on this server. */
  newUploadId(): string;
}

export function ingestionMethods(deps: IngestionDeps): MethodImpl[] {
  return [
    rawClientStreaming(DataIngestion.method.uploadData, (batches, context) => uploadData(deps, batches, context)),
    rawBidiStreaming(DataIngestion.method.streamData, (batches, context) => streamAny(deps, batches, context)),
    rawUnary(DataIngestion.method.uploadBatch, (batch, context) => uploadBatch(deps, batch, context)),
  ];
}

async function uploadData(
  deps: IngestionDeps,
  batches: AsyncIterable<Uint8Array>,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof UploadResponseSchema>> {
  const upload = new Upload(deps, UPLOAD_ERRORS_MAX, { signal });
  await Promise.race([acceptAll(upload, batches), upload.failed]);
  const { total } = upload;
  return {
    batchId: deps.newUploadId(),
    pointsProcessed: Math.min(total.points, INT32_MAX),
    pointsFailed: Math.min(total.pointsFailed, INT32_MAX),
    errors: total.refusals.map(describeRefusal),
    pointsProcessedTotal: BigInt(total.points),
    pointsFailedTotal: BigInt(total.pointsFailed),
    batchesTotal: BigInt(total.batches),
    batchesFailed: BigInt(total.batchesFailed),
  };
}

/** A node that forwards says so with its first message. */
async function* streamAny(
  deps: IngestionDeps,
  batches: AsyncIterable<Uint8Array>,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof BatchAckSchema>> {
  const iterator = batches[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    if (first.done === true) return;
    if (first.value[0] === FORWARDED_TAG) yield* forwardedStream(first.value, iterator, deps.forwarding, context);
    else yield* streamData(deps, withFirst(first.value, iterator), context);
  } finally {
    // Where a message is still waited for it ends with that: nobody waits for it here.
    iterator.return?.().catch(() => {});
  }
}

async function* withFirst<T>(first: T, rest: AsyncIterator<T>): AsyncIterable<T> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Acks whatever became durable since the ack before; a sender that reads slowly gets fewer of them. */
async function* streamData(
  deps: IngestionDeps,
  batches: AsyncIterable<Uint8Array>,
  { signal }: CallContext,
): AsyncIterable<MessageInitShape<typeof BatchAckSchema>> {
  let wake = Promise.withResolvers<void>();
  const upload = new Upload(deps, ACK_REFUSED_MAX, { signal, onProgress: () => wake.resolve() });
  let ended = false;
  const accepting = Promise.race([acceptAll(upload, batches), upload.failed]).finally(() => {
    ended = true;
    wake.resolve();
  });
  accepting.catch(() => {});
  let acked = 0;
  for (;;) {
    await wake.promise;
    wake = Promise.withResolvers<void>();
    if (upload.total.batches > acked) {
      acked = upload.total.batches;
      if (ended) wake.resolve();
      yield ackOf(upload);
    } else if (ended) {
      await accepting;
      return;
    }
  }
}

async function uploadBatch(
  deps: IngestionDeps,
  batch: Uint8Array,
  { signal }: CallContext,
): Promise<MessageInitShape<typeof BatchAckSchema>> {
  const upload = new Upload(deps, ACK_REFUSED_MAX, { signal });
  await upload.accept(batch);
  await upload.settled();
  if (upload.total.batchesFailed > 0) throw new WatchpostError("INVALID_ARGUMENT", upload.takeRefusals()[0].reason);
  return ackOf(upload);
}

async function acceptAll(upload: Upload, batches: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const batch of batches) {
    const accepted = upload.accept(batch);
    if (accepted !== undefined) await accepted;
  }
  await upload.settled();
}

function ackOf(upload: Upload): MessageInitShape<typeof BatchAckSchema> {
  const { batches, lastBatchId, points, pointsFailed } = upload.total;
  return {
    batches: BigInt(batches),
    lastBatchId,
    pointsProcessed: BigInt(points),
    pointsFailed: BigInt(pointsFailed),
    refused: upload.takeRefusals().map(({ batchIndex, batchId, pointIndex, pointId, reason }) => {
      return { batchIndex: BigInt(batchIndex), batchId, pointIndex, pointId: shownId(pointId), reason };
    }),
  };
}

/** One sentence for UploadResponse.errors. */
function describeRefusal({ batchIndex, batchId, pointIndex, pointId, reason }: Refusal): string {
  const batch = `batch ${batchIndex}${batchId === "" ? "" : ` (${JSON.stringify(batchId)})`}`;
  if (pointIndex < 0) return `${batch}: ${reason}`;
  return `${batch}, point ${pointIndex}${pointId === "" ? "" : ` (${JSON.stringify(shownId(pointId))})`}: ${reason}`;
}

function shownId(pointId: string): string {
  return truncated(pointId, POINT_ID_SHOWN_MAX);
}
