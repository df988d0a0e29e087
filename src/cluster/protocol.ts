/** Which nodes understand each other: those whose protocols are at most one apart. Pure. */
import { BUILD } from "../model/build-info.ts";
import type { NodeRecord } from "../wire/gen/nodes_pb.ts";

/**
 * Of what nodes say to each other, and of what stands in Redis. One more where a node of before would not understand it; a node
 * speaks what the one of before does as well, for as long as one of them lives.
 */
export const PROTOCOL = 2;
/** From that on nodes tell the desk which devices they hear; the desk has to hear the points of those before itself. */
export const HEARD_PROTOCOL = 2;

/** Why this node and another one have nothing to do with each other, and what to do; "": they understand each other. */
export function protocolFault(
  { name, version, protocol }: Pick<NodeRecord, "name" | "version" | "protocol">,
  own = { version: BUILD.version, protocol: PROTOCOL },
): string {
  if (Math.abs(protocol - own.protocol) <= 1) return "";
  const [older, newer] = protocol < own.protocol ? [protocol, own.protocol] : [own.protocol, protocol];
  const which = protocol < own.protocol ? `the node ${name}` : "this one";
  const between = newer - older === 2 ? `${older + 1}` : `${older + 1} to ${newer - 1}`;
  return `the node ${name} (version ${version}) speaks protocol ${protocol} with other nodes, and this one (version ${own.version}) ${own.protocol}: nodes understand each other where these are at most one apart; upgrade ${which} by way of versions that speak protocol ${between}`;
}
