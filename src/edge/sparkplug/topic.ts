/** Topics of the Sparkplug namespace spBv1.0. */
import { ID_BYTES_MAX } from "./limits.ts";

export const NAMESPACE = "spBv1.0";

const NODE_KINDS = ["NBIRTH", "NDEATH", "NDATA", "NCMD"] as const;
const DEVICE_KINDS = ["DBIRTH", "DDEATH", "DDATA", "DCMD"] as const;

export type SparkplugTopic =
  | { readonly kind: (typeof NODE_KINDS)[number]; readonly group: string; readonly node: string }
  | {
      readonly kind: (typeof DEVICE_KINDS)[number];
      readonly group: string;
      readonly node: string;
      readonly device: string;
    }
  | { readonly kind: "STATE"; readonly hostId: string };

/** Undefined: no topic of the specification. */
export function parseTopic(topic: string): SparkplugTopic | undefined {
  const [namespace, first, kind, node, device, ...rest] = topic.split("/");
  if (namespace !== NAMESPACE || rest.length > 0) return undefined;
  if (first === "STATE" && node === undefined) return isId(kind) ? { kind: "STATE", hostId: kind } : undefined;
  if (!isId(first) || !isId(node)) return undefined;
  const nodeKind = NODE_KINDS.find((known) => known === kind);
  if (nodeKind !== undefined) return device === undefined ? { kind: nodeKind, group: first, node } : undefined;
  const deviceKind = DEVICE_KINDS.find((known) => known === kind);
  if (deviceKind === undefined || !isId(device)) return undefined;
  return { kind: deviceKind, group: first, node, device };
}

export function commandTopic(group: string, node: string): string {
  return `${NAMESPACE}/${group}/NCMD/${node}`;
}

export function stateTopic(hostId: string): string {
  return `${NAMESPACE}/STATE/${hostId}`;
}

function isId(text: string | undefined): text is string {
  return text !== undefined && text !== "" && Buffer.byteLength(text) <= ID_BYTES_MAX && !/[+#\0]/.test(text);
}
