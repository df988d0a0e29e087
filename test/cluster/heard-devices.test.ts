/** Three nodes in processes of their own, and devices that each of them hears: the desk knows them all, and is sent none of their points. */
import { expect, test } from "bun:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ask } from "../../src/client/ask.ts";
import type { Connection } from "../../src/client/connection.ts";
import { getDevice, registerDevice } from "../../src/client/devices.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { tempDir } from "../support/server-process.ts";
import { startNode } from "./node-process.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";

const SEND_EVERY_MS = 200;
/** Much longer than it may take to send on a slow machine. */
const LATE_AFTER_MS = 6_000;
const DEADLINE = { deadlineMs: 5_000 };

test.skipIf(!hasRedis)(
  "devices are heard where they send, and known everywhere: without Redis, and over the death of their node and of the desk",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("heard"));
    const redis = stack.use(await startRedis());
    const start = (name: string) => startNode({ name, dir: dir.path, redisUrl: redis.url });
    const nodes = await Promise.all(["a", "b", "c"].map(start));
    for (const node of nodes) stack.defer(() => node.kill());
    const calls = nodes.map((node) => node.connect());
    for (const call of calls) stack.defer(() => call.close());
    const deskAsSeen = async (call: Connection) => {
      const { nodes: listed } = await ask(call, Nodes.method.listNodes, {}, DEADLINE);
      const live = listed.filter(({ state }) => state === "serving");
      return { count: live.length, desk: nodes.findIndex(({ name }) => name === live.find((n) => n.isDesk)?.name) };
    };
    let desk = -1;
    const knowTheDesk = () =>
      until("all know the desk", async () => {
        const seen = await Promise.all(calls.map(deskAsSeen)).catch(() => []);
        desk = seen[0]?.desk ?? -1;
        return desk >= 0 && seen.every((each) => each.count === 3 && each.desk === desk);
      });
    await knowTheDesk();

    /** Where each sends to, in turn. */
    const homes = new Map<string, readonly number[]>(nodes.map(({ name }, i) => [`on-${name}`, [i]]));
    const values = new Map<string, number>();
    let round = 0;
    const dead = new Set<number>();
    const sendAll = () =>
      Promise.all(
        [...homes].map(async ([device, at]) => {
          const home = at[round % at.length];
          const [value, timestamp] = [round, timestampFromMs(Date.now())];
          if (dead.has(home)) return;
          const points = [{ metricName: "level", value, timestamp, tags: { device, site: "hall" } }];
          await ask(calls[home], DataIngestion.method.uploadBatch, { source: "gateway", points }, DEADLINE).then(
            () => values.set(device, value),
            () => {},
          );
        }),
      );
    let isOver = false;
    const sending = (async () => {
      for (; !isOver; round++) {
        await sendAll();
        await Bun.sleep(SEND_EVERY_MS);
      }
    })();
    stack.defer(async () => {
      isOver = true;
      await sending;
    });
    const found = (device: string, i: number) => getDevice(calls[i], device, { events: 100, ...DEADLINE });
    const statusOf = async (device: string, i: number) =>
      (await found(device, i).catch(() => undefined))?.device?.status ?? "";
    const eventually = (device: string, status: string, i: number) =>
      until(`${device} is ${status}`, async () => (await statusOf(device, i)) === status);

    const register = async () => {
      for (const device of homes.keys()) await eventually(device, "online", desk);
      for (const deviceId of homes.keys()) {
        await registerDevice(calls[desk], {
          device: { deviceId, lateAfterMs: BigInt(LATE_AFTER_MS), offlineAfterMs: BigInt(LATE_AFTER_MS + 1_000) },
        });
      }
    };
    await register();

    // Without Redis the desk is told as before: who falls silent is known, and nobody else is taken for it.
    redis.pause();
    await until("Redis is away", async () => {
      const { redisTrouble } = await ask(calls[desk], Nodes.method.listNodes, {}, DEADLINE);
      return redisTrouble !== "";
    });
    const [quiet, ...others] = [0, 1, 2].filter((i) => i !== desk).concat(desk);
    homes.delete(`on-${nodes[quiet].name}`);
    await eventually(`on-${nodes[quiet].name}`, "offline", desk);
    for (const i of others) expect(await statusOf(`on-${nodes[i].name}`, desk)).toBe("online");
    redis.resume();

    // Who writes holds the lease, wherever that is now.
    await until("a desk writes", () =>
      registerDevice(calls[quiet], { device: { deviceId: "spare" } }, DEADLINE).then(
        () => true,
        () => false,
      ),
    );
    await knowTheDesk();
    const [first, second] = [0, 1, 2].filter((i) => i !== desk);
    homes.clear();
    homes.set("at-first", [first]).set("at-second", [second]).set("roamer", [first, second]);
    await register();
    // As a device that was found in the data: where it is, its readings, which no node but its own has heard.
    const before = values.get("at-first")!;
    await until("the newest reading is told", async () => {
      const { device } = await found("at-first", second);
      return (device?.sensors.find(({ metricName }) => metricName === "level")?.lastValue ?? 0) >= before;
    });
    // One that was just opened hears everything for a moment.
    await until("the desk is sent no points", async () => {
      const [received, began] = [await pointsReceived(nodes[desk].http()), round];
      await until("all send some", () => round > began + 5);
      return (await pointsReceived(nodes[desk].http())) === received;
    });

    await nodes[first].kill();
    dead.add(first);
    homes.set("roamer", [second]);
    await eventually("at-first", "offline", second);
    expect(await statusOf("at-second", second)).toBe("online");

    await nodes[desk].kill();
    await until("the last one is the desk", async () => (await deskAsSeen(calls[second])).desk === second);
    const began = round;
    await until("all send on", () => round > began + 5);
    await until("the desk answers", async () => (await statusOf("roamer", second)) !== "");
    const statuses = await Promise.all([...homes.keys()].map((device) => statusOf(device, second)));
    expect(statuses).toEqual(["offline", "online", "online"]);
    for (const device of ["at-second", "roamer"]) {
      const { events } = await found(device, second);
      expect([device, events.filter(({ kind }) => kind === "status")]).toEqual([device, []]);
    }
    expect(nodes.flatMap((node) => node.errors())).toEqual([]);
  },
  120_000,
);

/** Of other nodes. */
async function pointsReceived(http: string): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^watchpost_node_points_total\{direction="received"\} (\S+)$/m.exec(text)?.[1] ?? 0);
}
