import { expect, test } from "bun:test";
import { adviceIn } from "../../../src/cluster/redis/redis-advice.ts";

const texts = (...lines: string[]) => adviceIn(["# Server", ...lines, ""].join("\r\n")).map(({ text }) => text);

test("a Redis that is old, or throws away what it has, is told of", () => {
  const bounded = ["redis_version:7.0.15", "maxmemory:1000000"];
  expect(texts(...bounded, "maxmemory_policy:noeviction")).toEqual([]);
  expect(texts(...bounded, "maxmemory_policy:volatile-ttl")).toEqual([expect.stringContaining("volatile-ttl")]);
  expect(texts("redis_version:7.2.4", "maxmemory:0", "maxmemory_policy:allkeys-lru")).toEqual([]);
  expect(texts("redis_version:6.0.16")).toEqual([expect.stringContaining("version 6.0.16")]);
  expect(texts()).toEqual([]);
});
