import { expect, test } from "bun:test";
import { DrainingGate } from "../../src/transport/draining-gate.ts";
import { HealthState } from "../../src/transport/health.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import type { Admission, Caller } from "../../src/wire/gate.ts";
import { serverStreaming, THE_SERVER, unary } from "../../src/wire/service.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openGate } from "../support/open-gate.ts";

const [STREAM, CALL] = ["analytics.Nodes/QuerySeries", "analytics.Nodes/ListNodes"];

test("what is drained takes no streams but those of other nodes, and ends those that are open", async () => {
  let via = "token";
  const admission = (): Admission => ({ principal: { ...THE_SERVER, via }, hold: () => () => {} });
  const clock = new ManualClock();
  const health = new HealthState();
  const gate = new DrainingGate({ gate: { ...openGate, admit: admission, callableBy: () => [] }, health, clock });
  gate.serve([
    serverStreaming(Nodes.method.querySeries, async function* () {}),
    unary(Nodes.method.listNodes, async () => ({})),
  ]);
  const admitted = async (name: string) => gate.admit(name, {} as Caller);
  const cuts: string[] = [];
  (await admitted(STREAM)).hold(({ status }) => void cuts.push(`of a client: ${status}`));
  via = "node";
  (await admitted(STREAM)).hold(({ status }) => void cuts.push(`of a node: ${status}`));
  gate.drain();
  clock.advance(10_000);
  expect(cuts).toEqual(["of a client: UNAVAILABLE"]);
  await admitted(STREAM);
  via = "token";
  expect(await admitted(STREAM).catch(({ status }) => status)).toBe("UNAVAILABLE");
  await admitted(CALL);
  gate.undo();
  await admitted(STREAM);
});
