import { expect, test } from "bun:test";
import { problemsOf, type ServerFacts } from "../../src/overview/server-problems.ts";

const GIB = 2 ** 30;
const WELL: ServerFacts = {
  ...{ notServing: undefined, isOverloaded: false, isClockTrusted: true, damaged: 0 },
  certificateTrouble: undefined,
  ...{ droppedForRoom: 0, droppedForUpstream: 0, upstreamsAway: [], brokersAway: [], limited: [] },
  ...{ lostForRemoteWrite: 0, remoteWriteTrouble: undefined },
  ...{ redisTrouble: undefined, isDeskKnown: true },
  disk: { freeBytes: 100 * GIB, freeFloorBytes: 5 * GIB },
};

test("where all is well there is none", () => {
  expect(problemsOf(WELL)).toEqual([]);
  expect(problemsOf({ ...WELL, disk: { freeBytes: 0, freeFloorBytes: 0 } })).toMatchObject([]);
});

test("each is said by kind, with what it is about", () => {
  const kinds = (facts: Partial<ServerFacts>) =>
    problemsOf({ ...WELL, ...facts }).map(({ kind, text }) => `${kind}: ${text}`);
  expect(kinds({ notServing: "the log cannot be written" })).toEqual([
    "not_serving: Not everything is served: the log cannot be written",
  ]);
  expect(kinds({ isOverloaded: true, isClockTrusted: false }).map((text) => text.split(":")[0])).toEqual([
    "overload",
    "clock",
  ]);
  expect(kinds({ certificateTrouble: "it expires" })).toEqual(["certificate: TLS: it expires"]);
  expect(kinds({ disk: { freeBytes: 8 * GIB, freeFloorBytes: 5 * GIB } })).toEqual([
    "disk: 8GiB of the disk are free; below 5GiB the oldest points go",
  ]);
  expect(kinds({ disk: { freeBytes: 4 * GIB, freeFloorBytes: 5 * GIB } })).toEqual([
    "disk: 4GiB of the disk are free: the oldest points go",
  ]);
  expect(kinds({ damaged: 1, droppedForRoom: 1_200, droppedForUpstream: 1 })).toEqual([
    "damage: 1 damaged record found, and not served",
    "dropped: 1,200 points went for want of room since the start",
    "dropped: 1 point lost for the upstream since the start",
  ]);
  expect(kinds({ redisTrouble: { why: "it was closed", sinceMs: 61_500 }, isDeskKnown: false })).toEqual([
    "redis: Redis is away since 1970-01-01T00:01:01Z (it was closed): points are taken, what operators write is refused until it is back",
    "desk: No node is known to run alerts, devices and sessions: calls of these are refused",
  ]);
  expect(kinds({ upstreamsAway: ["hub:50051"], brokersAway: ["hall"] })).toEqual([
    "upstream: No connection to the upstream hub:50051: points wait here",
    "mqtt: No connection to the MQTT broker hall",
  ]);
});

test("what keeps points from a receiver, and what is lost for it", () => {
  const remoteWriteTrouble = "Remote write to vm:8428/api/v1/write: HTTP 503";
  expect(problemsOf({ ...WELL, lostForRemoteWrite: 2, remoteWriteTrouble })).toEqual([
    { kind: "remote_write", text: remoteWriteTrouble },
    { kind: "dropped", text: "2 points lost for remote write since the start: given up here, or refused there" },
  ]);
});

test("who is held up by a limit is named, with the limit and how often", () => {
  const limited = [{ limit: "points_per_second", who: '"gateway-7"', max: 1_000, times: 312 }];
  expect(problemsOf({ ...WELL, limited })).toEqual([
    { kind: "limited", text: 'limits.points_per_second (1000) holds up "gateway-7": refused 312 times lately' },
  ]);
});
