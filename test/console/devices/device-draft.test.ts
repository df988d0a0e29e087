import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import {
  changedFields,
  conflictsOf,
  deviceOfDraft,
  draftOf,
  EMPTY_DRAFT,
  mergedDraft,
  problemsOfDraft,
} from "../../../src/console/data/device-draft.ts";
import { deliveriesOf } from "../../../src/console/data/delivery.ts";
import { isOutside, thresholdsOf, validRangeText } from "../../../src/console/data/sensor-marks.ts";
import { DeviceSchema, SensorSchema } from "../../../src/wire/gen/devices_pb.ts";
import { GetDeliveryResponseSchema } from "../../../src/wire/gen/forwarding_pb.ts";

const DEVICE = create(DeviceSchema, {
  ...{ deviceId: "p-1", name: "Pump", site: "north", expectedIntervalMs: 90_000n },
  tags: { line: "4", "a=b": "c=d" },
});
const DRAFT = draftOf({ ...DEVICE, tags: { line: "4" } });

describe("what a person writes", () => {
  test("is what there is, and comes back as it was", () => {
    expect(DRAFT).toMatchObject({ name: "Pump", interval: "1m30s", tags: "line=4" });
    expect(deviceOfDraft(DRAFT)).toEqual({ ...DEVICE, tags: { line: "4" } });
    expect(changedFields(DRAFT, { ...DRAFT, name: " Pump ", interval: "90s", tags: "\n line = 4 \n" })).toEqual([]);
  });

  test.each([
    ["30s", 30_000n],
    ["45", 45_000n],
    ["1h30m", 5_400_000n],
    ["", 0n],
  ])("%p is an interval of %p ms", (interval, ms) => {
    expect(problemsOfDraft({ ...DRAFT, interval })).toEqual({});
    expect(deviceOfDraft({ ...DRAFT, interval }).expectedIntervalMs).toBe(ms);
  });

  test("what is wrong is said by field", () => {
    const wrong = { ...EMPTY_DRAFT, interval: "soon", tags: "line=4\nold" };
    expect(Object.keys(problemsOfDraft(wrong)).sort()).toEqual(["deviceId", "interval", "tags"]);
    expect(problemsOfDraft({ ...DRAFT, tags: "a=1\na=2" }).tags).toContain("twice");
    expect(problemsOfDraft({ ...DRAFT, interval: "0s" })).toHaveProperty("interval");
  });

  test("only what changed is sent, as UpdateDevice calls it", () => {
    const edited = { ...DRAFT, site: "south", tags: "", interval: "5m", isEventDriven: true };
    expect(changedFields(DRAFT, edited)).toEqual(["site", "tags", "expected_interval_ms", "is_event_driven"]);
  });
});

test("two who change one device keep what each changed; what both did is named", () => {
  const mine = { ...DRAFT, name: "Mine", type: "pump" };
  const theirs = { ...DRAFT, name: "Theirs", site: "south", type: "pump" };
  expect(conflictsOf(DRAFT, mine, theirs)).toEqual([{ field: "name", mine: "Mine", theirs: "Theirs" }]);
  expect(mergedDraft(DRAFT, mine, theirs)).toMatchObject({ name: "Mine", site: "south", type: "pump" });
});

test("a valid range is said, drawn and held to", () => {
  const sensor = (more: object) => create(SensorSchema, { metricName: "t", unit: "°C", ...more });
  expect(validRangeText(sensor({}))).toBe("–");
  expect(validRangeText(sensor({ validMin: -40, validMax: 120 }))).toBe("-40 … 120 °C");
  expect(validRangeText(sensor({ validMax: 0 }))).toBe("to 0 °C");
  expect(thresholdsOf(sensor({ validMin: 0 }))).toMatchObject([{ value: 0, severity: "good" }]);
  expect([-1, 0, 9].map((value) => isOutside(sensor({ validMin: 0, validMax: 8 }), value))).toEqual([
    true,
    false,
    true,
  ]);
});

test("delivery sums up the sources of a device, by node, and leaves out nodes that know none", () => {
  const source = (name: string, acked: bigint) => ({
    source: name,
    ackedPoints: acked,
    queuedPoints: 1n,
    droppedPoints: 2n,
  });
  const answer = create(GetDeliveryResponseSchema, {
    upstreams: [{ name: "hub", state: "waiting", sources: [source("a", 10n), source("b", 5n), source("other", 99n)] }],
    origins: [
      { originName: "gw-7", lanes: ["live"], sources: [source("a", 3n)] },
      { originName: "gw-8", sources: [source("other", 3n)] },
    ],
  });
  expect(deliveriesOf(answer, ["a", "b"])).toEqual([
    { way: "to hub", state: "waiting", acked: 15, queued: 2, lost: 4, refused: 0 },
    { way: "from gw-7", state: "connected", acked: 3, queued: 1, lost: 2, refused: 0 },
  ]);
});
