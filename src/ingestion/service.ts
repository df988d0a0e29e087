/** DataIngestion: the three ways of sending batches, over one {@link Upload} each. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import { ACK_REFUSED_MAX, UPLOAD_ERRORS_MAX } from "../model/limits.ts";
import { eachOf, pulled, type PushedStream, type Take } from "../model/pushed-stream.ts";
import { DataIngestion, type UploadResponseSchema } from "../wire/gen/ingestion_pb.ts";
import { rawBidiStreaming, rawClientStreaming, rawUnary, type CallContext, type MethodImpl } from "../wire/service.ts";
import { FORWARDED_TAG } from "../wire/decode-batch.ts";
import { AckStream, acceptAll, ackOf, shownId, type Ack } from "./ack-stream.ts";
import type { ForwardingDeps } from "./forwarding/forwarded-stream.ts";
import type { SenderOf } from "./limited-sender.ts";
import { Upload, type Refusal, type UploadDeps, type UploadOptions } from "./upload.ts";

const INT32_MAX = 2 ** 31 - 1;

export interface IngestionDeps extends UploadDeps {
  readonly forwarding: ForwardingDeps;
  readonly senderOf: SenderOf;
  /** A name for one upload, unique on this server. */
  newUploadId(): string;
}

export function ingestionMethods(deps: IngestionDeps): MethodImpl[] {
  return [
    rawClientStreaming(DataIngestion.method.uploadData, (batches, context) => uploadData(deps, batches, context)),
    rawBidiStreaming(DataIngestion.method.streamData, (batches, context) => new StreamOfAny(deps, batches, context)),
    rawUnary(DataIngestion.method.uploadBatch, (batch, context) => uploadBatch(deps, batch, context)),
  ];
}

async function uploadData(
  deps: IngestionDeps,
  batches: AsyncIterable<Uint8Array>,
  context: CallContext,
): Promise<MessageInitShape<typeof UploadResponseSchema>> {
  const upload = new Upload(deps, UPLOAD_ERRORS_MAX, optionsOf(deps, context));
  const { uploadStreams } = deps.metrics;
  uploadStreams.inc();
  try {
    await Promise.race([acceptAll(upload, batches[Symbol.asyncIterator]()), upload.failed]);
  } finally {
    uploadStreams.dec();
  }
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

/** StreamData, of devices and of nodes that forward: those say so with their first message. */
class StreamOfAny implements PushedStream<Ack>, AsyncIterable<Ack> {
  readonly #deps: IngestionDeps;
  readonly #batches: AsyncIterator<Uint8Array>;
  readonly #context: CallContext;

  constructor(deps: IngestionDeps, batches: AsyncIterable<Uint8Array>, context: CallContext) {
    this.#deps = deps;
    this.#batches = batches[Symbol.asyncIterator]();
    this.#context = context;
  }

  [Symbol.asyncIterator](): AsyncIterator<Ack> {
    return pulled(this);
  }

  each(write: Take<Ack>): Promise<void> {
    // No async function: it would hold the first message as long as the stream.
    return this.#batches.next().then((first) => (first.done ? undefined : this.#begin(first.value, write)));
  }

  #begin(first: Uint8Array, write: Take<Ack>): Promise<void> {
    const [deps, batches] = [this.#deps, this.#batches];
    const isForwarded = first[0] === FORWARDED_TAG;
    const over = isForwarded
      ? this.#forward(first, write)
      : new AckStream(deps, write, optionsOf(deps, this.#context)).run(first, batches);
    // Where a message is still waited for it ends with that: nobody waits for it here.
    deps.metrics.uploadStreams.inc();
    return over.finally(() => {
      deps.metrics.uploadStreams.dec();
      void batches.return?.().catch(() => {});
    });
  }

  /** Its code is late: few servers are the upstream of another. */
  async #forward(first: Uint8Array, write: Take<Ack>): Promise<void> {
    const { forwardedStream } = await import("./forwarding/forwarded-stream.ts");
    const acks = forwardedStream(first, this.#batches, this.#deps.forwarding, this.#context);
    return eachOf(acks[Symbol.asyncIterator](), write);
  }
}

async function uploadBatch(deps: IngestionDeps, batch: Uint8Array, context: CallContext): Promise<Ack> {
  const upload = new Upload(deps, ACK_REFUSED_MAX, optionsOf(deps, context));
  await upload.accept(batch);
  await upload.settled();
  const { batchesFailed, points, pointsFailed } = upload.total;
  if (batchesFailed > 0) throw new WatchpostError("INVALID_ARGUMENT", upload.takeRefusals()[0].reason);
  const retryAfterMs = upload.limited?.retryAfterMs;
  if (retryAfterMs === undefined) return ackOf(upload);
  // The batch is all there is of the call: whoever sends it again when they may loses nothing.
  const said = upload.takeRefusals().map(({ pointIndex, reason }) => `point ${pointIndex} ${reason}`);
  const message = `${pointsFailed} points were refused, ${points} are stored: ${said.slice(0, UPLOAD_ERRORS_MAX).join("; ")}`;
  throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs });
}

function optionsOf({ senderOf }: IngestionDeps, { signal, principal, allowance }: CallContext): UploadOptions {
  return { signal, sender: senderOf(principal), allowance };
}

/** One sentence for UploadResponse.errors. */
function describeRefusal({ batchIndex, batchId, pointIndex, pointId, reason }: Refusal): string {
  const batch = `batch ${batchIndex}${batchId === "" ? "" : ` (${JSON.stringify(batchId)})`}`;
  if (pointIndex < 0) return `${batch}: ${reason}`;
  return `${batch}, point ${pointIndex}${pointId === "" ? "" : ` (${JSON.stringify(shownId(pointId))})`}: ${reason}`;
}
