/** Imports: CSV and JSON, all or nothing, each problem with its place. */
import { toJson } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { DeviceSchema, GetDeviceResponseSchema } from "../../src/wire/gen/devices_pb.ts";
import { randomOf } from "../support/random.ts";
import { DeviceRig } from "./rig.ts";

const CSV = `\ufeffdevice_id,name,site,parent,latitude,longitude,expected_interval,is_event_driven,tags.note,sensor,unit,valid_min,out_of_range,precision\r
p-1,"Pump, ""one""",north,gw,52.5,13.4,30s,,"two
lines",temperature,°C,-40,refuse,1\r
p-1,,,,,,,,,pressure,kPa,,,\r
\r
gw,Gateway,north,,,,,yes,,,,,,\r
`;

test("CSV: a row for each sensor, quotes over lines, a mark of UTF-8, children before their parents", async () => {
  const rig = await DeviceRig.open();
  expect(await rig.import("csv", CSV, { isDryRun: true })).toMatchObject({ created: 2, updated: 0, unchanged: 0 });
  expect((await rig.list()).total).toBe(0n);
  expect(await rig.import("csv", CSV, { userId: "ann" })).toMatchObject({ created: 2 });
  const { device } = await rig.get("p-1");
  expect(device).toMatchObject({
    name: 'Pump, "one"',
    ...{ site: "north", parent: "gw", expectedIntervalMs: 30_000n, tags: { note: "two\nlines" }, isRegistered: true },
    location: { latitude: 52.5, longitude: 13.4 },
    sensors: [
      { metricName: "temperature", unit: "°C", validMin: -40, outOfRange: "refuse", precision: 1 },
      { metricName: "pressure", unit: "kPa" },
    ],
  });
  expect((await rig.get("gw")).device).toMatchObject({ isEventDriven: true });
  expect(rig.journaled("gw")).toEqual(["registered by ann"]);
});

test("the apostrophe that keeps spreadsheets from running a name is no part of it", async () => {
  const rig = await DeviceRig.open();
  await rig.import("csv", `device_id,name,site\np,'=1+1,'quoted'\n`);
  expect((await rig.get("p")).device).toMatchObject({ name: "=1+1", site: "'quoted'" });
});

test("what is given again changes what is there, what is empty stays, and nothing is written twice", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "p", name: "kept", site: "old", sensors: [{ metricName: "a", unit: "K" }] });
  const text = "device_id,name,site,sensor,unit\np,,new,b,V\nq,,,,\n";
  expect(await rig.import("csv", text)).toMatchObject({ created: 1, updated: 1, unchanged: 0 });
  expect((await rig.get("p")).device).toMatchObject({
    name: "kept",
    site: "new",
    sensors: [{ metricName: "a" }, { metricName: "b" }],
  });
  const { length } = rig.kept.journal.entries;
  expect(await rig.import("csv", text)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
  expect(rig.kept.journal.entries).toHaveLength(length);
});

test("JSON: an array, or an object with it; names of either kind", async () => {
  const rig = await DeviceRig.open();
  const devices = [
    { device_id: "a", expectedIntervalMs: "5000" },
    { deviceId: "b", parent: "a", sensors: [{ metricName: "t" }] },
  ];
  expect(await rig.import("json", JSON.stringify({ devices }))).toMatchObject({ created: 2 });
  expect(await rig.import("json", JSON.stringify([{ deviceId: "b", name: "bee" }]))).toMatchObject({ updated: 1 });
  expect((await rig.get("b")).device).toMatchObject({ name: "bee", parent: "a", sensors: [{ metricName: "t" }] });
});

test("each problem has its line, field, value and what was wanted; then nothing is changed", async () => {
  const rig = await DeviceRig.open();
  const problems = async (format: string, text: string | Uint8Array) => (await rig.import(format, text)).problems;
  expect(
    await problems(
      "csv",
      "device_id,latitude,expected_interval,is_event_driven,sensor,valid_min\np,x,,,,\nq,95,,,,\nr,,soon,,,\ns,,,maybe,,\n,,,,t,1\nu,,,,,1\nv,,,,t,\nv,,,,t,\nw,1\nok,,,,,\nok,,,,,\n",
    ),
  ).toEqual([
    'line 2: longitude is ""; wanted it, too, since latitude is given',
    'line 2, column 2: latitude is "x"; wanted a number',
    'line 3: longitude is ""; wanted it, too, since latitude is given',
    "line 3, column 2: location.latitude is 95; wanted -90 to 90 degrees",
    expect.stringMatching(/^line 4, column 3: expected_interval is "soon"; wanted a duration such as "90s"/),
    'line 5, column 4: is_event_driven is "maybe"; wanted true or false',
    expect.stringMatching(/^line 6, column 1: device_id is ""; wanted 1 to 512 bytes/),
    'line 7, column 5: sensor is ""; wanted the metric that valid_min is of',
    'line 9, column 5: sensor is "t"; wanted each metric of a device once',
    "line 10: it has 2 cells; wanted 6, as the header has",
    expect.stringMatching(
      /^line 12, column 1: device_id is "ok"; wanted each once, but for rows with a sensor; it is in line 11, too/,
    ),
  ]);
  expect(await problems("csv", "device_id,colour\np,red\n")).toEqual([
    expect.stringMatching(/^line 1, column 2: the column is "colour"; wanted device_id, name/),
  ]);
  expect(await problems("csv", "device_id,nme\np,red\n")).toEqual([
    'line 1, column 2: the column is "nme"; did you mean name?',
  ]);
  expect(await problems("csv", "name\nx\n")).toEqual(["line 1: there is no column device_id; wanted it"]);
  expect(await problems("csv", "")).toEqual([expect.stringMatching(/^the content is empty; wanted a header/)]);
  expect(await problems("csv", 'device_id,name\np,"x\n')).toEqual(["line 2: a quote does not end; wanted RFC 4180"]);
  expect(await problems("csv", Uint8Array.of(0xff, 0xfe))).toEqual(["the content is not UTF-8; wanted text in UTF-8"]);
  expect(await problems("json", '[\n {"deviceId": "a",}]')).toEqual([
    "line 2, column 19: it is no JSON from there on; wanted a name in double quotes",
  ]);
  expect(await problems("json", "7")).toEqual([expect.stringMatching(/of another shape; wanted an array/)]);
  expect(await problems("json", '[{"deviceId":"a"},{"deviceId":"a"},5,{"deviceId":"b","colour":1}]')).toEqual([
    'device 2: device_id is "a"; wanted each once; it is device 1, too',
    expect.stringMatching(/^device 3: device is "5"; wanted an object/),
    expect.stringMatching(/^device 4: device has "colour"; wanted deviceId, name, /),
  ]);
  const wrong = [
    { nme: "x" },
    { name: 5 },
    { location: { latitude: "north" } },
    { sensors: [{ metric: "t" }] },
    { sensors: [{ metricName: "t", validMin: [] }] },
    { expectedIntervalMs: "30s" },
    { isEventDriven: "yes" },
    { tags: { line: 4 } },
  ].map((device, i) => ({ deviceId: `d${i}`, ...device }));
  expect(await problems("json", JSON.stringify(wrong))).toEqual([
    'device 1: device has "nme"; did you mean name?',
    "device 2: name is 5; wanted text",
    'device 3: location.latitude is "north"; wanted a number',
    'device 4: sensor has "metric"; wanted metricName, unit, validMin, validMax, outOfRange, precision, description',
    "device 5: sensor.valid_min is Array(0); wanted a number",
    'device 6: expected_interval_ms is "30s"; wanted a whole number of milliseconds, such as 30000',
    'device 7: is_event_driven is "yes"; wanted true or false',
    "device 8: tags.line is 4; wanted text",
  ]);
  expect(rig.kept.journal.entries).toEqual([]);
  await expect(rig.import("xml", "")).rejects.toMatchObject({ message: 'format is "xml"; wanted "csv" or "json"' });
});

test("circles are refused, also those that a file alone makes; what is too much at once is said", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "known", parent: "d" });
  const { problems } = await rig.import(
    "csv",
    "device_id,parent,latitude,longitude\na,b,95,0\nb,c,,\nc,a,,\nd,known,,\nok,a,,\n",
  );
  const circle = expect.stringMatching(/^line [2-5], column 2: parent is ".*"; wanted a device that is not below it: /);
  expect(problems).toEqual([
    circle,
    "line 2, column 3: location.latitude is 95; wanted -90 to 90 degrees",
    ...[circle, circle, circle],
    expect.stringMatching(/^line 6, column 2: parent is "a"; wanted at most 32 devices/),
  ]);
  expect(rig.kept.journal.entries.length).toBe(1);
  const lines = Array.from({ length: 4_001 }, (_, i) => `d${i}`).join("\n");
  await expect(rig.import("csv", `device_id\n${lines}\n`)).rejects.toMatchObject({
    status: "INVALID_ARGUMENT",
    message: expect.stringMatching(/^the import changes 4001 devices, .*; wanted at most 4000 .*import it in parts$/),
  });
  expect(rig.kept.journal.entries.length).toBe(1);
});

test("all that is wrong is said at once, with its own line and column, also under a header that is wrong", async () => {
  const rig = await DeviceRig.open();
  const text = `device_id,name,colour,latitude,longitude,is_event_driven,late_after,offline_after,sensor,unit,valid_min,valid_max,precision
p,one,red,95,200,maybe,5m,1m,t,K,5,1,99
p,two,,,,,,,v,,x,,
p,,,,,,,,a b,,,,
`;
  expect((await rig.import("csv", text)).problems).toEqual([
    expect.stringMatching(/^line 1, column 3: the column is "colour"; wanted device_id, name/),
    "line 2, column 4: location.latitude is 95; wanted -90 to 90 degrees",
    "line 2, column 5: location.longitude is 200; wanted -180 to 180 degrees",
    'line 2, column 6: is_event_driven is "maybe"; wanted true or false',
    "line 2, column 8: offline_after_ms is 60000; wanted at least late_after_ms, which is 300000",
    "line 2, column 12: sensors[0].valid_max is 1; wanted at least valid_min, which is 5",
    "line 2, column 13: sensors[0].precision is 99; wanted 0 to 15",
    'line 3, column 2: name is "two"; wanted "one", as from line 2 on',
    'line 3, column 11: valid_min is "x"; wanted a number',
    expect.stringMatching(/^line 4, column 9: sensors\[2\].metric_name is "a b"; wanted letters/),
  ]);
  const json = [
    {
      deviceId: "p",
      nme: 1,
      location: { latitude: 95 },
      sensors: [{ metric: "t" }, { metricName: "b", validMin: 2, validMax: 1 }],
    },
  ];
  expect((await rig.import("json", JSON.stringify(json))).problems).toEqual([
    'device 1: device has "nme"; did you mean name?',
    expect.stringMatching(/^device 1: sensor has "metric"; wanted metricName/),
    "device 1: location.latitude is 95; wanted -90 to 90 degrees",
    "device 1: sensors[0].valid_max is 1; wanted at least valid_min, which is 2",
  ]);
  expect((await rig.list()).total).toBe(0n);
});

test("cells of a location that are empty leave what is there", async () => {
  const rig = await DeviceRig.open();
  await rig.register({ deviceId: "p", location: { latitude: 5, longitude: 6, altitude: 7, name: "hall" } });
  await rig.import("csv", "device_id,location\np,yard\n");
  expect((await rig.get("p")).device!.location).toMatchObject({ latitude: 5, longitude: 6, altitude: 7, name: "yard" });
  await rig.import("csv", "device_id,latitude,longitude\np,0,1\n");
  expect((await rig.get("p")).device!.location).toMatchObject({ latitude: 0, longitude: 1, altitude: 7, name: "yard" });
});

test("what lists and answers tell is taken as it is: an array, an object in each line, an answer of one device", async () => {
  const rig = await DeviceRig.open();
  const sensors = [{ metricName: "t", unit: "K", validMax: 90 }];
  await rig.register({ deviceId: "p", site: "n", tags: { a: "b" }, location: { latitude: 1 }, sensors });
  await rig.register({ deviceId: "q", parent: "p", isEventDriven: true });
  rig.send([rig.series("t", "p"), rig.series("seen", "p"), rig.series("t", "q")]);
  await rig.settle();
  const { devices } = await rig.list();
  const lines = devices.map((device) => `${JSON.stringify(toJson(DeviceSchema, device))}\n`).join("");
  const answers = await Promise.all(["p", "q"].map((id) => rig.get(id, 10)));
  const shown = answers.map((answer) => `${JSON.stringify(toJson(GetDeviceResponseSchema, answer))}\n`);
  const all = JSON.stringify({ devices: devices.map((device) => toJson(DeviceSchema, device)), total: "2" }, null, 2);
  for (const text of [lines, shown.join("\n"), all]) {
    expect(await rig.import("json", text)).toMatchObject({ unchanged: 2, problems: [] });
    const other = await DeviceRig.open();
    expect(await other.import("json", text)).toMatchObject({ created: 2 });
    const { sensors: own, ...device } = (await other.get("p")).device!;
    expect(device).toMatchObject({ site: "n", tags: { a: "b" }, status: "never_seen", revision: 1n });
    expect(own.map(({ metricName, unit, validMax }) => [metricName, unit, validMax])).toEqual([["t", "K", 90]]);
  }
  expect(await rig.import("json", shown[0])).toMatchObject({ unchanged: 1 });
  const broken = `${shown[0]}\n{"deviceId": }\n{"deviceId":"p","name":4}\n`;
  expect((await rig.import("json", broken)).problems).toEqual([
    "line 3, column 14: it is no JSON from there on; wanted a value",
    "line 4: name is 4; wanted text",
    'line 4: device_id is "p"; wanted each once; it is line 1, too',
  ]);
});

test("of any bytes nothing but problems and devices comes", async () => {
  const rig = await DeviceRig.open();
  const seed = Number(process.env["WATCHPOST_TEST_SEED"] ?? 1);
  const random = randomOf(seed);
  const parts = [
    '"',
    ",",
    "\n",
    "\r\n",
    "device_id",
    "sensor",
    "tags.a",
    "1",
    "x",
    "\0",
    "é",
    "{",
    "[",
    "]",
    "}",
    ":",
    "null",
    '"deviceId"',
  ];
  for (let i = 0; i < 2_000; i++) {
    const body = Array.from(
      { length: Math.floor(random() * 20) },
      () => parts[Math.floor(random() * parts.length)],
    ).join("");
    const format = random() < 0.5 ? "csv" : "json";
    const { problems } = await rig.import(
      format,
      format === "csv" && random() < 0.7 ? `device_id,sensor,tags.a\n${body}` : body,
      { isDryRun: true },
    );
    for (const problem of problems) expect(problem.length).toBeLessThan(301);
  }
});

test("many devices are read in turns, and more than may be in one import are refused before they are compared", async () => {
  const rig = await DeviceRig.open();
  const csv = (count: number) => `device_id,site\n${Array.from({ length: count }, (_, i) => `d${i},s\n`).join("")}`;
  const json = (count: number) => JSON.stringify(Array.from({ length: count }, (_, i) => ({ deviceId: `d${i}` })));
  expect(await rig.import("csv", csv(3_000))).toMatchObject({ created: 3_000 });
  expect(rig.pauses).toBeGreaterThanOrEqual(3_000 / 100);
  const { pauses } = rig;
  expect(await rig.import("json", json(3_000))).toMatchObject({ unchanged: 3_000 });
  expect(rig.pauses - pauses).toBeGreaterThanOrEqual(3_000 / 100);
  const text = 'content is "more than 10000 devices"; wanted at most 10000: import it in parts';
  for (const [format, content] of [
    ["csv", csv(10_001)],
    ["json", json(10_001)],
  ]) {
    await expect(rig.import(format, content)).rejects.toMatchObject({
      status: "INVALID_ARGUMENT",
      message: expect.stringContaining(text),
    });
  }
});

test("what is far more than devices take is refused by name, before much is made of it", async () => {
  const rig = await DeviceRig.open();
  const refused = (format: string, content: string) =>
    rig.import(format, content).then(
      () => undefined,
      (error: Error) => error.message,
    );
  const lines = `device_id${"\n".repeat(200_001)}`;
  expect(await refused("csv", lines)).toBe(
    'content is "more than 200000 lines"; wanted at most 200000: import it in parts',
  );
  const values = `[{"deviceId":"a","sensors":[${"{},".repeat(750_000)}{}]}]`;
  expect(await refused("json", values)).toBe(
    'content is "more than 1500000 values"; wanted at most 1500000: import it in parts',
  );
  const problems = async (format: string, text: string) => (await rig.import(format, text)).problems;
  expect(await problems("json", `[{"deviceId":"a","sensors":[${"{},".repeat(20_000)}{}]},{"deviceId":""}]`)).toEqual([
    "device 1: it has more than 20000 values; wanted at most so many",
    expect.stringMatching(/^device 2: device_id is ""/),
  ]);
  const wide = `device_id,name${",x".repeat(255)}\n`;
  expect(await problems("csv", wide)).toEqual(["line 1: it has 257 columns; wanted at most 256"]);
  expect(await problems("csv", `device_id,name\np,"${"a\n".repeat(132_000)}`)).toEqual([
    "line 2: the row has more than 262144 characters; does a quote not end?",
  ]);
  // All of it is read at most until there is nothing more to be told.
  const wrong = await problems("csv", `device_id,name\n${"p\n".repeat(150_000)}`);
  expect([wrong.length, wrong[99]]).toEqual([100, "line 101: it has 1 cells; wanted 2, as the header has"]);
});

test("where JSON is damaged is looked for in turns", async () => {
  const rig = await DeviceRig.open();
  const { problems } = await rig.import("json", `[${"1,".repeat(100_000)}]`);
  expect(problems).toEqual(["line 1, column 200002: it is no JSON from there on; wanted a value"]);
  expect(rig.pauses).toBeGreaterThanOrEqual(200_000 / 10_000);
});

test("of devices of which much is said few are read in one turn", async () => {
  const rig = await DeviceRig.open();
  const sensors = Array.from({ length: 900 }, (_, i) => ({ metricName: `m${i}`, unit: "K" }));
  const devices = Array.from({ length: 20 }, (_, i) => ({ deviceId: `d${i}`, sensors }));
  await rig.import("json", JSON.stringify(devices), { isDryRun: true }).catch(() => {});
  expect(rig.pauses).toBeGreaterThan(9);
});
