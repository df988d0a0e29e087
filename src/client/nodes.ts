/** The nodes that share a Redis. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Nodes,
  type DrainNodeRequestSchema,
  type ForgetNodeResponse,
  type ListNodesResponse,
  type Node,
} from "../wire/gen/nodes_pb.ts";
import { ask, type AskOptions } from "./ask.ts";
import type { Connection } from "./connection.ts";

/** As the asked one knows them; of a server without a Redis it alone. Throws the server's status. */
export function listNodes(connection: Connection, options: AskOptions = {}): Promise<ListNodesResponse> {
  return ask(connection, Nodes.method.listNodes, {}, options);
}

/** Resolves once it takes no more streams, or takes them again; those that are open end after it. Throws the server's status. */
export async function drainNode(
  connection: Connection,
  request: MessageInitShape<typeof DrainNodeRequestSchema>,
  options: AskOptions = {},
): Promise<Node> {
  return (await ask(connection, Nodes.method.drainNode, request, options)).node!;
}

/** One that is gone, by its id or name, is a node no more. Throws the server's status: FAILED_PRECONDITION where it lives. */
export function forgetNode(
  connection: Connection,
  node: string,
  options: AskOptions = {},
): Promise<ForgetNodeResponse> {
  return ask(connection, Nodes.method.forgetNode, { node }, options);
}
