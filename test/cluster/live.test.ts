import { describe, expect, test } from "bun:test";
import { WantedShards, shardsIn } from "../../src/cluster/live/wanted-shards.ts";
import { compileMatcher } from "../../src/model/matcher.ts";
import { SHARDS, shardOfMetric } from "../../src/model/metric-shard.ts";
import { seriesKey } from "../../src/model/series-key.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { joinLive, type Network } from "./live-rig.ts";
import { hasRedis, startRedis } from "./redis-server.ts";
import { until } from "./until.ts";

test("shards are those that somebody wants", () => {
  let changes = 0;
  const wanted = new WantedShards(() => changes++);
  const ends = [wanted.want(compileMatcher(["a", "b"], {})), wanted.want(compileMatcher(["a"], {}))];
  expect([wanted.has(shardOfMetric("a")), wanted.has(shardOfMetric("b")), changes]).toEqual([true, true, 1]);
  ends[0]();
  ends[0]();
  expect([wanted.has(shardOfMetric("a")), wanted.has(shardOfMetric("b")), changes]).toEqual([true, false, 2]);
  const all = wanted.want(compileMatcher(["x*"], {}));
  expect(shardsIn([wanted.bits, new Uint8Array(0)])).toEqual(new Uint8Array(SHARDS).fill(1));
  all();
  expect(shardsIn([wanted.bits]).indexOf(1)).toBe(shardOfMetric("a"));
  // What stands in Redis is of all versions.
  expect(["temperature", "power", ""].map(shardOfMetric)).toEqual([7, 9, 25]);
});

describe.skipIf(!hasRedis)("live between nodes", () => {
  test("a node whose disk is of before gives ids of series that it has lost to others, and is not taken for them", async () => {
    await using server = await startRedis();
    await using b = await joinLive(server.url, "b");
    b.want("*");
    const idOnB = (metric: string) => b.registry.idOf(seriesKey(metric, "a", [])) ?? 0;
    {
      await using a = await joinLive(server.url, "a");
      a.commit(["lost", 1, 1], ["also.lost", 1, 2]);
      await until("b knows them", () => b.valueOf("lost", "a") === 1 && b.valueOf("also.lost", "a") === 2);
      await until("their latest values are in Redis", async () => {
        const shards = [shardOfMetric("lost"), shardOfMetric("also.lost")];
        const counts = shards.map((shard) => b.redis.call("HLEN", `{t:${shard}}:latest:a`));
        return (await Promise.all(counts)).every((count) => count === 1);
      });
    }
    await using a = await joinLive(server.url, "a");
    await until("b knows that they are gone", () => b.live.names.othersWith(idOnB("lost")).length === 0);
    a.commit(["found", 2, 3]);
    await until("b knows the new one", () => b.valueOf("found", "a") === 3);
    expect([b.valueOf("lost", "a"), b.live.names.othersWith(idOnB("also.lost"))]).toEqual([1, []]);
    await using c = await joinLive(server.url, "c");
    c.want("*");
    await until("c knows the new one", () => c.valueOf("found", "a") === 3);
    expect(c.heard).toEqual([`${seriesKey("found", "a", [])} 3`]);
  });

  test("series of a node that is gone are known by those that come to a Redis that was emptied, until it is forgotten", async () => {
    await using server = await startRedis();
    const remembered = () => [{ nodeId: "a", name: "node a", version: "1", seenAtMs: Date.now() }];
    await using b = await joinLive(server.url, "b", { remembered });
    {
      await using a = await joinLive(server.url, "a");
      a.commit(["kept", 1, 1]);
      await until("b knows it", () => b.registry.idOf(seriesKey("kept", "a", [])) !== undefined);
    }
    await until("b knows that it is gone", () => b.ids() === "b");
    await server.restart();
    await until("b has told Redis of it", async () => {
      return b.redis.isUp && (await b.redis.call("HLEN", "{t}:names:a").catch(() => 0)) === 1;
    });
    await using c = await joinLive(server.url, "c", { remembered });
    const idOnC = c.registry.idOf(seriesKey("kept", "a", [])) ?? 0;
    expect([c.live.names.othersWith(idOnC), c.live.names.onlyOf("a"), [...c.live.names.nowhere]]).toEqual([
      ["a"],
      1,
      [],
    ]);
    await c.live.forget("a");
    expect([c.live.names.othersWith(idOnC), [...c.live.names.nowhere]]).toEqual([[], [idOnC]]);
    expect(await c.redis.call("EXISTS", "{t}:names:a")).toBe(0);
  });

  test("who wants a metric hears all of it, in order, and how it stood before; others cost nothing", async () => {
    await using server = await startRedis();
    await using a = await joinLive(server.url, "a");
    await using b = await joinLive(server.url, "b");
    a.commit(["temperature", 1, 1], ["power", 1, 1]);
    await until("b knows the names", () => b.registry.idOf(seriesKey("temperature", "a", [])) !== undefined);
    expect(a.counts.sent).toBe(0);
    const end = b.want("temperature");
    await until("b has what stood", () => b.valueOf("temperature", "a") === 1);
    expect(b.valueOf("power", "a")).toBeUndefined();
    await until("a has heard of that", () => {
      a.commit(["temperature", Date.now() * 1_000, 2]);
      return a.counts.sent > 0;
    });
    const before = b.heard.length;
    for (let i = 0; i < 100; i++) a.commit(["temperature", (Date.now() + 1_000) * 1_000 + i, i], ["power", 2 + i, i]);
    await until("b has heard them", () => b.valueOf("temperature", "a") === 99);
    const values = b.heard.slice(before).map((line) => line.split(" ").at(-1));
    expect(values.slice(values.indexOf("0"))).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect([b.counts.gaps, b.valueOf("power", "a")]).toEqual([0, undefined]);
    end();
    await until("a sends no more", () => {
      const { sent } = a.counts;
      a.commit(["temperature", Date.now() * 1_000 + 10_000_000, 7]);
      return a.counts.sent === sent;
    });
    expect([...a.troubles, ...b.troubles]).toEqual([]);
  });

  test("after an outage, and after Redis was emptied, all have the latest values and names again", async () => {
    await using server = await startRedis();
    await using a = await joinLive(server.url, "a");
    await using b = await joinLive(server.url, "b");
    b.want("*");
    a.commit(["temperature", 1, 1]);
    await until("b has it", () => b.valueOf("temperature", "a") === 1);
    await server.kill();
    await until("both know", () => !a.redis.isUp && !b.redis.isUp);
    a.commit(["temperature", 2, 2], ["humidity", 2, 50]);
    await server.restart();
    await until("b has what came meanwhile", () => b.valueOf("temperature", "a") === 2, 60_000);
    await until("and what is new", () => b.valueOf("humidity", "a") === 50, 60_000);
    await using c = await joinLive(server.url, "c");
    c.want("temperature");
    await until("c has what a had told before the outage", () => c.valueOf("temperature", "a") === 2, 60_000);
    expect(a.live.names.own.size).toBe(2);
    const id = c.registry.idOf(seriesKey("temperature", "a", []))!;
    expect([c.live.names.othersWith(id), c.live.names.isOwn(id)]).toEqual([["a"], false]);
  });

  test("without Redis nodes hear each other straight: what stood, all that comes in order, and new series; nothing twice once it is back", async () => {
    await using server = await startRedis();
    const network: Network = new Map();
    await using a = await joinLive(server.url, "a", { network });
    await using b = await joinLive(server.url, "b", { network });
    b.want("temperature", "brand.new");
    a.commit(["temperature", 1, 1], ["power", 1, 1]);
    await until("b has it", () => b.valueOf("temperature", "a") === 1);
    await server.kill();
    const isLined = () => [a, b].every(({ redis, counts }) => !redis.isUp && counts.lines === 1);
    await until("one line is left between them, and both hear all again", () => {
      return isLined() && [a, b].every(({ hearing }) => hearing.at(-1) !== false);
    });
    let timeUs = 2;
    await until("what comes is heard", () => {
      a.commit(["temperature", timeUs++, 0]);
      return b.valueOf("temperature", "a") === 0;
    });
    const before = b.heard.length;
    for (let i = 1; i <= 100; i++) a.commit(["temperature", timeUs++, i], ["power", timeUs, i]);
    a.commit(["brand.new", 1, 7]);
    await until("b has heard them", () => b.valueOf("temperature", "a") === 100);
    const values = b.heard.slice(before).filter((line) => line.startsWith("temperature"));
    expect(values.map((line) => Number(line.split(" ").at(-1))).filter((value) => value > 0)).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    await until("a series that Redis has no name of is known", () => b.valueOf("brand.new", "a") === 7);
    expect(b.valueOf("power", "a")).toBeUndefined();
    // Who begins to look without Redis has what stood, too.
    b.want("power");
    await until("b has what stood", () => b.valueOf("power", "a") === 100);
    await server.restart();
    await until("the line ends", () => a.redis.isUp && b.redis.isUp && a.counts.lines + b.counts.lines === 0, 60_000);
    const [sent, heard] = [a.counts.sent, b.heard.length];
    for (let i = 101; i <= 110; i++) a.commit(["temperature", timeUs++, i]);
    await until("it is heard over Redis", () => b.valueOf("temperature", "a") === 110);
    expect([a.counts.sent - sent, b.heard.length - heard]).toEqual([10, 10]);
    expect([...a.troubles, ...b.troubles]).toEqual([]);
  });

  test("a node that alone is cut off from Redis hears the others and is heard; one that cannot be reached makes it deaf", async () => {
    await using server = await startRedis();
    const way = await startTcpProxy(`127.0.0.1:${server.port}`);
    using _ = { [Symbol.dispose]: () => way.close() };
    const network: Network = new Map();
    await using a = await joinLive(server.url, "a", { network });
    await using b = await joinLive(`redis://${way.address}`, "b", { network });
    await until("they know each other", () => a.ids() === "a,b" && b.ids() === "a,b");
    for (const node of [a, b]) node.want("*");
    const reached = network.get("a")!;
    network.delete("a");
    way.cut();
    await until("b knows, and is deaf", () => !b.redis.isUp && b.hearing.at(-1) === false);
    network.set("a", reached);
    await until("b hears again", () => b.hearing.at(-1) === true);
    a.commit(["temperature", 1, 1]);
    b.commit(["temperature", 1, 2]);
    await until("both have it", () => b.valueOf("temperature", "a") === 1 && a.valueOf("temperature", "b") === 2);
    expect(a.redis.isUp).toBe(true);
  });

  test("what is deleted here and is still on another node is known again by its next point", async () => {
    await using server = await startRedis();
    await using a = await joinLive(server.url, "a");
    await using b = await joinLive(server.url, "b");
    b.want("*");
    const idAtB = () => b.registry.idOf(seriesKey("temperature", "a", []));
    a.commit(["temperature", 1, 1]);
    await until("b has it", () => b.valueOf("temperature", "a") === 1);
    const before = idAtB()!;
    b.registry.forget([before]);
    expect(b.live.names.othersWith(before)).toEqual([]);
    a.commit(["temperature", 2, 2]);
    await until("b has it again", () => b.valueOf("temperature", "a") === 2);
    expect(idAtB()).not.toBe(before);
    expect(b.live.names.othersWith(idAtB()!)).toEqual(["a"]);
  });

  test("series that find no room are counted, and cost nothing else", async () => {
    await using server = await startRedis();
    await using a = await joinLive(server.url, "a");
    await using b = await joinLive(server.url, "b", { seriesMax: 2 });
    b.want("*");
    a.commit(["one", 1, 1], ["two", 1, 2], ["three", 1, 3]);
    await until("b has those that find room", () => b.heard.length === 2 && b.counts.noRoom > 0);
    expect(b.troubles).toEqual([]);
  });
});
