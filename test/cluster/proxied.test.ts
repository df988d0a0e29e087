import { afterEach, expect, test } from "bun:test";
import { create, fromBinary, type DescMethod } from "@bufbuild/protobuf";
import { callerOf, CALLER_HEADER } from "../../src/cluster/peers/caller-record.ts";
import { Peers } from "../../src/cluster/peers/peers.ts";
import { proxied, type DeskSeat } from "../../src/cluster/peers/proxied.ts";
import { scopeOf } from "../../src/model/access.ts";
import type { Clock } from "../../src/model/clock.ts";
import { invalidField, WatchpostError } from "../../src/model/errors.ts";
import { nothingWritten } from "../../src/model/nothing-written.ts";
import { systemClock } from "../../src/model/system-clock.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startGrpcServer } from "../../src/transport/grpc-server.ts";
import {
  Collaboration,
  CollaborationMessageSchema,
  SessionRequestSchema,
} from "../../src/wire/gen/collaboration_pb.ts";
import { ListChangesRequestSchema, Server, WatchStatusRequestSchema } from "../../src/wire/gen/server_pb.ts";
import { bidiStreaming, serverStreaming, unary, type CallContext, type MethodImpl } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openGate } from "../support/open-gate.ts";

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const ANN = {
  ...{ name: "ann", isAuthenticated: true, role: "operator" as const, via: "token", expiresAtMs: 1_900_000_000_000 },
  scope: scopeOf({ sources: [], devices: [], sites: ["hall-*"] }),
};

function failureOf(promise: unknown): Promise<unknown> {
  return (promise as Promise<unknown>).then(
    () => "it did not fail",
    (error: unknown) => error,
  );
}

function contextOf(signal = new AbortController().signal): CallContext {
  return { signal, principal: ANN, headers: new Map(), peer: "10.1.2.3" };
}

/** A desk that is served by another server, and the methods that pass on to it. */
async function setUp(methods: MethodImpl[], clock: Pick<Clock, "after" | "monotonicMs"> = systemClock) {
  const server = await startGrpcServer({
    ...{
      address: "127.0.0.1:0",
      gate: openGate,
      methods,
      health: new HealthState(),
      received: new ReceivedBytes(1 << 27),
    },
  });
  opened.push(() => server.drain(0));
  const peers = new Peers({ key: () => "the key", tls: undefined });
  opened.push(() => peers.close());
  const moved = new AbortController();
  const seat: { -readonly [K in keyof DeskSeat]: DeskSeat[K] } = {
    ...{ here: undefined, address: server.address, until: moved.signal },
  };
  const run = (method: DescMethod, input: unknown, context = contextOf(), raw?: "output") =>
    (proxied(method, raw, { seat: () => seat, peers, clock }).run as (input: unknown, context: CallContext) => unknown)(
      input,
      context,
    );
  return { seat, moved, run };
}

test("a call is passed on with whoever made it, and answered with messages and errors as they are", async () => {
  const seen: CallContext[] = [];
  const { run } = await setUp([
    unary(Server.method.listChanges, async ({ limit }, context) => {
      seen.push(context);
      if (limit > 10) throw invalidField("limit", limit, "at most 10");
      return { nextPage: `page ${limit}` };
    }),
  ]);
  const { method } = Server;
  expect(await run(method.listChanges, create(ListChangesRequestSchema, { limit: 3 }))).toMatchObject({
    nextPage: "page 3",
  });
  expect(seen[0].headers.get("authorization")).toBe("Bearer the key");
  const caller = callerOf(seen[0].headers.get(CALLER_HEADER)!);
  expect({ ...caller.principal, scope: caller.principal.scope.key, peer: caller.peer }).toEqual({
    ...{ ...ANN, scope: ANN.scope.key, peer: "10.1.2.3" },
  });
  expect(await failureOf(run(method.listChanges, create(ListChangesRequestSchema, { limit: 11 })))).toMatchObject({
    ...{ status: "INVALID_ARGUMENT", message: "limit is 11; wanted at most 10", violations: [{ field: "limit" }] },
  });
});

test("a stream is read as fast as it is taken, and ended when nobody reads any more", async () => {
  let [sent, ended] = [0, 0];
  const text = "x".repeat(100_000);
  const { run } = await setUp([
    serverStreaming(Server.method.watchStatus, async function* ({ intervalMs }, { signal }) {
      try {
        for (; sent < intervalMs && !signal.aborted; sent++) yield { version: text };
      } finally {
        ended++;
      }
    }),
  ]);
  const request = create(WatchStatusRequestSchema, { intervalMs: 5_000 });
  const messages = run(Server.method.watchStatus, request) as AsyncGenerator<{ version: string }>;
  expect((await messages.next()).value.version).toBe(text);
  // Long enough for all of them to be sent, if nothing held them back.
  await Bun.sleep(500);
  expect(sent).toBeLessThan(1_000);
  await messages.return(undefined);
  while (ended === 0) await Bun.sleep(5);
});

test("of a stream of bytes bytes come", async () => {
  const { run } = await setUp([
    serverStreaming(Collaboration.method.watchSession, async function* ({ sessionId }) {
      yield { message: `of ${sessionId}` };
    }),
  ]);
  const request = create(SessionRequestSchema, { sessionId: "s" });
  const messages = run(Collaboration.method.watchSession, request, contextOf(), "output") as AsyncIterable<Uint8Array>;
  for await (const bytes of messages) expect(fromBinary(CollaborationMessageSchema, bytes).message).toBe("of s");
});

test("messages go both ways, to the end of either", async () => {
  let isCut = false;
  const { run } = await setUp([
    bidiStreaming(Collaboration.method.joinSession, async function* (messages, { signal }) {
      signal.addEventListener("abort", () => (isCut = true));
      for await (const { message } of messages) {
        if (message === "leave") throw invalidField("message", message, "to stay");
        yield { message: `heard ${message}` };
      }
      yield { message: "bye" };
    }),
  ]);
  const join = async (texts: string[], heard: string[]) => {
    const messages = (async function* () {
      for (const message of texts) yield create(CollaborationMessageSchema, { message });
    })();
    const answers = run(Collaboration.method.joinSession, messages) as AsyncIterable<{ message: string }>;
    for await (const { message } of answers) heard.push(message);
    return heard;
  };
  expect(await join(["a", "b"], [])).toEqual(["heard a", "heard b", "bye"]);
  const heard: string[] = [];
  expect(await failureOf(join(["a", "leave", "b"], heard))).toMatchObject({ status: "INVALID_ARGUMENT" });
  const left = new AbortController();
  const waiting = (async function* () {
    yield create(CollaborationMessageSchema, { message: "a" });
    await new Promise(() => {});
  })();
  const open = run(Collaboration.method.joinSession, waiting, contextOf(left.signal)) as AsyncGenerator;
  await open.next();
  left.abort();
  expect(await failureOf(open.next())).toMatchObject({ status: "CANCELLED" });
  while (!isCut) await Bun.sleep(5);
});

test("without a desk, or with one that is not reached, calls are to be made again; streams end when it moves", async () => {
  const { seat, moved, run } = await setUp([
    serverStreaming(Server.method.watchStatus, async function* (_, { signal }) {
      yield { version: "1" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }),
  ]);
  const request = create(WatchStatusRequestSchema);
  const stream = run(Server.method.watchStatus, request) as AsyncGenerator;
  await stream.next();
  const { address } = seat;
  seat.address = undefined;
  seat.trouble = "Redis is away";
  moved.abort();
  expect(await failureOf(stream.next())).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 1_000 });
  const again = () => Promise.try(() => run(Server.method.listChanges, create(ListChangesRequestSchema)));
  expect(await failureOf(again())).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 1_000 });
  seat.address = "127.0.0.1:1";
  expect(await failureOf(again())).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 1_000 });
  seat.address = address;
  expect(await failureOf(again())).toMatchObject({ status: "UNIMPLEMENTED" });
});

test("a call that comes while the desk moves waits for it, and not for long", async () => {
  const clock = new ManualClock();
  const { seat, moved, run } = await setUp(
    [unary(Server.method.listChanges, async () => ({ nextPage: "there" }))],
    clock,
  );
  const ask = () => run(Server.method.listChanges, create(ListChangesRequestSchema)) as Promise<unknown>;
  const { address } = seat;
  seat.address = undefined;
  const late = failureOf(ask());
  clock.advance(5_000);
  expect(await late).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: 1_000 });
  const waiting = ask();
  seat.address = address;
  moved.abort();
  expect(await waiting).toMatchObject({ nextPage: "there" });
});

test("what the desk here had begun when it moved, and has not written, is done by the one that is; anything else fails", async () => {
  const there: number[] = [];
  const { seat, moved, run } = await setUp([
    unary(Server.method.listChanges, async ({ limit }) => {
      there.push(limit);
      return { nextPage: "there" };
    }),
  ]);
  const failures: Record<number, WatchpostError> = {
    1: new WatchpostError("FAILED_PRECONDITION", "the desk has moved", nothingWritten),
    2: new WatchpostError("UNAVAILABLE", "whether it came is not known"),
  };
  const here = unary(Server.method.listChanges, async ({ limit }) => {
    throw failures[limit];
  });
  seat.here = new Map([[here.method as DescMethod, here]]);
  const ask = (limit: number) => run(Server.method.listChanges, create(ListChangesRequestSchema, { limit }));
  expect(await failureOf(ask(2))).toBe(failures[2]);
  const passedOn = ask(1);
  // The desk here knows by its refused write before the lease is looked at.
  await Bun.sleep(0);
  seat.here = undefined;
  moved.abort();
  expect(await passedOn).toMatchObject({ nextPage: "there" });
  expect(there).toEqual([1]);
});

test("where the desk is here it is asked itself", async () => {
  const { seat, moved, run } = await setUp([]);
  const own = [
    unary(Server.method.listChanges, async () => ({ nextPage: "here" })),
    serverStreaming(Server.method.watchStatus, async function* () {
      yield { version: "here" };
      await new Promise(() => {});
    }),
  ];
  seat.here = new Map(own.map((impl) => [impl.method as DescMethod, impl]));
  expect(await run(Server.method.listChanges, create(ListChangesRequestSchema))).toEqual({ nextPage: "here" });
  const stream = run(Server.method.watchStatus, create(WatchStatusRequestSchema)) as AsyncGenerator;
  expect((await stream.next()).value).toEqual({ version: "here" });
  moved.abort();
  expect(await failureOf(stream.next())).toMatchObject({ status: "UNAVAILABLE" });
});
