/** The nodes as this server lists them: itself alone, or all that share its Redis. */
import { create, toBinary } from "@bufbuild/protobuf";
import { hostname } from "node:os";
import { serveEvaluation } from "../alerts/evaluation/serve-evaluation.ts";
import type { SpreadRules } from "../alerts/evaluation/spread-rules.ts";
import type { KnownNode } from "../cluster/members.ts";
import { PROTOCOL, protocolFault } from "../cluster/protocol.ts";
import { nodesMethods } from "../cluster/nodes-service.ts";
import { BUILD } from "../model/build-info.ts";
import type { Clock } from "../model/clock.ts";
import { WatchpostError } from "../model/errors.ts";
import type { DrainingGate } from "../transport/draining-gate.ts";
import { DrainNodeRequestSchema, NodeRecordSchema, Nodes } from "../wire/gen/nodes_pb.ts";
import type { MethodImpl } from "../wire/service.ts";
import { serveHeard } from "../devices/serve-heard.ts";
import type { DeskSeat } from "./desk-seat.ts";
import type { OpenCluster } from "./open-cluster.ts";
import type { Desk } from "./open-desk.ts";

const RETRY_AFTER_MS = 1_000;

export interface NodesOfDeps {
  readonly cluster: OpenCluster | undefined;
  readonly gate: DrainingGate;
  readonly desk: DeskSeat;
  readonly clock: Clock;
  readonly series: () => number;
  readonly pointsPerS: () => number;
  /** Stays with the data directory. */
  nodeId(): Promise<string>;
}

export function nodesOf({ cluster, gate, desk, clock, series, pointsPerS, nodeId }: NodesOfDeps): MethodImpl[] {
  const startedAtMs = BigInt(Math.floor(clock.nowMs()));
  const alone = async (): Promise<KnownNode[]> => {
    const state = gate.isDraining ? "draining" : "serving";
    const facts = { nodeId: await nodeId(), name: hostname(), version: BUILD.version, startedAtMs, state };
    const counts = { series: BigInt(series()), rules: BigInt(desk.here?.alerts.rulesHere ?? 0) };
    const record = create(NodeRecordSchema, { ...facts, ...counts, protocol: PROTOCOL, pointsPerSecond: pointsPerS() });
    return [{ record, isLive: true, seenAtMs: clock.nowMs() }];
  };
  return nodesMethods({
    nodeId,
    known: async () => cluster?.members.known ?? alone(),
    deskId: () => cluster?.deskId,
    redisTrouble: () => cluster?.trouble(),
    recent: () => cluster?.recentRoom(),
    drain(isDraining) {
      if (isDraining) gate.drain();
      else gate.undo();
    },
    async passOn({ record }, request, { signal, principal, peer }) {
      const fault = protocolFault(record);
      if (fault !== "") throw new WatchpostError("FAILED_PRECONDITION", fault);
      const bytes = toBinary(DrainNodeRequestSchema, request);
      await cluster?.peers.unary(record.address, Nodes.method.drainNode, bytes, {
        signal,
        caller: { principal, peer },
      });
    },
    settled: async () => cluster?.members.settled(),
    forget: async (id) => (await cluster?.forgetNode(id)) ?? 0,
    shared: cluster && {
      readState: (afterPosition) => cluster.shared.readState(afterPosition),
      announce: (event) => desk.announce(event),
      exchange: (messages) => cluster.exchangeLive(messages),
      evaluate: (reports) => serveEvaluation(spreadOf(desk), reports),
      takeHeard: (messages) => serveHeard(messages, deskOf(desk).devices, cluster.heardNodes),
    },
  });
}

function spreadOf(seat: DeskSeat): SpreadRules {
  return deskOf(seat).alerts.spread ?? notHere();
}

function deskOf({ here }: DeskSeat): Desk {
  return here ?? notHere();
}

function notHere(): never {
  throw new WatchpostError("UNAVAILABLE", "this node is not the desk", { retryAfterMs: RETRY_AFTER_MS });
}
