/** Filters, files and sites of devices, without a browser. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "bun:test";
import type { AlertRow } from "../../../src/console/data/alert-row.ts";
import { devicesCsv } from "../../../src/console/data/device-csv.ts";
import { deviceFilterOf, mistakesInDevices, takesDevice, valuesOf } from "../../../src/console/data/device-filter.ts";
import { siteOf, sitesOf } from "../../../src/console/data/sites.ts";
import { compileGlob, globOfName } from "../../../src/model/glob.ts";
import { STATUSES } from "../../../src/devices/status/status.ts";
import { DeviceSchema, type Device } from "../../../src/wire/gen/devices_pb.ts";

const device = (deviceId: string, more: MessageInitShape<typeof DeviceSchema> = {}): Device =>
  create(DeviceSchema, { deviceId, status: "online", ...more });

const FLEET = [
  device("p-1", { name: "Loud pump", site: "north", type: "pump", tags: { line: "4" } }),
  device("p-2", { site: "south", type: "pump", status: "offline", tags: { line: "5", old: "yes" } }),
  device("gw", { type: "gateway", model: "GX", status: "late" }),
];

describe("filters", () => {
  test("what of an address is no filter is said, and the rest holds", () => {
    const said = (address: string) => mistakesInDevices(new URLSearchParams(address), STATUSES);
    expect(said("status=late,offline&tags=line%3D4,old&site=anywhere")).toEqual([]);
    expect(said("status=late,+of&tags=%3D4")).toEqual([
      expect.stringMatching(/^status has "of"; wanted any of .*late/),
      'tags has "=4"; wanted key=value, or a key',
    ]);
    expect(found("status=late,of&tags=%3D4")).toEqual(["gw"]);
  });

  const found = (address: string) => {
    const filter = deviceFilterOf(new URLSearchParams(address), STATUSES);
    return FLEET.filter(takesDevice(filter)).map(({ deviceId }) => deviceId);
  };

  test.each([
    ["", ["p-1", "p-2", "gw"]],
    ["search=PUMP", ["p-1", "p-2"]],
    ["search=pump+loud", ["p-1"]],
    ["search=gx", ["gw"]],
    ["search=yes", ["p-2"]],
    ["status=late,offline", ["p-2", "gw"]],
    ["status=nonsense", ["p-1", "p-2", "gw"]],
    ["site=north", ["p-1"]],
    ["site=-", ["gw"]],
    ["type=pump&status=online", ["p-1"]],
    ["tags=line", ["p-1", "p-2"]],
    ["tags=line%3D5", ["p-2"]],
    ["tags=line%3D5,old%3Dno", []],
    ["tags=constructor", []],
  ])("%s finds %p", (address, wanted) => {
    expect(found(address)).toEqual(wanted);
  });

  test("what there is to choose from is each value once, in order", () => {
    expect(valuesOf(FLEET, ({ type }) => type)).toEqual(["gateway", "pump"]);
  });
});

test("a file has a row a device, all tags, and keeps what stands in names", () => {
  const odd = device("d,1", { name: 'the "old" one', tags: { note: "a\nb" }, expectedIntervalMs: 1_500n });
  const csv = devicesCsv([odd, FLEET[1]], [["battery", ({ deviceId }) => (deviceId === "p-2" ? 81 : undefined)]]);
  const [head, first, ...rest] = csv.split("\r\n");
  expect(head).toBe(
    "device_id,name,status,status_since,site,type,model,firmware,parent,expected_interval,battery,tags.line,tags.note,tags.old",
  );
  expect(first).toBe('"d,1","the ""old"" one",online,,,,,,,1.5s,,,"a\nb",');
  expect(rest).toEqual(["p-2,,offline,,south,pump,,,,,81,5,,yes", ""]);
});

test("no name in the file is a formula to a spreadsheet; numbers are what they are", () => {
  const odd = device("-1", { name: "=HYPERLINK(A1)", tags: { note: "@x" } });
  const [, row] = devicesCsv([odd], [["level", () => -1]]).split("\r\n");
  expect(row).toBe(`"'-1","'=HYPERLINK(A1)",online,,,,,,,,-1,"'@x"`);
});

test("since when it has its status stands in the file as ISO time", () => {
  expect(devicesCsv([device("a", { statusSince: timestampFromMs(0) })])).toContain("1970-01-01T00:00:00.000Z");
});

test("sites count statuses and alerts, by their labels or by where the device is, and know what was heard last", () => {
  const all = new Map(FLEET.map((each) => [each.deviceId, each]));
  const alert = (site: string, deviceId: string, rank: number) => ({ site, device: deviceId, rank }) as AlertRow;
  const alerts = [alert("north", "", 0), alert("", "p-1", 2), alert("", "gone", 9), alert("east", "p-1", 1)];
  expect(siteOf(alerts[1], all)).toBe("north");
  const seen = new Map([
    ["p-1", 5],
    ["p-2", 7],
  ]);
  const sites = sitesOf(all, alerts, ({ deviceId }) => seen.get(deviceId));
  expect(sites.map(({ name, devices, byStatus, ...rest }) => ({ name, devices, by: [...byStatus], ...rest }))).toEqual([
    { name: "east", devices: 0, by: [], alerts: [0, 1, 0, 0], lastSeenMs: undefined },
    { name: "north", devices: 1, by: [["online", 1]], alerts: [1, 0, 1, 0], lastSeenMs: 5 },
    { name: "south", devices: 1, by: [["offline", 1]], alerts: [0, 0, 0, 0], lastSeenMs: 7 },
    { name: "-", devices: 1, by: [["late", 1]], alerts: [0, 0, 0, 1], lastSeenMs: undefined },
  ]);
});

test("whatever a device is called, a glob takes it, and hardly any other", () => {
  for (const name of ["pump-1", "a|b", "hall*3", "what?", "*"]) expect(compileGlob(globOfName(name))(name)).toBe(true);
  expect(compileGlob(globOfName("a|b"))("a")).toBe(false);
  expect(compileGlob(globOfName("hall*3"))("hall-1-3")).toBe(false);
});
