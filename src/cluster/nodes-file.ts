/**
 * Who the other nodes were last, and the key by which nodes know each other, in a file of this node alone: one that is started while Redis
 * is away knows them. Whoever reads it is trusted as a node is.
 */
import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { NodeRecordSchema, type NodeRecord } from "../wire/gen/nodes_pb.ts";

export interface LastKnown {
  readonly key: Uint8Array;
  /** That lived, and could be reached. */
  readonly nodes: readonly NodeRecord[];
}

const NAME = "nodes.json";
const OWNER_ONLY = 0o600;

/** `prefix`: of the keys in Redis; what was written under another one is of other nodes. Undefined: nothing is known. Throws where the file cannot be read, or is damaged. */
export function readNodesFile(dir: string, prefix: string): LastKnown | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, NAME), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const read = JSON.parse(text);
  if (read.prefix !== prefix) return undefined;
  const nodes = (read.nodes as ReturnType<typeof shownOf>[]).map((node) => create(NodeRecordSchema, node));
  return { key: new Uint8Array(Buffer.from(read.key, "base64url")), nodes };
}

/** The text of the file: equal where nothing of it has changed. */
export function nodesFileText(prefix: string, { key, nodes }: LastKnown): string {
  return JSON.stringify({ prefix, key: Buffer.from(key).toString("base64url"), nodes: nodes.map(shownOf) });
}

/** In the place of the one before, at once. Rejects where it cannot be written. */
export async function writeNodesFile(dir: string, text: string): Promise<void> {
  const path = join(dir, NAME);
  const file = await open(`${path}.new`, "w", OWNER_ONLY);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

function shownOf({ nodeId, name, address, version, protocol }: NodeRecord) {
  return { nodeId, name, address, version, state: "serving", protocol };
}
