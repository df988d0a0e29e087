/** `[limits]`: what stands where nobody says otherwise, and what is no limit. */
import { expect, test } from "bun:test";
import { connectionsFor, connectionsOfOneFor } from "../../src/app/open-limits.ts";
import { loadConfig } from "../../src/config/load.ts";

function load(env: Readonly<Record<string, string>>) {
  return loadConfig({ env, flags: {}, machineMemoryBytes: 2 ** 31 }).config.limits;
}

test("a client that sends as fast as it can meets none; each can be set, and taken away", () => {
  expect(load({})).toMatchObject({ points_per_second: Infinity, messages_per_second: Infinity, connections: "auto" });
  const env = { WATCHPOST_LIMITS_POINTS_PER_SECOND: "5000", WATCHPOST_LIMITS_STREAMS: "none" };
  expect(load({ ...env, WATCHPOST_LIMITS_CONNECTIONS: "300" })).toMatchObject({
    ...{ points_per_second: 5_000, streams: Infinity, connections: 300 },
  });
});

test.each([
  ["STREAMS", "0", 'wanted "none" or a whole number from 1 to 1000000000'],
  ["STREAMS", "many", 'wanted "none" or a whole number from 1 to 1000000000'],
  ["CONNECTIONS", "none", 'wanted "auto" or a whole number from 1 to 1000000000'],
  ["CONNECTIONS_PER_ADDRESS", "0", 'wanted "auto", "none" or a whole number from 1 to 1000000000'],
  ["QUERY_SECONDS_PER_MINUTE", "61", 'wanted "none" or a whole number from 1 to 60'],
])("limits.%s is not %s", (name, value, words) => {
  expect(() => load({ [`WATCHPOST_LIMITS_${name}`]: value })).toThrow(words);
});

test("connections leave room for the files of the server itself", () => {
  expect([256, 1_024, 4_096, 65_536, Infinity].map(connectionsFor)).toEqual([128, 512, 3_072, 64_512, Infinity]);
});

test("no three addresses keep all others out, where nobody says otherwise", () => {
  expect([2, 128, 512, 18_976, 64_512, Infinity].map(connectionsOfOneFor)).toEqual([1, 32, 128, 4_744, 10_000, 10_000]);
  expect(load({}).connections_per_address).toBe("auto");
  expect(load({ WATCHPOST_LIMITS_CONNECTIONS_PER_ADDRESS: "none" }).connections_per_address).toBe(Infinity);
});

test("what the server streams is part of what streams", () => {
  const { streams, subscriptions } = load({});
  expect(subscriptions).toBeLessThanOrEqual(streams);
});
