/** A server with one session that keeps its messages over everything that is done to it: streams that are cut, cursors it forgets. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../../src/model/errors.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  type MemberSchema,
  type CollaborationMessage,
} from "../../src/wire/gen/collaboration_pb.ts";
import { bidiStreaming } from "../../src/wire/service.ts";
import { startToyServer } from "../support/toy-server.ts";

type Said = Pick<CollaborationMessage, "userId" | "messageType" | "message" | "metadata"> & {
  readonly members?: MessageInitShape<typeof MemberSchema>[];
};

interface Stream {
  readonly userId: string;
  readonly waiting: CollaborationMessage[];
  failure: WatchpostError | undefined;
  wake(): void;
}

export interface FakeRoom extends AsyncDisposable {
  readonly address: string;
  readonly kept: readonly CollaborationMessage[];
  /** First messages of all streams. */
  readonly joins: readonly CollaborationMessage[];
  /** Messages that were told and not kept. */
  readonly passing: readonly CollaborationMessage[];
  readonly streams: number;
  /** Of somebody who is not connected. */
  say(userId: string, message: string, messageType?: string, metadata?: Record<string, string>): void;
  /** Ends all streams; what waits in them is lost. */
  cut(error?: WatchpostError): void;
  /** Cuts a stream right before its `nth` confirmation from now on, when the message is kept. */
  loseConfirmation(nth: number): void;
  /** No cursor of before is known any more. */
  forgetCursors(): void;
}

const system = (event: string, more: MessageInitShape<typeof CollaborationMessageSchema> = {}) =>
  create(CollaborationMessageSchema, {
    ...(more as object),
    messageType: "system",
    metadata: { event, ...more.metadata },
  });

export async function startFakeRoom({ refuses = "refuse me" } = {}): Promise<FakeRoom> {
  const kept: CollaborationMessage[] = [];
  const joins: CollaborationMessage[] = [];
  const passing: CollaborationMessage[] = [];
  const streams = new Set<Stream>();
  const byClientId = new Map<string, CollaborationMessage>();
  let epoch = 1;
  let loseIn = 0;
  let isFast = true;
  const cursorOf = (number: bigint) => `${epoch}:${number}`;
  const tell = (stream: Stream, message: CollaborationMessage) => {
    stream.waiting.push(message);
    stream.wake();
  };
  const fail = (stream: Stream, error: WatchpostError) => {
    stream.failure = error;
    stream.waiting.length = 0;
    stream.wake();
  };
  const keep = ({ userId, messageType, message, metadata, members = [] }: Said, sender?: Stream) => {
    const number = BigInt(kept.length + 1);
    const numbered = create(CollaborationMessageSchema, {
      ...{ userId, messageType: messageType || "chat", message, metadata, members, sessionId: "room", number },
      timestamp: { seconds: 1_767_225_600n + number, nanos: 0 },
      cursor: cursorOf(number),
    });
    kept.push(numbered);
    for (const stream of streams) if (stream !== sender) tell(stream, numbered);
    return numbered;
  };
  const confirm = (stream: Stream, { number, timestamp, metadata }: CollaborationMessage) => {
    if (loseIn > 0 && --loseIn === 0) return fail(stream, new WatchpostError("UNAVAILABLE", "cut"));
    const id = metadata["client_message_id"] ?? "";
    tell(
      stream,
      system("confirmed", {
        number,
        cursor: cursorOf(number),
        timestamp: timestamp!,
        metadata: { client_message_id: id },
      }),
    );
  };
  const take = (stream: Stream, said: CollaborationMessage) => {
    if (stream.failure !== undefined) return;
    const { messageType, message, metadata } = said;
    const id = metadata["client_message_id"] ?? "";
    if (messageType === "heartbeat") return;
    if (messageType === "typing" || messageType === "cursor") return void passing.push(said);
    if (message === "too fast" && isFast) {
      isFast = false;
      const error = { error: "RESOURCE_EXHAUSTED", retry_after_ms: "5", client_message_id: id };
      return tell(stream, create(CollaborationMessageSchema, { messageType: "system", metadata: error }));
    }
    if (message === refuses) {
      const error = { error: "INVALID_ARGUMENT", ...(id === "" ? {} : { client_message_id: id }) };
      return tell(
        stream,
        create(CollaborationMessageSchema, { messageType: "system", message: "no", metadata: error }),
      );
    }
    const before = byClientId.get(id);
    if (before !== undefined) return confirm(stream, before);
    const numbered = keep({ ...said, userId: stream.userId }, stream);
    if (id === "") return;
    byClientId.set(id, numbered);
    confirm(stream, numbered);
  };
  const join = bidiStreaming(Collaboration.method.joinSession, async function* (requests) {
    const incoming = requests[Symbol.asyncIterator]();
    const { value: first } = (await incoming.next()) as { value: CollaborationMessage };
    joins.push(first);
    const cursorGiven = first.metadata["cursor"] ?? "";
    const [cursorEpoch = "", after = ""] = cursorGiven.split(":");
    if (cursorGiven !== "" && cursorEpoch !== String(epoch)) throw new WatchpostError("OUT_OF_RANGE", "cannot go on");
    const stream: Stream = { userId: first.userId, waiting: [], failure: undefined, wake: () => {} };
    const { waiting } = stream;
    if (cursorGiven !== "") waiting.push(...kept.slice(Number(after)), system("resumed"));
    else {
      const members = [...streams, stream].map(({ userId }) => ({ userId, streams: 1 }));
      const last = Number(first.metadata["last"] ?? 50);
      const cursor = cursorOf(BigInt(kept.length));
      waiting.push(system("snapshot", { members }));
      if (last > 0) waiting.push(...kept.slice(-last));
      waiting.push(system("snapshot_end", { cursor }));
    }
    streams.add(stream);
    const { userId } = stream;
    const who = { userId, members: [{ userId, streams: 1 }] };
    keep({ ...who, messageType: "system", message: "", metadata: { event: "joined" } }, stream);
    let isOver = false;
    void (async () => {
      for (let next = await incoming.next(); !next.done; next = await incoming.next()) take(stream, next.value);
    })()
      .catch(() => {})
      .finally(() => {
        isOver = true;
        stream.wake();
      });
    try {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()!;
        if (stream.failure !== undefined) throw stream.failure;
        if (isOver) return;
        await new Promise<void>((resolve) => (stream.wake = resolve));
      }
    } finally {
      streams.delete(stream);
    }
  });
  const server = await startToyServer([join]);
  return {
    address: server.address,
    kept,
    joins,
    passing,
    get streams() {
      return streams.size;
    },
    say: (userId, message, messageType = "chat", metadata = {}) =>
      void keep({ userId, message, messageType, metadata }),
    cut: (error = new WatchpostError("UNAVAILABLE", "cut")) => streams.forEach((stream) => fail(stream, error)),
    loseConfirmation: (nth) => void (loseIn = nth),
    forgetCursors: () => void epoch++,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
