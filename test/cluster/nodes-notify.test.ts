/**
 * Two nodes in processes of their own, and whom they notify: the desk is killed while a webhook has not answered yet, and while Redis is
 * away, which it goes on without.
 */
import { expect, test } from "bun:test";
import { allAlerts } from "../../src/client/alerts.ts";
import { ask } from "../../src/client/ask.ts";
import { putRule } from "../../src/client/rules.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { tempDir } from "../support/server-process.ts";
import { startNode, Uploader } from "./node-process.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";
import { startWebhook } from "./webhook.ts";

const [COOL, HOT] = [20, 95];
const UPLOAD_EVERY_MS = 100;

test.skipIf(!hasRedis)(
  "what a desk had on its way is sent again, marked; without Redis it notifies on, over its own death, and nothing twice unmarked",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("notify"));
    const redis = stack.use(await startRedis());
    const webhook = stack.use(startWebhook(dir.path));
    const start = (name: string) => startNode({ name, dir: dir.path, redisUrl: redis.url, env: webhook.env });
    const nodes = await Promise.all(["a", "b"].map(start));
    for (const node of nodes) stack.defer(() => node.kill());
    const calls = nodes.map((node) => node.connect());
    for (const call of calls) stack.defer(() => call.close());
    const deskOn = async (i: number) => {
      const { nodes: listed } = await ask(calls[i], Nodes.method.listNodes, {}, { deadlineMs: 5_000 });
      return listed.find(({ isDesk, state }) => isDesk && state === "serving")?.name;
    };
    const deskIs = (name: string, i: number) =>
      until(`${name} is the desk`, async () => (await deskOn(i).catch(() => "")) === name);
    await until("one of them is the desk", async () => {
      const [one, other] = await Promise.all([deskOn(0), deskOn(1)]);
      return one !== undefined && one === other;
    });
    const desk = await deskOn(0);
    const first = nodes.findIndex(({ name }) => name === desk);
    const second = 1 - first;
    const put = (name: string, metric: string) =>
      until(`rule ${name} is put`, () =>
        putRule(calls[second], { name, metric, severity: "critical", condition: { threshold: { above: 50 } } }).then(
          () => true,
          () => false,
        ),
      );
    await put("hot", "temperature");
    const plant = (name: string, i: number) => new Uploader(nodes[i].connect(), name, Date.now(), UPLOAD_EVERY_MS);
    const heat = (name: string, i: number) => {
      const uploader = plant(name, i);
      uploader.temperature = HOT;
      return uploader;
    };
    const evaluating = async () => {
      const { nodes: listed } = await ask(calls[second], Nodes.method.listNodes, {}, { deadlineMs: 5_000 });
      return nodes.findIndex(({ name }) => listed.some((node) => node.name === name && node.rules > 0n));
    };
    const marks = (source: string, status: "firing" | "resolved") =>
      webhook.of(source, status).map(({ isMarked }) => isMarked);

    // Killed between the claim and the answer: the other one cannot know whether it got there.
    webhook.isSlow = true;
    const one = plant("one", second);
    one.temperature = HOT;
    await until("the webhook is called", () => marks("one", "firing").length > 0);
    await nodes[first].kill();
    webhook.isSlow = false;
    await until("the other one sends it again", () => marks("one", "firing").length > 1);
    expect(marks("one", "firing")).toEqual([false, true]);
    one.temperature = COOL;
    await until("it is over", () => marks("one", "resolved").length > 0);
    await nodes[first].start();
    await deskIs(nodes[second].name, first);

    // Without Redis, and killed without it.
    await until("it is known who evaluates the rule", async () => (await evaluating()) >= 0);
    const elsewhere = 1 - (await evaluating());
    redis.pause();
    // The rule hears what comes to the node that does not evaluate it.
    const two = heat("two", elsewhere);
    await until("somebody is notified without Redis", () => marks("two", "firing").length > 0);
    await Promise.all([two, one].map((uploader) => uploader.end()));
    const idsOf = async () =>
      (await Array.fromAsync(allAlerts(calls[second], {}, { deadlineMs: 5_000 }))).map(({ id }) => id);
    const ids = await idsOf();
    await nodes[second].kill();
    await nodes[second].start();
    await until("it is the desk again", async () => (await idsOf().catch(() => [])).length > 0);
    expect(await idsOf()).toEqual(ids);
    // It remembers the other node, and is told straight what comes to that one.
    const three = heat("three", first);
    await until("it notifies on", () => marks("three", "firing").length > 0);
    // The other one would be the desk if it were the first to reach Redis again, and its word would hold.
    await nodes[first].kill();
    redis.resume();
    await put("written-again", "nothing");
    await nodes[first].start();
    await until("all nodes know", async () => {
      const alerts = await Array.fromAsync(allAlerts(calls[first], {}, { deadlineMs: 5_000 })).catch(() => []);
      return alerts.length === ids.length + 1;
    });
    expect(await deskOn(first)).toBe(nodes[second].name);
    three.temperature = COOL;
    const again = plant("two", first);
    for (const name of ["two", "three"]) {
      await until(`${name} is over`, () => marks(name, "resolved").length > 0);
      expect([name, ...marks(name, "firing")]).toEqual([name, true]);
    }
    await Promise.all([three, again].map((uploader) => uploader.end()));
    for (const name of ["one", "two", "three"]) expect([name, marks(name, "resolved").length]).toEqual([name, 1]);
    expect(nodes.flatMap((node) => node.errors())).toEqual([]);
  },
  240_000,
);
