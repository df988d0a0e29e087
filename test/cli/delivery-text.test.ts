/** `watchpost upstream status` as text and JSON, without servers. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { deliveryJson, deliveryText } from "../../src/cli/delivery-text.ts";
import { GetDeliveryResponseSchema } from "../../src/wire/gen/forwarding_pb.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

function delivery(upstream: object) {
  const stateSince = timestampFromMs(NOW_MS - 7_500_000);
  return create(GetDeliveryResponseSchema, {
    nodeId: "node",
    upstreams: [{ address: "centre:50051", state: "connected", stateSince, ...upstream }],
  });
}

const linesOf = (upstream: object) => Bun.stripANSI(deliveryText(delivery(upstream), NOW_MS)).split("\n");

test("what waits, what is tried again and what was refused of alerts and devices, with the reasons", () => {
  const events = { queuedEvents: 1_200n, lateEvents: 2n, lateEventsBecause: "device \u001b[2J: full" };
  const refused = { refusedEvents: 1n, lastRefusedEvent: 'alert "x": no such severity (INVALID_ARGUMENT)' };
  expect(linesOf({ ...events, ...refused })).toEqual([
    "to centre:50051  connected for 2h5m",
    "   0 points wait, 1,200 events; 0 points/s, 0B/s over the last minute",
    expect.stringMatching(/^ {3}2 events are tried again: device [^\u001b]*\[2J: full$/),
    '   1 event was refused since the start; the last: alert "x": no such severity (INVALID_ARGUMENT)',
    "",
  ]);
  expect(JSON.parse(deliveryJson(delivery({ ...events, ...refused }))).upstreams[0]).toMatchObject({
    ...{ queuedEvents: 1_200, lateEvents: 2, refusedEvents: 1, settings: null, lastError: null },
  });
});

test("how far back it goes is said of what waits alone", () => {
  const oldestQueuedTime = timestampFromMs(NOW_MS - 60_000);
  const lineOf = (queuedPoints: bigint) => linesOf({ queuedPoints, oldestQueuedTime })[1];
  const rate = "; 0 points/s, 0B/s over the last minute";
  expect(lineOf(0n)).toBe(`   0 points wait${rate}`);
  expect(lineOf(1n)).toBe(`   1 point waits, back to 2025-12-31T23:59:00Z${rate}`);
  expect(lineOf(1_200n)).toBe(`   1,200 points wait, back to 2025-12-31T23:59:00Z${rate}`);
});

test("a node that nobody answers and one that is refused are told apart, with what to do", () => {
  const failed = { state: "waiting", lastError: "centre:50051: why", nextAttemptAt: timestampFromMs(NOW_MS + 1_500) };
  for (const [lastErrorStatus, word, advice] of [
    ["UNAVAILABLE", "unreachable", "nothing is lost while it cannot be reached"],
    [
      "FAILED_PRECONDITION",
      "refused",
      "waiting changes nothing: either what it says is to be done, or another upstream.address",
    ],
    ["UNAUTHENTICATED", "refused", "waiting changes nothing: see upstream.token_file"],
    ["UNIMPLEMENTED", "refused", "is upstream.address the gRPC address of a Watchpost"],
    ["RESOURCE_EXHAUSTED", "held back", "it goes on by itself once there is room"],
    ["OUT_OF_RANGE", "refused", "it is tried on"],
  ]) {
    const [first, reason, what] = linesOf({ ...failed, lastErrorStatus });
    expect([first, reason]).toEqual([`to centre:50051  ${word} for 2h5m, next attempt in 2s`, "   centre:50051: why"]);
    expect(what).toContain(advice);
  }
});

test("what goes upstream otherwise than as it is stored, and within which bounds", () => {
  const everything = { name: "hall-3", metrics: "*", sources: "*", events: true };
  expect(linesOf({ settings: everything }).slice(0, 2)).toEqual([
    "to centre:50051 as hall-3  connected for 2h5m",
    "   0 points wait; 0 points/s, 0B/s over the last minute",
  ]);
  const less = {
    ...{ name: "hall-3", metrics: "t*|p", sources: "gw-1", tags: "site=a", stepMs: 60_000n, function: "max" },
    ...{ bandwidthBytesPerSecond: 262_144n, queueBytesMax: 1_073_741_824n, queueAgeMaxMs: 86_400_000n },
  };
  expect(linesOf({ settings: less }).slice(1, 5)).toEqual([
    "   only metrics t*|p, sources gw-1, tags site=a",
    "   down-sampled: max of every 1m",
    "   at most 256KiB/s, a queue of 1GiB, 1d in the queue",
    "   without alerts and devices (upstream.events)",
  ]);
});

test("when what was dropped was stands beside it where something was, and is told to scripts", () => {
  const [firstDroppedTime, lastDroppedTime] = [timestampFromMs(NOW_MS - 9_000), timestampFromMs(NOW_MS)];
  const gw = { source: "gw-1", ackedPoints: 2n };
  expect(linesOf({ sources: [gw] }).join("\n")).not.toContain("DROPPED FROM");
  const dropped = { ...gw, droppedPoints: 7n, firstDroppedTime, lastDroppedTime };
  expect(linesOf({ sources: [dropped] }).join("\n")).toMatch(
    /DROPPED FROM +DROPPED TO\n.*gw-1 .* 7 .* 2025-12-31T23:59:51Z +2026-01-01T00:00:00Z/,
  );
  const [{ sources }] = JSON.parse(deliveryJson(delivery({ sources: [dropped] }))).upstreams;
  const times = { firstDroppedTime: "2025-12-31T23:59:51.000Z", lastDroppedTime: "2026-01-01T00:00:00.000Z" };
  expect(sources).toEqual([expect.objectContaining({ droppedPoints: 7, ...times })]);
});

test("whoever sees some of the sources is told of these, without rates", () => {
  const part = create(GetDeliveryResponseSchema, {
    upstreams: [{ address: "centre:50051", state: "connected", queuedPoints: 3n, sources: [{ source: "gw-1" }] }],
  });
  const text = Bun.stripANSI(deliveryText(part, NOW_MS));
  expect(text).toContain("\n   3 points wait\n");
  expect(text).toContain("gw-1");
  expect(deliveryText(create(GetDeliveryResponseSchema), NOW_MS)).toBe("nothing in your scope is forwarded\n");
});
