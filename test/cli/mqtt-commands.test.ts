/** `watchpost mqtt status`, as text and without a broker. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "bun:test";
import { bridgeText } from "../../src/cli/mqtt-status.ts";
import { BridgeStatusSchema } from "../../src/wire/gen/edge_pb.ts";
import { startCommandRig } from "./command-rig.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

test("a broker's connection, a line for each pattern, and the last reasons; nothing of a message steers the terminal", () => {
  const text = bridgeText(
    create(BridgeStatusSchema, {
      name: "plant",
      url: "mqtt://broker:1883",
      connected: false,
      since: timestampFromMs(NOW_MS - 90_000),
      lastError: "nothing listens there",
      inFlight: 12n,
      unmatched: 3n,
      topics: [
        {
          pattern: "f/{device}/{metric}",
          payload: "auto",
          messages: 1_234n,
          points: 1_200n,
          refused: 2n,
          malformed: 30n,
          leftOut: { retained: 1n, "no number": 1_001n },
          malformedReasons: { "it is no JSON": 28n, "it has no metric": 2n },
          refusedReasons: { "too old": 2n },
          lastMessage: timestampFromMs(NOW_MS - 5_000),
          lastError: "it says \u001b[2J",
          lastErrorTime: timestampFromMs(NOW_MS - 3_600_000),
        },
        { pattern: "z/{device}/LWT", payload: "status" },
      ],
    }),
    NOW_MS,
  );
  expect(Bun.stripANSI(text).split("\n")).toEqual([
    "plant  mqtt://broker:1883  not connected for 1m30s, 12 in flight, 3 that no pattern takes",
    "  because: nothing listens there",
    "PATTERN              AS      MESSAGES  POINTS  REFUSED  BAD  OTHER    LAST",
    "f/{device}/{metric}  auto       1,234   1,200        2   30  1,002  5s ago",
    "z/{device}/LWT       status         0       0        0    0      0       -",
    "  f/{device}/{metric}",
    "    bad: it is no JSON (28), it has no metric (2)",
    "    refused: too old (2)",
    "    other: no number (1,001), retained (1)",
    expect.stringMatching(/^ {4}the last, 1h ago: it says [^\u001b]*\[2J$/),
    "",
  ]);
});

test("where none is configured it says so", async () => {
  const rig = await startCommandRig("cli-mqtt");
  try {
    expect(await rig.ok(["mqtt", "status"])).toBe("no MQTT broker is configured: see docs/mqtt.md\n");
    expect(JSON.parse(await rig.ok(["mqtt", "status", "--json"]))).toEqual([]);
  } finally {
    await rig.close();
  }
}, 120_000);
