/** Whom a node asks for what it has not got of the shared journal. */
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { Peers } from "../../../src/cluster/peers/peers.ts";
import { readFromMembers } from "../../../src/cluster/shared/read-from-members.ts";
import { statePageMessage, statePageOf } from "../../../src/cluster/shared/state-pages.ts";
import type { StoredDocument } from "../../../src/model/journal.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { startGrpcServer } from "../../../src/transport/grpc-server.ts";
import { HealthState } from "../../../src/transport/health.ts";
import { ReceivedBytes } from "../../../src/transport/received-bytes.ts";
import {
  NodeRecordSchema,
  Nodes,
  type SharedStatePage,
  SharedStatePageSchema,
} from "../../../src/wire/gen/nodes_pb.ts";
import { serverStreaming } from "../../../src/wire/service.ts";
import type { SharedJournal } from "../../../src/cluster/shared/shared-journal.ts";
import { changeOf, eventOf, upTo } from "../../log/journal-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { openGate } from "../../support/open-gate.ts";
import { hasRedis } from "../redis-server.ts";
import { contentOf, recordOf, SharedCluster } from "./shared-rig.ts";

function stateMethodOf(shared: Pick<SharedJournal, "readState">) {
  return serverStreaming(Nodes.method.readSharedState, ({ afterPosition }) => shared.readState(Number(afterPosition)));
}

const PAGE = {
  state: { epoch: 2 ** 48 - 1, position: 2 ** 40, link: 2 ** 52, firstPosition: 3 },
  entries: [{ position: 2 ** 40, ...eventOf(-1) }],
  documents: [{ ...changeOf("k", 1), sort: -0.5 } as StoredDocument],
};

function member(nodeId: string, journalPosition: bigint, journalEpoch = 1n) {
  return create(NodeRecordSchema, { nodeId, name: nodeId, address: nodeId, journalPosition, journalEpoch });
}

type Call = (address: string) => AsyncIterable<SharedStatePage>;

async function read(call: Call, clock = new ManualClock()) {
  const asked: string[] = [];
  const members = [member("me", 9n), member("low", 5n), member("high", 8n), member("new", 0n, 0n)];
  const peers: Pick<Peers, "serverStreaming"> = {
    async *serverStreaming(address) {
      asked.push(address);
      for await (const each of call(address)) yield toBinary(SharedStatePageSchema, each);
    },
  };
  const deps = { nodeId: "me", clock, members: () => members, peers };
  const pages: SharedStatePage[] = [];
  let failure = "";
  try {
    for await (const page of readFromMembers(deps, 0, new AbortController().signal)) pages.push(page);
  } catch (error) {
    failure = String(error);
  }
  return { asked, pages: pages.length, failure };
}

const page = statePageMessage(PAGE);

test("pages are the same on the other side", () => {
  expect(statePageOf(page)).toEqual(PAGE);
});

test("whoever has most is asked first, and others where it does not answer", async () => {
  expect(
    await read(async function* () {
      yield page;
      yield page;
    }),
  ).toEqual({ asked: ["high"], pages: 2, failure: "" });
  expect(
    await read(async function* (nodeId) {
      if (nodeId === "high") throw new Error("refused");
      yield page;
    }),
  ).toEqual({ asked: ["high", "low"], pages: 1, failure: "" });
});

test("one that ends in the middle is no whole answer, nor are pages of two", async () => {
  const { asked, pages, failure } = await read(async function* () {
    yield page;
    throw new Error("broken");
  });
  expect([asked, pages]).toEqual([["high"], 1]);
  expect(failure).toContain("cannot be read from another node: high: broken");
});

test("one that tells nothing is not waited for", async () => {
  const clock = new ManualClock();
  const reading = read(async function* (nodeId) {
    if (nodeId === "high") await new Promise(() => {});
    yield page;
  }, clock);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  expect(await reading).toEqual({ asked: ["high", "low"], pages: 1, failure: "" });
});

test.skipIf(!hasRedis)(
  "a node joins over gRPC, whatever there is",
  async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const large = { ...changeOf("large", 1), value: JSON.stringify("é".repeat(3_000_000)) };
    await a.journal.append([eventOf(0)], [large]);
    await a.journal.append(
      upTo(2_000).map((n) => eventOf(n)),
      upTo(2_000).map((n) => changeOf(`k${n}`, n)),
    );
    const server = await startGrpcServer({
      ...{ address: "127.0.0.1:0", gate: openGate, methods: [stateMethodOf(a.shared)] },
      ...{ health: new HealthState(), received: new ReceivedBytes(1 << 27) },
    });
    const peers = new Peers({ key: () => "the key", tls: undefined });
    const members = () => [{ ...recordOf("a", a.shared), name: "a", address: server.address }];
    const deps = { nodeId: "b", clock: systemClock, members, peers };
    const b = await cluster.open("b", {
      deps: { readSharedState: (after, signal) => readFromMembers(deps, after, signal) },
    });
    expect(await contentOf(b.journal, ["alerts"])).toEqual(await contentOf(a.journal, ["alerts"]));
    peers.close();
    await server.drain(0);
  },
  120_000,
);
