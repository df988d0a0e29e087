/** Nodes that are down, refuse, or are late: the answer says which. And whole answers over gRPC. */
import { afterEach, expect, test } from "bun:test";
import { clusterRange } from "../../../src/cluster/history/cluster-range.ts";
import { deleteOnNodes } from "../../../src/cluster/history/delete-on-nodes.ts";
import type { HistoryDeps, NodeCall } from "../../../src/cluster/history/asked-nodes.ts";
import { Peers } from "../../../src/cluster/peers/peers.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import { HealthState } from "../../../src/transport/health.ts";
import { startGrpcServer } from "../../../src/transport/grpc-server.ts";
import { ReceivedBytes } from "../../../src/transport/received-bytes.ts";
import { NOVEMBER_US } from "../../store/harness.ts";
import { openGate } from "../../support/open-gate.ts";
import { until } from "../until.ts";
import { openNodes, type NodesRig, type SeriesPoint } from "./nodes-rig.ts";

const SECOND_US = 1_000_000;
const QUERY = { fromUs: NOVEMBER_US, toUs: NOVEMBER_US + 3_600 * SECOND_US, stepUs: 0, pointsMax: 1e6 };
const FAILURE = new WatchpostError("UNAVAILABLE", "the node at 10.0.0.1 does not answer: refused");

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Series 0 is on node 0, 1 on node 1, 2 on both, 3 on node 2. */
function setUp(): NodesRig {
  const rig = openNodes([
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 1, 3],
  ]);
  opened.push(() => rig[Symbol.dispose]());
  const of = (series: number, value: number): SeriesPoint[] =>
    Array.from({ length: 3 }, (_, i) => [series, NOVEMBER_US + i * SECOND_US, value + i]);
  rig.write(0, [...of(0, 10), ...of(2, 20)]);
  rig.write(1, [...of(1, 30), ...of(2, 40).slice(1)]);
  rig.write(2, of(3, 50));
  return rig;
}

async function valuesOf(rig: NodesRig, more = {}, options = {}) {
  const [{ history, ids }] = rig.nodes;
  const { slots, offsets, values, missing } = await clusterRange(
    history,
    { ...QUERY, seriesIds: ids, ...more },
    options,
  );
  const rows = Array.from(slots, (slot, i) => [slot, ...values.subarray(offsets[i], offsets[i + 1])]);
  return { rows, missing: missing ?? [] };
}

const ALL = [
  [0, 10, 11, 12],
  [1, 30, 31, 32],
  [2, 20, 41, 42],
  [3, 50, 51, 52],
];

test("a node that is down is named, and all others are asked", async () => {
  const rig = setUp();
  expect(await valuesOf(rig)).toEqual({ rows: ALL, missing: [] });
  rig.answer = (nodeId) => {
    if (nodeId === "node-1") throw FAILURE;
    return undefined;
  };
  const missing = [{ name: "name of node-1", why: FAILURE.message }];
  expect(await valuesOf(rig)).toEqual({ rows: [ALL[0], [2, 20, 21, 22], ALL[3]], missing });
  const stepUs = 3_600 * SECOND_US;
  expect(await valuesOf(rig, { stepUs, func: "max" })).toEqual({
    rows: [
      [0, 12],
      [2, 22],
      [3, 52],
    ],
    missing,
  });
  const grouping = { groupOf: Uint32Array.of(0, 0, 0, 0), groups: 1, aggregation: "sum" };
  expect(await valuesOf(rig, { stepUs, func: "max", grouping })).toEqual({ rows: [[0, 12 + 22 + 52]], missing });
});

test("what this node has alone is asked of no other", async () => {
  const rig = setUp();
  rig.answer = () => {
    throw FAILURE;
  };
  const [{ ids }] = rig.nodes;
  expect(await valuesOf(rig, { seriesIds: ids.slice(0, 1) })).toEqual({ rows: ALL.slice(0, 1), missing: [] });
});

test("a node that is late is given up before the time of the query is over, and told so", async () => {
  const rig = setUp();
  const signals: AbortSignal[] = [];
  rig.answer = (nodeId, { signal }) => {
    if (nodeId !== "node-2") return undefined;
    signals.push(signal);
    return (async function* () {
      await new Promise(() => {});
    })();
  };
  const missing = [{ name: "name of node-2", why: "it did not answer in time" }];
  expect(await valuesOf(rig, {}, { timeoutMs: 300 })).toEqual({ rows: ALL.slice(0, 3), missing });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test("a node that fails in the middle of its answer is named, and what it told stays", async () => {
  const rig = setUp();
  rig.broken = (nodeId) => (nodeId === "node-2" ? FAILURE : undefined);
  expect(await valuesOf(rig)).toEqual({ rows: ALL, missing: [{ name: "name of node-2", why: FAILURE.message }] });
});

test("what is wrong with the question fails, and a caller that leaves ends it everywhere", async () => {
  const rig = setUp();
  const ended: boolean[] = [];
  rig.answer = (nodeId, call) => {
    if (nodeId === "node-1") throw new WatchpostError("RESOURCE_EXHAUSTED", "too many rows");
    return endless(call, ended);
  };
  expect(await failureOf(valuesOf(rig))).toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  await until("the other node hears that nobody wants its answer", () => ended.length > 0);
  rig.answer = (_, call) => endless(call, ended);
  const leaving = new AbortController();
  ended.length = 0;
  const failure = failureOf(valuesOf(rig, {}, { signal: leaving.signal }));
  await until("both are asked", () => rig.calls.length >= 4);
  leaving.abort();
  expect(await failure).toMatchObject({ status: "CANCELLED" });
  await until("both hear of it", () => ended.length >= 2);
});

test("over gRPC: answers of many messages, and nobody who is known by that id", async () => {
  const rig = setUp();
  const many = Array.from({ length: 70_000 }, (_, i): SeriesPoint => [1, NOVEMBER_US + i * SECOND_US, 30 + i]);
  rig.write(1, many);
  const server = await startGrpcServer({
    ...{ address: "127.0.0.1:0", gate: openGate, methods: [...rig.nodes[1].methods] },
    ...{ health: new HealthState(), received: new ReceivedBytes(1 << 27) },
  });
  opened.push(() => server.drain(0));
  const peers = new Peers({ key: () => "the key", tls: undefined });
  opened.push(() => peers.close());
  const [{ history, ids }] = rig.nodes;
  const overGrpc: HistoryDeps = {
    ...history,
    peers: {
      ...history.peers,
      nameOf: (nodeId) => nodeId,
      call(nodeId, method, request, options) {
        if (nodeId === "node-1") return peers.serverStreaming(server.address, method, request, options);
        throw new WatchpostError("UNAVAILABLE", "nobody knows where it is");
      },
    },
  };
  const toUs = NOVEMBER_US + 1e6 * SECOND_US;
  const { slots, offsets, values, missing } = await clusterRange(overGrpc, { ...QUERY, toUs, seriesIds: ids });
  const rows = (slot: number) => values.subarray(offsets[slot], offsets[slot + 1]);
  expect([...slots]).toEqual([0, 1, 2]);
  expect(rows(1)).toEqual(Float64Array.from({ length: 70_000 }, (_, i) => 30 + i));
  expect([...rows(2)]).toEqual([20, 41, 42]);
  expect(missing).toEqual([{ name: "node-2", why: "nobody knows where it is" }]);
  await server.drain(0);
  const gone = await clusterRange(overGrpc, { ...QUERY, toUs, seriesIds: ids });
  expect(gone.missing!.map(({ name }) => name).sort()).toEqual(["node-1", "node-2"]);
});

test("series are deleted on all nodes that have them, and what is left is told", async () => {
  const rig = setUp();
  const [here, there, third] = rig.nodes;
  const deleted = await deleteOnNodes(here.history, here.ids.slice(0, 3));
  const of = (node: string, series: number, error = "") => ({ node: `name of ${node}`, series, error });
  expect(deleted).toEqual({ series: 3, nodes: [of("node-0", 2), of("node-1", 2)] });
  for (const { registry, retired, ids } of [here, there, third]) {
    expect(retired.sort()).toEqual([...ids.slice(0, 3)].sort());
    expect(registry.count).toBe(1);
  }
  third.retired.length = 0;
  rig.answer = () => {
    throw FAILURE;
  };
  const failed = await deleteOnNodes(here.history, here.ids.slice(3));
  const told = `${FAILURE.message}; it deletes them once it is back`;
  expect(failed).toEqual({ series: 0, nodes: [of("node-2", 1, told)] });
  expect(rig.owed).toEqual([["node-2", [rig.keys[3]]]]);
  expect(third.retired).toEqual([]);
});

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "it did not fail",
    (error: unknown) => error,
  );
}

function endless({ signal }: NodeCall, ended: boolean[]): AsyncIterable<Uint8Array> {
  return (async function* () {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    ended.push(true);
  })();
}
