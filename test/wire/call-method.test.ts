/** Calls from within reach the functions that are served, and no others. */
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { WatchpostError } from "../../src/model/errors.ts";
import { commandsOf } from "../../src/wire/call-method.ts";
import { Alerts, type AcknowledgeAlertRequest } from "../../src/wire/gen/alerts_pb.ts";
import { ANONYMOUS, rawUnary, serverStreaming, unary, writingUnary, type CallContext } from "../../src/wire/service.ts";

const context: CallContext = {
  signal: AbortSignal.timeout(60_000),
  principal: ANONYMOUS,
  headers: new Map(),
  peer: "test",
};

test("a call is the method's own, with the context of whoever calls; answers and errors are whole", async () => {
  const heard: [AcknowledgeAlertRequest, CallContext][] = [];
  const commands = commandsOf([
    unary(Alerts.method.acknowledgeAlert, async (request, given) => {
      heard.push([request, given]);
      return { alert: { id: request.id } };
    }),
    unary(Alerts.method.resolveAlert, async () => {
      throw new WatchpostError("PERMISSION_DENIED", "not yours");
    }),
  ]);
  const answer = await commands(Alerts.method.acknowledgeAlert, { id: "a1" }, context);
  expect(answer).toEqual(create(Alerts.method.acknowledgeAlert.output, { alert: { id: "a1" } }));
  expect(heard).toEqual([[create(Alerts.method.acknowledgeAlert.input, { id: "a1" }), context]]);
  expect(heard[0][1]).toBe(context);
  expect(commands(Alerts.method.resolveAlert, { id: "a1" }, context)).rejects.toMatchObject({
    status: "PERMISSION_DENIED",
    message: "not yours",
  });
});

test("what streams, takes or gives bytes, or is not served is refused by name", async () => {
  const never = () => {
    throw new Error("was called");
  };
  const commands = commandsOf([
    rawUnary(Alerts.method.listAlerts, never),
    writingUnary(Alerts.method.listIncidents, never),
    serverStreaming(Alerts.method.subscribeAlerts, never),
  ]);
  for (const [method, why] of [
    [Alerts.method.listAlerts, "it takes or gives bytes"],
    [Alerts.method.listIncidents, "it takes or gives bytes"],
    [Alerts.method.subscribeAlerts, "it streams"],
    [Alerts.method.putRule, "it is not served"],
  ] as const) {
    expect(commands(method as typeof Alerts.method.putRule, {}, context)).rejects.toMatchObject({
      status: "UNIMPLEMENTED",
      message: `analytics.Alerts/${method.name} cannot be called from within: ${why}`,
    });
  }
});
