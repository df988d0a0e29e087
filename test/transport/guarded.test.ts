/** Methods behind a gate that has to look first who calls. */
import { expect, test } from "bun:test";
import { WatchpostError } from "../../src/model/errors.ts";
import { guarded } from "../../src/transport/guarded.ts";
import type { Admission } from "../../src/wire/gate.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { ANONYMOUS, serverStreaming, type CallContext } from "../../src/wire/service.ts";

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
