/** What stands in the hashes of the recent window. Pure. */
import { fromBinary } from "@bufbuild/protobuf";
import { RecentSliceSchema, RecentTailSchema, type RecentSlice, type RecentTail } from "../../wire/gen/nodes_pb.ts";

/** Fields and values, as Redis replies them. */
export function pairsOf(reply: unknown): Map<string, Buffer> {
  const flat = reply as readonly Buffer[];
  const pairs = new Map<string, Buffer>();
  for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i].toString(), flat[i + 1]);
  return pairs;
}

export function slicesIn(node: ReadonlyMap<string, Buffer>): RecentSlice[] {
  const slices = [...node].filter(([field]) => /^[0-9]+$/.test(field));
  return slices.map(([, bytes]) => fromBinary(RecentSliceSchema, new Uint8Array(bytes)));
}

export function tailOf(bytes: Buffer): RecentTail {
  return fromBinary(RecentTailSchema, new Uint8Array(bytes));
}
