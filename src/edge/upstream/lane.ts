/** One stream to the upstream: parts go out in order, their acknowledgements come back in the same order. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { messageOf, WatchpostError } from "../../model/errors.ts";
import type { SequenceRange } from "../../model/sequence-ranges.ts";
import type { UnreadableRows } from "../../store/backlog-protocol.ts";
import type { ForwardedAck, ForwardedSchema, RefusedPoints } from "../../wire/gen/forwarding_pb.ts";
import { BatchAckSchema, BatchDataSchema } from "../../wire/gen/ingestion_pb.ts";
import type { ChunkSpans } from "./chunk-spans.ts";

export type LaneName = "live" | "backlog";
export type ForwardedInit = Omit<MessageInitShape<typeof ForwardedSchema>, "$typeName" | "$unknown">;

/** The transport's end of a stream. */
export interface LaneCall {
  /** False: it is full, wait for `onDrain`. */
  write(message: Uint8Array): boolean;
  /** Ends it; its connection with it. */
  close(): void;
}

export interface LaneEvents {
  onMessage(message: Uint8Array): void;
  onDrain(): void;
  onEnd(error: WatchpostError): void;
}

export type OpenLane = (name: LaneName, events: LaneEvents) => LaneCall;

export interface SentPart {
  readonly sequences: SequenceRange;
  /** They are delivered when it is acknowledged. */
  readonly isLast: boolean;
  readonly isResend: boolean;
  /** Null: it has no points. */
  readonly spans: ChunkSpans | null;
  readonly points: number;
  /** Points that the store could not read any more. */
  readonly unreadable: readonly UnreadableRows[];
}

export interface LaneListener {
  onAcked(parts: readonly SentPart[], refused: readonly RefusedPoints[]): void;
  /** There may be room for more. */
  onRoom(): void;
  onEnd(error: WatchpostError): void;
}

interface PartInFlight extends SentPart {
  readonly bytes: number;
}

export class Lane {
  readonly name: LaneName;
  readonly #listener: LaneListener;
  readonly #call: LaneCall;
  readonly #answer = Promise.withResolvers<ForwardedAck>();
  readonly #parts: PartInFlight[] = [];
  /** Messages that were answered, the first of the stream among them. */
  #answered = 0;
  #isFull = false;
  #isOver = false;
  bytesInFlight = 0;
  pointsInFlight = 0;
  bytesSent = 0;

  constructor(name: LaneName, hello: ForwardedInit, open: OpenLane, listener: LaneListener) {
    this.name = name;
    this.#listener = listener;
    this.#answer.promise.catch(() => {});
    this.#call = open(name, {
      onMessage: (message) => this.#hear(message),
      onDrain: () => {
        this.#isFull = false;
        listener.onRoom();
      },
      onEnd: (error) => this.#end(error),
    });
    this.#isFull = !this.#call.write(messageOfForwarded({ ...hello, lane: name }));
  }

  /** What the receiver says first. Rejects where the stream ends before. */
  get answer(): Promise<ForwardedAck> {
    return this.#answer.promise;
  }

  /** The transport holds as much as it may. */
  get isFull(): boolean {
    return this.#isFull;
  }

  get partsInFlight(): readonly SentPart[] {
    return this.#parts;
  }

  /** Returns the bytes of the message. */
  send(forwarded: ForwardedInit, part: SentPart): number {
    if (this.#isOver) return 0;
    const message = messageOfForwarded(forwarded);
    const bytes = message.byteLength;
    this.#parts.push({ ...part, bytes });
    this.bytesInFlight += bytes;
    this.pointsInFlight += part.points;
    this.bytesSent += bytes;
    if (!this.#call.write(message)) this.#isFull = true;
    return bytes;
  }

  close(): void {
    this.#isOver = true;
    this.#answer.reject(new WatchpostError("CANCELLED", "the stream was closed"));
    this.#call.close();
  }

  #hear(message: Uint8Array): void {
    if (this.#isOver) return;
    try {
      const { batches, forwarded } = fromBinary(BatchAckSchema, message);
      if (forwarded === undefined) {
        // A server from before there was forwarding takes the first message for an empty batch.
        throw new WatchpostError("UNIMPLEMENTED", "the upstream does not know what forwarding is; it is too old");
      }
      const isFirst = this.#answered === 0;
      const acked = this.#parts.splice(0, Number(batches) - (isFirst ? 1 : this.#answered));
      this.#answered = Number(batches);
      if (isFirst) return this.#answer.resolve(forwarded);
      for (const { bytes, points } of acked) {
        this.bytesInFlight -= bytes;
        this.pointsInFlight -= points;
      }
      this.#listener.onAcked(acked, forwarded.refused);
      this.#listener.onRoom();
    } catch (error) {
      const failure = error instanceof WatchpostError ? error : new WatchpostError("INTERNAL", messageOf(error));
      this.#end(failure);
    }
  }

  #end(error: WatchpostError): void {
    if (this.#isOver) return;
    this.#answer.reject(error);
    this.close();
    this.#listener.onEnd(error);
  }
}

function messageOfForwarded(forwarded: ForwardedInit): Uint8Array {
  return toBinary(BatchDataSchema, create(BatchDataSchema, { forwarded }));
}
