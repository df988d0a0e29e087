/** Where the other nodes take the desk to be, and when streams of it end. */
import { expect, test } from "bun:test";
import { MovingDesk } from "../../src/app/moving-desk.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { ANONYMOUS, type CallContext } from "../../src/wire/service.ts";
import { turns } from "../ingestion/rig.ts";
import { ManualClock } from "../support/manual-clock.ts";

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

function createDesk() {
  const at = { address: "10.0.0.1:50051" as string | undefined, isAwaited: false };
  const asked: string[] = [];
  const desk = new MovingDesk({
    peers: {
      unary: () => Promise.reject(new Error("nobody calls it")),
      async *serverStreaming(address: string) {
        asked.push(address);
        await new Promise(() => {});
        yield new Uint8Array(0);
      },
      bidi: () => {
        throw new Error("nobody calls it");
      },
    },
    ...{ logger: QUIET, clock: new ManualClock(), stopping: new AbortController().signal },
    trouble: () => "",
    addressOfHolder: () => at.address,
    isAwaited: () => at.isAwaited,
    open: () => Promise.reject(new Error("it is not here")),
    evaluated: () => undefined,
    onHearing: () => {},
    giveBack: async () => {},
    written: (methods) => methods,
  });
  desk.look();
  const method = desk.methods.find(({ method: each }) => each === Alerts.method.subscribeAlerts)!;
  const run = method.run as (request: unknown, context: CallContext) => AsyncGenerator<unknown>;
  const context = { signal: new AbortController().signal, principal: ANONYMOUS, headers: new Map(), peer: "" };
  const follow = () => {
    const end: { error?: unknown } = {};
    run({}, context)
      .next()
      .catch((error: unknown) => (end.error = error));
    return end;
  };
  return { at, asked, desk, follow };
}

test("streams end when the desk moves, and not while Redis has only just come back and does not know where it is", async () => {
  const { at, asked, desk, follow } = createDesk();
  const end = follow();
  await turns();
  Object.assign(at, { address: undefined, isAwaited: true });
  desk.look();
  expect(desk.isKnown).toBeTrue();
  Object.assign(at, { address: "10.0.0.1:50051", isAwaited: false });
  desk.look();
  await turns();
  expect([end.error, asked]).toEqual([undefined, ["10.0.0.1:50051"]]);
  // It was not there any more.
  Object.assign(at, { address: undefined, isAwaited: true });
  desk.look();
  at.isAwaited = false;
  desk.look();
  await turns();
  expect(end.error).toMatchObject({ status: "UNAVAILABLE", message: expect.stringContaining("the desk has moved") });
  expect(desk.isKnown).toBeFalse();
});

test("streams end at once where another node is known to be it", async () => {
  const { at, desk, follow } = createDesk();
  const end = follow();
  await turns();
  Object.assign(at, { address: "10.0.0.2:50051", isAwaited: true });
  desk.look();
  await turns();
  expect(end.error).toMatchObject({ status: "UNAVAILABLE" });
});
