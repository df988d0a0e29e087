/** Two nodes that forward to a third server: each alert is there once, whichever of them is the desk when it fires and ends. */
import { expect, test } from "bun:test";
import { allAlerts } from "../../src/client/alerts.ts";
import { encodeBatch } from "../../src/client/batch.ts";
import { putRule } from "../../src/client/rules.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { Connection } from "../../src/client/connection.ts";
import { AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";
import { startNode } from "./node-process.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";

test.skipIf(!hasRedis)(
  "nodes tell their upstream of each alert once, also over a desk that moves",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("upstream-of-nodes"));
    const redis = stack.use(await startRedis());
    const centre = await startServerProcess({ data: `${dir.path}/centre` });
    stack.defer(() => void centre.kill());
    const often = { WATCHPOST_UPSTREAM_BACKOFF_MIN: "50ms", WATCHPOST_UPSTREAM_BACKOFF_MAX: "100ms" };
    const [a, b] = await Promise.all(
      ["a", "b"].map((name) => {
        const env = { WATCHPOST_UPSTREAM_ADDRESS: centre.grpc, WATCHPOST_UPSTREAM_NAME: `hall-${name}`, ...often };
        return startNode({ name, dir: dir.path, redisUrl: redis.url, env });
      }),
    );
    for (const node of [a, b]) stack.defer(() => node.kill());
    const [toA, toB] = [a, b].map((node) => node.connect());
    const toCentre = new Connection(centre.grpc);
    for (const connection of [toA, toB, toCentre]) stack.defer(() => connection.close());
    const eventually = (what: string, call: () => Promise<unknown>) =>
      until(what, () =>
        call().then(
          () => true,
          () => false,
        ),
      );
    const heat = async (connection: Connection, source: string, value: number) => {
      const points = [{ metric: "heat", value, timeUs: Date.now() * 1_000, tags: {} }];
      await uploadAll(connection, [encodeBatch(points, source)]);
    };
    const rule = { name: "hot", metric: "heat", severity: "high", condition: { threshold: { above: 50 } } };
    await eventually("there is a desk", () => putRule(toA, rule));
    const alertsAt = async (connection: Connection) =>
      (await Array.fromAsync(allAlerts(connection, {}, { deadlineMs: 2_000 })).catch(() => [])).map(
        ({ labels, context, state }) => `${labels["source"] ?? context["source"]} ${AlertState[state]}`,
      );
    const stands = async (where: string, connection: Connection, wanted: readonly string[]) => {
      let last: string[] = [];
      await until(where, async () =>
        Bun.deepEquals((last = (await alertsAt(connection)).sort()), wanted.toSorted()),
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; last: ${last.join(", ")}`);
      });
    };

    await heat(toA, "one", 90);
    await heat(toB, "two", 90);
    await stands("both alerts are at the centre", toCentre, ["one ACTIVE", "two ACTIVE"]);
    const first = (await Array.fromAsync(allAlerts(toCentre, {}))).map(({ labels }) => labels["origin"]);
    expect(new Set(first).size).toBe(1);
    // The desk goes: what it told is not told as another alert, and what comes after it is.
    const isFirst = first[0] === "hall-a";
    const [desk, left, toLeft] = isFirst ? [a, b, toB] : [b, a, toA];
    await desk.kill();
    await heat(toLeft, "three", 90);
    await eventually("there is a desk again", () => putRule(toLeft, rule));
    await heat(toLeft, "three", 91);
    await heat(toLeft, isFirst ? "two" : "one", 10);
    const ended = isFirst ? ["one ACTIVE", "two CLEARED"] : ["one CLEARED", "two ACTIVE"];
    await stands("what came after it is at the centre", toCentre, [...ended, "three ACTIVE"]);
    const origins = (await Array.fromAsync(allAlerts(toCentre, {}))).map(({ labels }) => labels["origin"]);
    expect(origins).toEqual([first[0], first[0], first[0]]);
    expect(left.errors()).toEqual([]);
  },
  120_000,
);
