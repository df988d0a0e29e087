import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodesFileText, readNodesFile, writeNodesFile } from "../../src/cluster/nodes-file.ts";
import { NodeRecordSchema } from "../../src/wire/gen/nodes_pb.ts";
import { tempDir } from "../support/server-process.ts";

test("who the others were is read as it was written, by its owner alone, and not under another prefix", async () => {
  using dir = tempDir("nodes-file");
  expect(readNodesFile(dir.path, "t")).toBeUndefined();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const record = { nodeId: "a", name: "hall", address: "10.0.0.1:50051", version: "1", protocol: 2 };
  const nodes = [create(NodeRecordSchema, { ...record, state: "draining", pointsPerSecond: 3 })];
  await writeNodesFile(dir.path, nodesFileText("t", { key, nodes }));
  const path = join(dir.path, "nodes.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const read = readNodesFile(dir.path, "t")!;
  expect(read).toEqual({ key, nodes: [create(NodeRecordSchema, { ...record, state: "serving" })] });
  expect(readNodesFile(dir.path, "other")).toBeUndefined();
  writeFileSync(path, "{");
  expect(() => readNodesFile(dir.path, "t")).toThrow();
});
