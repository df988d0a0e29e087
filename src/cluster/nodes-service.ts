/** The Nodes service, over messages: of a server by itself, too. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { WatchpostError } from "../model/errors.ts";
import type { EvaluationOrderSchema, EvaluationReports } from "../wire/gen/evaluation_pb.ts";
import {
  Nodes,
  type DrainNodeRequest,
  type LiveExchange,
  type NodeSchema,
  type SharedStatePage,
} from "../wire/gen/nodes_pb.ts";
import type { HeardDevices, HeardTakenSchema } from "../wire/gen/heard_pb.ts";
import { bidiStreaming, serverStreaming, unary, type CallContext, type MethodImpl } from "../wire/service.ts";
import type { DeviceEvent } from "../model/device-event.ts";
import { protocolFault } from "./protocol.ts";
import type { ExchangeInit } from "./live/straight-line.ts";
import type { KnownNode } from "./members.ts";
import type { RecentRoom } from "./recent/recent-room.ts";
import { deviceEventOf } from "./peers/device-announcement.ts";

type NodeInit = MessageInitShape<typeof NodeSchema>;

export interface NodesDeps {
  /** This one among them; of a server by itself it alone. */
  known(): Promise<readonly KnownNode[]>;
  nodeId(): Promise<string>;
  /** Id of the node that is the desk; "": nobody is known to be; undefined: it is this server, by itself. */
  deskId(): string | undefined;
  /** Why Redis is away, and since when (Unix milliseconds); undefined: it is there, or there is none. */
  redisTrouble(): { readonly why: string; readonly sinceMs: number } | undefined;
  /** Undefined: there is no recent window, or it is not known yet. */
  recent(): (RecentRoom & { readonly budgetBytes: number }) | undefined;
  drain(isDraining: boolean): void;
  /** The same of another node. */
  passOn(node: KnownNode, request: DrainNodeRequest, context: CallContext): Promise<void>;
  /** Resolves once it is known which nodes live. Rejects with UNAVAILABLE where Redis is away. */
  settled(): Promise<void>;
  /** There is no such node any more. Resolves with how many series no other one has. */
  forget(nodeId: string): Promise<number>;
  /** Undefined: there are no other nodes. */
  readonly shared:
    | {
        readState(afterPosition: number): AsyncIterable<SharedStatePage>;
        announce(event: DeviceEvent): Promise<void>;
        exchange(messages: AsyncIterable<LiveExchange>): AsyncIterable<ExchangeInit>;
        /** Rejects with UNAVAILABLE where this node is not the desk. */
        evaluate(
          reports: AsyncIterable<EvaluationReports>,
        ): AsyncIterable<MessageInitShape<typeof EvaluationOrderSchema>>;
        /** The same. */
        takeHeard(messages: AsyncIterable<HeardDevices>): AsyncIterable<MessageInitShape<typeof HeardTakenSchema>>;
      }
    | undefined;
}

export function nodesMethods(deps: NodesDeps): MethodImpl[] {
  const { method } = Nodes;
  return [
    unary(method.listNodes, async () => {
      const trouble = deps.redisTrouble();
      const recent = deps.recent();
      return {
        nodes: await listed(deps),
        redisTrouble: trouble?.why ?? "",
        redisAwaySinceMs: BigInt(Math.floor(trouble?.sinceMs ?? 0)),
        ...(recent !== undefined && {
          recent: {
            fromMs: BigInt(recent.fromMs),
            bytes: BigInt(recent.bytes),
            budgetBytes: BigInt(recent.budgetBytes),
            dropped: BigInt(recent.dropped),
          },
        }),
      };
    }),
    unary(method.drainNode, async (request, context) => {
      const [known, here] = [await deps.known(), await deps.nodeId()];
      const node = liveIn(request.node === "" ? here : request.node, known);
      if (node.record.nodeId === here) deps.drain(!request.undo);
      else await deps.passOn(node, request, context);
      const state = request.undo ? "serving" : "draining";
      return { node: { ...messageOf(node, known, here, deps.deskId()), state } };
    }),
    unary(method.forgetNode, async ({ node: wanted }) => {
      sharedOf(deps);
      await deps.settled();
      const [known, here] = [await deps.known(), await deps.nodeId()];
      const node = goneIn(wanted, known);
      const series = await deps.forget(node.record.nodeId);
      return { node: messageOf(node, known, here, deps.deskId()), series: BigInt(series) };
    }),
    unary(method.announceDevice, async (announcement) => {
      await sharedOf(deps).announce(deviceEventOf(announcement));
      return {};
    }),
    bidiStreaming(method.evaluateRules, (reports) => sharedOf(deps).evaluate(reports)),
    bidiStreaming(method.exchangeLive, (messages) => sharedOf(deps).exchange(messages)),
    bidiStreaming(method.tellHeard, (messages) => sharedOf(deps).takeHeard(messages)),
    serverStreaming(method.readSharedState, ({ afterPosition }) => sharedOf(deps).readState(Number(afterPosition))),
  ];
}

function sharedOf({ shared }: NodesDeps): NonNullable<NodesDeps["shared"]> {
  if (shared !== undefined) return shared;
  throw new WatchpostError("FAILED_PRECONDITION", "this server shares nothing with other nodes: it has no redis.url");
}

async function listed({ known, nodeId, deskId }: NodesDeps): Promise<NodeInit[]> {
  const [nodes, here] = [await known(), await nodeId()];
  const byName = (a: KnownNode, b: KnownNode) => (a.record.name < b.record.name ? -1 : 1);
  return [...nodes].sort(byName).map((node) => messageOf(node, nodes, here, deskId()));
}

function messageOf(
  { record, isLive, seenAtMs }: KnownNode,
  known: readonly KnownNode[],
  here: string,
  desk: string | undefined,
): NodeInit {
  const {
    nodeId: id,
    name,
    address,
    version,
    startedAtMs,
    state,
    journalPosition,
    series,
    rules,
    pointsPerSecond,
  } = record;
  const head = known.reduce((most, { record: other }) => bigger(most, other.journalPosition), 0n);
  return {
    ...{ nodeId: id, name, address, version, startedAtMs, series, rules, pointsPerSecond },
    state: isLive ? state : "gone",
    seenAtMs: BigInt(Math.floor(seenAtMs)),
    isDesk: id === (desk ?? here),
    isThis: id === here,
    journalBehind: head - journalPosition,
    trouble: isLive ? protocolFault(record) : "",
  };
}

function bigger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function liveIn(wanted: string, known: readonly KnownNode[]): KnownNode {
  const found = nodeIn(wanted, known, true);
  if (!found.isLive) throw new WatchpostError("UNAVAILABLE", `the node ${found.record.name} is gone`);
  return found;
}

function goneIn(wanted: string, known: readonly KnownNode[]): KnownNode {
  const found = nodeIn(wanted, known, false);
  if (!found.isLive) return found;
  const message = `the node ${found.record.name} lives; wanted one that is gone: drain it and stop it first`;
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

/** By id, or by a name that only one has, or only one of those that live, or that are gone. */
function nodeIn(wanted: string, known: readonly KnownNode[], isLive: boolean): KnownNode {
  const byId = known.find(({ record }) => record.nodeId === wanted);
  const named = known.filter(({ record }) => record.name === wanted);
  const first = named.filter((node) => node.isLive === isLive);
  const found = byId ?? [first, named].find(({ length }) => length === 1)?.[0];
  if (found !== undefined) return found;
  const shown = JSON.stringify(wanted);
  const what = named.length > 1 ? `several nodes are called ${shown}` : `there is no node ${shown}`;
  throw new WatchpostError("NOT_FOUND", `${what}; wanted the id or the name of one of them`);
}
