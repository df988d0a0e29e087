/** Methods behind a gate that has to look first who calls. */
import { expect, test } from "bun:test";
import { Limits, type LimitSettings } from "../../src/access/limits.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { guarded } from "../../src/transport/guarded.ts";
import type { Admission } from "../../src/wire/gate.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import {
  ANONYMOUS,
  rawClientStreaming,
  serverStreaming,
  type CallContext,
  type MethodImpl,
} from "../../src/wire/service.ts";
import { UNLIMITED } from "../access/rig.ts";
import { ManualClock } from "../support/manual-clock.ts";

function lateRig() {
  const looking = Promise.withResolvers<Admission>();
  const leaving = new AbortController();
  let held = 0;
  const admission: Admission = {
    principal: { ...ANONYMOUS, name: "ann" },
    hold: () => {
      held++;
      return () => void held--;
    },
  };
  const method = serverStreaming(Dashboard.method.subscribeMetrics, async function* (_request, { principal }) {
    yield { dashboardId: principal.name };
    yield { dashboardId: "more" };
  });
  const [impl] = guarded([method], { admit: () => looking.promise });
  const run = impl.run as (request: unknown, context: CallContext) => AsyncIterable<{ dashboardId: string }>;
  const context = { signal: leaving.signal, principal: ANONYMOUS, headers: new Map(), peer: "10.0.0.9", cut() {} };
  const stream = run({}, context)[Symbol.asyncIterator]();
  return { looking, leaving, admission, stream, held: () => held };
}

test("a stream begins once it is known who calls, as whoever that is, and is held while it goes on", async () => {
  const { looking, admission, stream, held } = lateRig();
  const first = stream.next();
  expect(held()).toBe(0);
  looking.resolve(admission);
  expect((await first).value).toEqual({ dashboardId: "ann" });
  expect(held()).toBe(1);
  await stream.return?.();
  expect(held()).toBe(0);
});

test("whoever is refused then hears why; where nobody is there any more nothing is left behind", async () => {
  const refused = lateRig();
  const first = refused.stream.next();
  refused.looking.reject(new WatchpostError("UNAUTHENTICATED", "not known"));
  expect(await Promise.resolve(first).catch(String)).toContain("not known");

  const unread = lateRig();
  unread.leaving.abort();
  unread.looking.reject(new WatchpostError("UNAUTHENTICATED", "not known"));
  const left = lateRig();
  left.leaving.abort();
  left.looking.resolve(left.admission);
  // Rejections that nobody hears of are told by then.
  await new Promise((resolve) => void setTimeout(resolve, 0));
  expect(left.held()).toBe(0);
  const leaves = lateRig();
  const reading = leaves.stream.next();
  leaves.looking.resolve(leaves.admission);
  await reading;
  leaves.leaving.abort();
  expect(leaves.held()).toBe(0);
});

function limitedRig(settings: Partial<LimitSettings>) {
  const limits = new Limits({ settings: { ...UNLIMITED, ...settings }, clock: new ManualClock(), onLimited: () => {} });
  const allowance = limits.allowanceOf({ isAuthenticated: true, name: "ann" }, "");
  const gate = { admit: () => ({ principal: ANONYMOUS, allowance, hold: () => () => {} }) };
  const until = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
  const [subscribe, upload] = guarded(
    [
      serverStreaming(Dashboard.method.subscribeMetrics, async function* (_request, { signal }) {
        yield { dashboardId: "first" };
        await until(signal);
      }),
      rawClientStreaming(DataIngestion.method.uploadData, async (_batches, { signal }) => {
        await until(signal);
        return {};
      }),
    ],
    gate,
  );
  const call = (impl: MethodImpl) => {
    const leaving = new AbortController();
    const context = { signal: leaving.signal, principal: ANONYMOUS, headers: new Map(), peer: "" };
    return { leave: () => leaving.abort(), output: () => impl.run({} as never, context) as never };
  };
  return { subscribe: () => call(subscribe), upload: () => call(upload) };
}

/** Calls that stream to the server are admitted by then. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

async function refusalOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "none";
  } catch (error) {
    return (error as WatchpostError).message;
  }
}

test("streams of one caller are counted, either way, until each has ended, however it ends", async () => {
  const { subscribe, upload } = limitedRig({ streams: 2 });
  const [reading, sending] = [subscribe(), upload()];
  const stream = (reading.output() as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  await stream.next();
  const sent = sending.output() as Promise<unknown>;
  await turn();
  expect(await refusalOf(() => subscribe().output())).toContain("(limits.streams is 2)");
  expect(await refusalOf(() => upload().output())).toContain("(limits.streams is 2)");
  sending.leave();
  await sent;
  const third = subscribe();
  third.output();
  expect(await refusalOf(() => subscribe().output())).toContain("(limits.streams is 2)");
  await Promise.all([stream.return?.(), reading.leave()]);
  third.leave();
  for (const each of [subscribe(), subscribe()]) each.output();
  expect(await refusalOf(() => subscribe().output())).toContain("(limits.streams is 2)");
});

test("a subscription that is refused holds no stream", async () => {
  const { subscribe, upload } = limitedRig({ streams: 2, subscriptions: 1 });
  subscribe().output();
  for (let i = 0; i < 3; i++) {
    expect(await refusalOf(() => subscribe().output())).toContain("(limits.subscriptions is 1)");
  }
  const sending = upload();
  const sent = sending.output() as Promise<unknown>;
  await turn();
  expect(await refusalOf(() => upload().output())).toContain("(limits.streams is 2)");
  sending.leave();
  await sent;
});
