import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { plainNodes, sparkplugTable, sparkplugText } from "../../src/cli/sparkplug-table.ts";
import { BridgeStatusSchema, SparkplugNodeStatusSchema } from "../../src/wire/gen/edge_pb.ts";

test("edge nodes as a table, without what steers a terminal", () => {
  const nodes = [
    {
      ...{ group: "Plant", node: "edge1", state: "alive", devices: 3, metrics: 120, births: 2n, gaps: 1n },
      ...{ rebirthRequests: 1n, points: 4_711n, lastDoubt: "a gap in the sequence numbers" },
      lastMessage: timestampFromMs(58_000),
    },
    { group: "Plant", node: "edge\x1b[2J", state: "unknown", unnamed: 12n },
  ].map((node) => create(SparkplugNodeStatusSchema, node));
  const table = sparkplugTable(nodes, 60_000);
  expect(table).not.toContain("\x1b");
  expect(table.split("\n").map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
    ["EDGE NODE", "STATE", "DEVICES", "METRICS", "BIRTHS"],
    ["Plant/edge1", "alive", "3", "120", "2"],
    [expect.stringContaining("Plant/edge"), "unknown", "0", "0", "0"],
    [""],
  ]);
  expect(table).toContain("2s ago  a gap in the sequence numbers");
  expect(sparkplugTable([], 0)).toBe("");
});

test("how many nodes are not shown is said", () => {
  const bridge = create(BridgeStatusSchema, {
    sparkplugNodes: [{ group: "g", node: "n", state: "alive", births: 1n, lastMessage: timestampFromMs(0) }],
    sparkplugNodesTotal: 3n,
  });
  const lines = sparkplugText(bridge, 1_000).split("\n");
  expect(lines.slice(2)).toEqual(["and 2 more edge nodes", ""]);
  expect(plainNodes(bridge)).toMatchObject([
    { group: "g", node: "n", births: 1, gaps: 0, lastDoubt: null, lastMessage: "1970-01-01T00:00:00.000Z" },
  ]);
  expect(JSON.stringify(plainNodes(bridge))).not.toContain("typeName");
  expect(sparkplugText(create(BridgeStatusSchema, {}), 0)).toBe("");
});
