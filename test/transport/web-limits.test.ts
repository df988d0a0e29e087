/** What HTTP says where somebody may not at present: 429, and when to try again. */
import { expect, test } from "bun:test";
import { Limits } from "../../src/access/limits.ts";
import { WatchpostError } from "../../src/model/errors.ts";
import { HealthState } from "../../src/transport/health.ts";
import { ReceivedBytes } from "../../src/transport/received-bytes.ts";
import { startWebServer } from "../../src/transport/web-server.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { unary } from "../../src/wire/service.ts";
import { UNLIMITED } from "../access/rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN } from "../support/open-gate.ts";

async function start(run: () => Promise<never>, connectionsMax = Infinity) {
  const settings = { ...UNLIMITED, connections_per_address: connectionsMax };
  const limits = new Limits({ settings, clock: new ManualClock(), onLimited: () => {} });
  const server = await startWebServer({
    ...OPEN,
    ...{ address: "127.0.0.1:0", health: new HealthState(), received: new ReceivedBytes(1 << 20), origins: [] },
    connections: limits,
    methods: [unary(Dashboard.method.queryRange, run)],
    metricsText: async () => "",
  });
  const query = () =>
    fetch(`http://${server.address}/analytics.Dashboard/QueryRange`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
  return { limits, query, address: server.address, [Symbol.asyncDispose]: () => server.drain(0) };
}

test("a call that is refused for a while says how long, as Connect and as HTTP do", async () => {
  const refusal = new WatchpostError("RESOURCE_EXHAUSTED", "too much", { retryAfterMs: 1_200 });
  await using server = await start(() => Promise.reject(refusal));
  const answer = await server.query();
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "2"]);
  expect(await answer.json()).toMatchObject({
    code: "resource_exhausted",
    details: [{ type: "google.rpc.RetryInfo", debug: { retryDelay: "1.200s" } }],
  });
});

test("requests of one address are counted while they are answered", async () => {
  const begun = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<never>();
  await using server = await start(() => (begun.resolve(), answering.promise), 1);
  const first = server.query();
  await begun.promise;
  const second = await fetch(`http://${server.address}/healthz`);
  expect([second.status, second.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await second.text()).toContain("the address 127.0.0.1 has as many connections open as it may have");
  answering.resolve({} as never);
  expect((await first).status).toBe(200);
  expect((await fetch(`http://${server.address}/healthz`)).status).toBe(200);
  expect(server.limits.connections).toBe(0);
});
