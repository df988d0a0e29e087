/** Edits that meet, over real gRPC, gRPC-Web and Connect: whoever is later gets what there is in the details. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { afterEach, expect, test } from "bun:test";
import { ask } from "../../../src/client/ask.ts";
import { Connection } from "../../../src/client/connection.ts";
import { ReceivedBytes } from "../../../src/transport/received-bytes.ts";
import { startWebServer } from "../../../src/transport/web-server.ts";
import { HealthState } from "../../../src/transport/health.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { IssueSchema } from "../../../src/wire/gen/issues_pb.ts";
import { unpacked } from "../../../src/wire/status.ts";
import { startToyServer } from "../../support/toy-server.ts";
import { failureOf, IssuesRig } from "./issues-rig.ts";
import { OPEN } from "../../support/open-gate.ts";

const opened: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});

/** One issue, which bob has changed since its first revision. */
async function edited(): Promise<IssuesRig> {
  const rig = await IssuesRig.open();
  await rig.make({ title: "pump is loud", description: "since noon \u202e<b>", links: { devices: ["p1"] } });
  await rig.update({ number: 1n, userId: "bob", priority: "critical", comment: "x".repeat(16_000) });
  return rig;
}

const LATE = { number: 1n, revision: 1n, userId: "ann", title: "mine" };
const SENTENCE =
  /^issue 1 is at revision 2, made by "bob" at 2026-01-01T00:00:00.000Z, and revision 1 was edited; wanted/;
const CURRENT = {
  number: 1n,
  title: "pump is loud",
  description: "since noon \u202e<b>",
  priority: "critical",
  revision: 2n,
  updatedBy: "bob",
  links: { devices: ["p1"] },
};

test("gRPC", async () => {
  const rig = await edited();
  const server = await startToyServer(rig.methods);
  opened.push({ close: () => server[Symbol.asyncDispose]() });
  const connection = new Connection(server.address);
  opened.push(connection);
  const failure = await failureOf(ask(connection, Collaboration.method.updateIssue, LATE, {}));
  expect([failure.status, failure.message]).toEqual(["ABORTED", expect.stringMatching(SENTENCE)]);
  const current = unpacked(failure, IssueSchema)!;
  expect(current).toMatchObject(CURRENT);
  const { issue } = await ask(
    connection,
    Collaboration.method.updateIssue,
    { ...LATE, revision: current.revision },
    {},
  );
  expect(issue).toMatchObject({ title: "mine", priority: "critical", revision: 3n });
});

test("gRPC: the longest details come through", async () => {
  const rig = await IssuesRig.open();
  const devices = Array.from({ length: 35 }, (_, i) => `device-${i}-${"x".repeat(90)}`);
  await rig.make({ title: "t".repeat(256), links: { devices } });
  await rig.update({ number: 1n, priority: "low" });
  const server = await startToyServer(rig.methods);
  opened.push({ close: () => server[Symbol.asyncDispose]() });
  const connection = new Connection(server.address);
  opened.push(connection);
  const failure = await failureOf(ask(connection, Collaboration.method.updateIssue, LATE, {}));
  const current = unpacked(failure, IssueSchema)!;
  expect(current.links!.devices).toEqual(devices);
  expect(toBinary(IssueSchema, create(IssueSchema, current)).length).toBeWithin(3_500, 4_097);
});

for (const [name, transportOf] of [
  ["Connect with JSON", (baseUrl: string) => createConnectTransport({ baseUrl })],
  ["Connect with binary", (baseUrl: string) => createConnectTransport({ baseUrl, useBinaryFormat: true })],
  ["gRPC-Web", (baseUrl: string) => createGrpcWebTransport({ baseUrl })],
] as const) {
  test(name, async () => {
    const rig = await edited();
    const server = await startWebServer({
      ...OPEN,
      address: "127.0.0.1:0",
      methods: rig.methods,
      health: new HealthState(),
      received: new ReceivedBytes(64 * 1024 * 1024),
      origins: [],
      metricsText: async () => "",
    });
    opened.push({ close: () => server.drain(0) });
    const client = createClient(Collaboration, transportOf(`http://${server.address}`));
    const failure = ConnectError.from(await client.updateIssue(LATE).catch((error: unknown) => error));
    expect([failure.code, failure.rawMessage]).toEqual([Code.Aborted, expect.stringMatching(SENTENCE)]);
    const [current] = failure.findDetails(IssueSchema);
    expect(current).toMatchObject(CURRENT);
    const { issue } = await client.updateIssue({ ...LATE, revision: current.revision });
    expect(issue).toMatchObject({ title: "mine", priority: "critical", revision: 3n });
  });
}
