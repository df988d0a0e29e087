import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { historyPeers } from "../../src/cluster/history/history-peers.ts";
import { PROTOCOL, protocolFault } from "../../src/cluster/protocol.ts";
import { NodeRecordSchema, Nodes } from "../../src/wire/gen/nodes_pb.ts";

const own = { version: "1.4", protocol: 5 };
const fault = (protocol: number) => protocolFault({ name: "hall-1", version: "1.0", protocol }, own);

test("nodes whose protocols are one apart understand each other, others are told which to upgrade over what", () => {
  expect([4, 5, 6].map(fault)).toEqual(["", "", ""]);
  expect(fault(3)).toBe(
    "the node hall-1 (version 1.0) speaks protocol 3 with other nodes, and this one (version 1.4) 5: nodes understand each other where these are at most one apart; upgrade the node hall-1 by way of versions that speak protocol 4",
  );
  expect(fault(0)).toEndWith("upgrade the node hall-1 by way of versions that speak protocol 1 to 4");
  expect(fault(7)).toEndWith("upgrade this one by way of versions that speak protocol 6");
});

test("history of a node that is not understood is missing for that reason, and it is not called", async () => {
  const called: string[] = [];
  const record = (nodeId: string, protocol: number) =>
    create(NodeRecordSchema, { nodeId, name: nodeId, address: `${nodeId}:1`, protocol });
  const members = { live: [record("old", PROTOCOL - 1), record("new", PROTOCOL + 2)], known: [] };
  const peers = historyPeers(members, {
    unary: async (address) => (called.push(address), new Uint8Array(0)),
    serverStreaming: () => {
      throw new Error("nobody asks for a stream");
    },
  });
  const call = { signal: new AbortController().signal, timeoutMs: 1 };
  const ask = (nodeId: string) => peers.ask(nodeId, Nodes.method.deleteNodeSeries, new Uint8Array(0), call);
  await ask("old");
  await expect(ask("new")).rejects.toThrow(`the node new (version ) speaks protocol ${PROTOCOL + 2}`);
  await expect(ask("gone")).rejects.toThrow("it is down");
  expect(called).toEqual(["old:1"]);
});
