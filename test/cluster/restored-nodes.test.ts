/** Two nodes in processes of their own whose disks and Redis are lost, one disk at first, then everything: what backups have is there. */
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ask } from "../../src/client/ask.ts";
import { encodeBatch } from "../../src/client/batch.ts";
import type { Connection } from "../../src/client/connection.ts";
import { deleteSeries, listMetrics } from "../../src/client/catalog.ts";
import { queryRange } from "../../src/client/query.ts";
import { listRules, putRule } from "../../src/client/rules.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { tempDir, watchpostCommand } from "../support/server-process.ts";
import { startNode, type NodeProcess } from "./node-process.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";

const START_MS = Date.UTC(2026, 2, 1);

async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
  const child = Bun.spawn([...watchpostCommand(false), ...args], { env, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, text: out + err };
}

async function upload(connection: Connection, metric: string, values: readonly number[]): Promise<void> {
  const points = values.map((value) => ({ metric, value, timeUs: (START_MS + value) * 1_000, tags: {} }));
  await uploadAll(connection, [encodeBatch(points, "s")]);
}

test.skipIf(!hasRedis)(
  "nodes out of backups have their points, and the newest journal of all",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("restored"));
    const redis = stack.use(await startRedis());
    // Redis would have what was not backed up, for a while.
    const env = { WATCHPOST_REDIS_RECENT_WINDOW: "0s" };
    const start = (name: string) => startNode({ name, dir: dir.path, redisUrl: redis.url, env });
    const [a, b] = await Promise.all(["a", "b"].map(start));
    for (const node of [a, b]) stack.defer(() => node.kill());
    const [toA, toB] = [a, b].map((node) => {
      const connection = node.connect();
      stack.defer(() => connection.close());
      return connection;
    });
    const rule = (name: string) => ({ name, metric: "m", condition: { threshold: { above: 5_000_000 } } });
    const eventually = (what: string, call: () => Promise<unknown>) =>
      until(what, () =>
        call().then(
          () => true,
          () => false,
        ),
      );
    const rulesOn = async (connection: Connection) =>
      (await listRules(connection, {}, { deadlineMs: 2_000 })).rules.map(({ rule: each }) => each!.name);
    const valuesOn = async (connection: Connection, metric: string) => {
      const { series } = await queryRange(connection, { metric, from: timestampFromMs(START_MS) });
      return series.flatMap(({ values }) => values);
    };
    const backUp = async (node: NodeProcess) => {
      const file = join(dir.path, `${node.name}.tar`);
      const made = await run("backup", file, "--force", "--server", node.grpc);
      expect(made).toMatchObject({ code: 0 });
      return file;
    };
    const restore = async (node: NodeProcess, file: string) => {
      rmSync(node.data, { recursive: true });
      expect(await run("restore", file, "--data", node.data)).toMatchObject({
        code: 0,
        text: expect.stringContaining("--redis URL"),
      });
    };

    await eventually("there is a desk", () => putRule(toA, rule("early")));
    await upload(toA, "of.a", [1, 2]);
    await upload(toB, "of.b", [3]);
    const older = await backUp(a);
    await putRule(toB, rule("late"));
    await upload(toA, "lost", [9]);
    const newer = await backUp(b);
    for (const file of [older, newer])
      expect(await run("verify", file)).toMatchObject({
        code: 0,
        text: expect.stringContaining("the shared journal with"),
      });

    // One disk is lost: the node has of the journal what the other one has, and of points what was backed up.
    await a.kill();
    await restore(a, older);
    await a.start();
    await until("the restored node has all of the journal", async () => {
      const { nodes } = await ask(toB, Nodes.method.listNodes, {}, {});
      // The one whose place it takes is not there any more.
      return nodes.length === 2 && nodes.every(({ address, journalBehind: behind }) => address !== "" && behind === 0n);
    });
    expect(await valuesOn(toA, "of.a")).toEqual([1, 2]);
    await upload(toA, "found", [7]);
    expect(await valuesOn(toB, "lost")).toEqual([]);
    await until("the new one is seen", async () => Bun.deepEquals(await valuesOn(toB, "found"), [7]));
    // What is deleted while it is down it deletes once it is back, before others hear of it again.
    await a.kill();
    const deleted = await deleteSeries(toB, { metric: "found" });
    expect(deleted.nodes.map(({ error }) => error)).toEqual([
      expect.stringContaining("it deletes them once it is back"),
    ]);
    const metricsOn = async (connection: Connection) =>
      (await listMetrics(connection, {})).metrics.map(({ name }) => name);
    await a.start();
    for (const connection of [toA, toB]) {
      await until("it is gone from both", async () => !(await metricsOn(connection)).includes("found"));
    }
    for (const node of [a, b]) await node.kill();
    const checked = await run("doctor", "--data", a.data);
    expect(checked.text).toContain("in the shared journal");

    // Everything is lost.
    await redis.restart();
    await restore(a, older);
    await restore(b, newer);
    await Promise.all([a.start(), b.start()]);
    expect(b.news().slice(-1)).toEqual([
      expect.stringContaining("begins the journal that the nodes share, with what its backup has"),
    ]);
    for (const connection of [toA, toB]) {
      await until("all rules are there", async () =>
        Bun.deepEquals(await rulesOn(connection).catch(() => []), ["early", "late"]),
      );
      await until("all that was backed up of points is there", async () => {
        const values = [await valuesOn(connection, "of.a"), await valuesOn(connection, "of.b")];
        return Bun.deepEquals(values, [[1, 2], [3]]);
      });
    }
    expect([a, b].flatMap((node) => node.errors())).toEqual([]);
  },
  120_000,
);
