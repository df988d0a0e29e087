/** The acks of one stream of batches. A fleet has thousands of them that mostly wait: nothing waits with them but this. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { truncated } from "../model/errors.ts";
import { ACK_REFUSED_MAX } from "../model/limits.ts";
import { eachOf, type Take } from "../model/pushed-stream.ts";
import type { BatchAckSchema } from "../wire/gen/ingestion_pb.ts";
import { Upload, type UploadDeps, type UploadOptions } from "./upload.ts";

export type Ack = MessageInitShape<typeof BatchAckSchema>;

const POINT_ID_SHOWN_MAX = 128;

/** Acks whatever became durable since the ack before; a sender that reads slowly gets fewer of them. */
export class AckStream {
  readonly #upload: Upload;
  readonly #write: Take<Ack>;
  readonly #over = Promise.withResolvers<void>();
  #acked = 0;
  #isWriting = false;
  #ended: { readonly error?: unknown } | undefined;

  constructor(deps: UploadDeps, write: Take<Ack>, options: Omit<UploadOptions, "onProgress">) {
    this.#upload = new Upload(deps, ACK_REFUSED_MAX, { ...options, onProgress: () => this.#go() });
    this.#write = write;
  }

  /**
   * Takes `first`, then what follows in `batches`. Resolves when all are acked; rejects when the batches fail, or one could not
   * be committed, after what was committed before is acked.
   */
  run(first: Uint8Array, batches: AsyncIterator<Uint8Array>): Promise<void> {
    Promise.race([acceptFrom(this.#upload, first, batches), this.#upload.failed]).then(
      () => this.#end({}),
      (error: unknown) => this.#end({ error }),
    );
    return this.#over.promise;
  }

  #end(ended: { readonly error?: unknown }): void {
    this.#ended = ended;
    this.#go();
  }

  #go(): void {
    if (this.#isWriting) return;
    const { batches } = this.#upload.total;
    if (batches > this.#acked) {
      this.#acked = batches;
      return this.#ack();
    }
    if (this.#ended === undefined) return;
    if ("error" in this.#ended) this.#over.reject(this.#ended.error);
    else this.#over.resolve();
  }

  #ack(): void {
    try {
      const written = this.#write(ackOf(this.#upload));
      if (written === undefined) return this.#go();
      this.#isWriting = true;
      written.then(
        () => {
          this.#isWriting = false;
          this.#go();
        },
        (error: unknown) => this.#over.reject(error),
      );
    } catch (error) {
      this.#over.reject(error);
    }
  }
}

/** By itself, for what is given to it would be held by every function that is made beside it. */
function acceptFrom(upload: Upload, first: Uint8Array, batches: AsyncIterator<Uint8Array>): Promise<void> {
  return Promise.try(() => upload.accept(first)).then(() => acceptAll(upload, batches));
}

/** Resolves when all are durable or refused. */
export async function acceptAll(upload: Upload, batches: AsyncIterator<Uint8Array>): Promise<void> {
  await eachOf(batches, (batch) => upload.accept(batch));
  await upload.settled();
}

export function ackOf(upload: Upload): Ack {
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

export function shownId(pointId: string): string {
  return truncated(pointId, POINT_ID_SHOWN_MAX);
}
