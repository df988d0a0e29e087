/** What becomes of payloads: numbers, JSON, times, tags, retained and hostile ones. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { readTimeUs, type TimeUnit } from "../../../src/edge/mqtt/message-time.ts";
import { handling, NOON_MS, pointsOf } from "./rig.ts";

const ANY = `[[topics]]
pattern = "f/{source}/{device}/{metric}"
`;

test("bare numbers, by what their topic names", () => {
  const handle = handling(`[[topics]]
    pattern = "f/{source}/{device}/{line}/{metric...}"
    payload = "number"
    tags = { site = "north" }
    words = { ON = 1, OFF = 0, "n/a" = -1 }`);
  const value = (payload: string) => pointsOf(handle("f/a/b/2/x", payload))[0]?.split(" ")[1];
  expect(pointsOf(handle("f/a/b/2/temp/oil-1 °", "21.5"))).toEqual(["temp_oil_1__{a,site=north,device=b,line=2} 21.5"]);
  const good = {
    " 7 ": 7,
    "-1e-3": -0.001,
    "+.5": 0.5,
    "5.": 5,
    true: 1,
    false: 0,
    ON: 1,
    OFF: 0,
    "n/a": -1,
    "1e999": Infinity,
  };
  for (const [text, number] of Object.entries(good)) expect([text, value(text)]).toEqual([text, String(number)]);
  for (const wrong of ["", "NaN", "Infinity", "0x10", "1,5", "1 2", "on", "[1]", "1_000", "1".repeat(65)]) {
    expect([wrong, handle("f/a/b/2/x", wrong).malformed]).toEqual([wrong, "it is no number"]);
  }
  // A level without text is no tag.
  expect(pointsOf(handle("f/a//2/x", "1"))).toEqual(["x{a,site=north,line=2} 1"]);
});

test("without a source in topic and settings it is the broker's name; constants stand for captures", () => {
  expect(pointsOf(handling(`[[topics]]\npattern = "{device}/{metric}"`)("d/m", "1"))).toEqual(["m{plant,device=d} 1"]);
  const handle = handling(`[[topics]]\npattern = "#"\nsource = "s"\ndevice = "d"\nmetric = "m"`);
  expect(pointsOf(handle("x/y", "1"))).toEqual(["m{s,device=d} 1"]);
});

test("every number of a JSON message, with the names on the way to it", () => {
  const handle = handling(ANY);
  expect(
    pointsOf(handle("f/a/d/env", { t: 1, deep: { ok: true, "a b": [2, { x: 3 }] }, text: "4", none: null })),
  ).toEqual([
    "env_t{a,device=d} 1",
    "env_deep_ok{a,device=d} 1",
    "env_deep_a_b_0{a,device=d} 2",
    "env_deep_a_b_1_x{a,device=d} 3",
  ]);
  const dotted = handling(`[[topics]]\npattern = "z/{device}"\nseparator = "."\nwords = { ON = 1 }`);
  expect(pointsOf(dotted("z/d", { state: "ON", power: { l1: 5 } }))).toEqual([
    "state{plant,device=d} 1",
    "power.l1{plant,device=d} 5",
  ]);
  expect(dotted("z/d", "5").malformed).toBe("the number has no name: the topic gives none");
  expect(dotted("z/d", { text: "only" }).leftOut).toEqual(new Map([["no number", 1]]));
  expect(dotted("z/d", "hello").malformed).toBe("it is neither a number nor JSON");
});

test("paths: one value has the topic's name, several have their own, text that is a number is one", () => {
  const one = handling(`${ANY}values = "v"`);
  expect(pointsOf(one("f/a/d/m", { v: "21.5", x: 1 }))).toEqual(["m{a,device=d} 21.5"]);
  expect(one("f/a/d/m", { x: 1 }).leftOut).toEqual(new Map([["no number", 1]]));
  const several = handling(`${ANY}values = ["a.v", "b", 'list[1]["x.y"]']`);
  expect(pointsOf(several("f/s/d/m", { a: { v: 1 }, b: { p: 2, q: 3 }, list: [0, { "x.y": 4 }] }))).toEqual([
    "m_a_v{s,device=d} 1",
    "m_b_p{s,device=d} 2",
    "m_b_q{s,device=d} 3",
    "m_list_x.y{s,device=d} 4",
  ]);
  const unnamed = handling(`[[topics]]\npattern = "x/{device}"\nvalues = "data[*].v"`);
  expect(pointsOf(unnamed("x/d", { data: [{ v: 1 }, {}, { v: 2 }] }))).toEqual([
    "data_v{plant,device=d} 1",
    "data_v{plant,device=d} 2",
  ]);
});

test("lists: name, time and tags of each value stand beside it", () => {
  const handle = handling(`[[topics]]
    pattern = "senml/{device}"
    payload = "json"
    values = "e[*].v"
    name = "e[*].n"
    time = "e[*].t"
    time_unit = "s"
    tag_paths = { unit = "e[*].u", base = "bn" }`);
  const s = NOON_MS / 1_000;
  const e = [
    { n: "temp", v: 1, t: s + 1, u: "Cel" },
    { n: "hum", v: 2 },
    { n: 7, v: 3, t: s - 1.5 },
  ];
  expect(pointsOf(handle("senml/d", { bn: "B", e }))).toEqual([
    "temp{plant,device=d,unit=Cel,base=B} 1 @ 1",
    "hum{plant,device=d,base=B} 2",
    "7{plant,device=d,base=B} 3 @ -1.5",
  ]);
  expect(handle("senml/d", { e: [{ v: 1 }] }).malformed).toBe("there is no text at e[*].n");
  expect(handle("senml/d", { e: [{ n: "x", v: 1, t: "soon" }] }).malformed).toBe('e[*].t is "soon"; wanted a time (s)');
});

test("what describes a message is no measurement of it", () => {
  const handle = handling(`${ANY}time = "meta.ts"\nname = "n"\ntag_paths = { seq = "meta.seq" }`);
  const message = { n: "x", meta: { ts: NOON_MS, seq: 5, rssi: -60 }, v: 1 };
  expect(pointsOf(handle("f/a/d/m", message))).toEqual([
    "m_x_meta_rssi{a,device=d,seq=5} -60",
    "m_x_v{a,device=d,seq=5} 1",
  ]);
});

test("times: units, text, and what is neither", () => {
  const us = Date.UTC(2026, 0, 1) * 1_000 + 123_456;
  const cases: [given: unknown, unit: TimeUnit, wanted: number | undefined][] = [
    [us / 1e6, "s", us],
    [us / 1e3, "ms", us],
    [us, "us", us],
    [us * 1e3, "ns", us],
    [String(us), "us", us],
    [us / 1e6, "auto", us],
    [us / 1e3, "auto", us],
    [us, "auto", us],
    [us * 1e3, "auto", us],
    ["2026-01-01T00:00:00.1234569Z", "auto", us],
    ["2026-01-01t01:00:00.123456+01:00", "rfc3339", us],
    ["2026-01-01T00:00:00", "auto", undefined],
    ["2026-13-01T00:00:00Z", "auto", undefined],
    ["2026-01-01T00:00:00Z", "s", undefined],
    [5, "rfc3339", undefined],
    ["", "auto", undefined],
    [null, "auto", undefined],
    [true, "s", undefined],
    [{}, "auto", undefined],
    [1e308, "s", undefined],
    [-1, "s", -1_000_000],
  ];
  for (const [given, unit, wanted] of cases)
    expect([given, unit, readTimeUs(given, unit)]).toEqual([given, unit, wanted]);
});

test("what the broker had kept is taken where it says its time, unless it is said otherwise", () => {
  const retained = (policy: string) => handling(`${ANY}time = "ts"\n${policy}`);
  const timed = { ts: NOON_MS - 5_000, v: 1 };
  const untimed = { v: 1 };
  const of = (policy: string, payload: unknown) =>
    pointsOf(retained(policy)("f/a/d/m", payload, { retain: true })).length;
  expect(["", 'retained = "take"', 'retained = "ignore"'].map((each) => [of(each, timed), of(each, untimed)])).toEqual([
    [1, 0],
    [1, 1],
    [0, 0],
  ]);
  expect(retained("")("f/a/d/m", untimed, { retain: true }).leftOut).toEqual(new Map([["retained without a time", 1]]));
});

test("status topics: births and deaths, as text or in JSON, kept by the broker or not", () => {
  const handle = handling(`[[topics]]
    pattern = "z/{device}/availability"
    status = { path = "state" }
    [[topics]]
    pattern = "tele/{device}/LWT"
    status = { online = "Online", offline = "Offline" }`);
  const event = (topic: string, payload: unknown) => handle(topic, payload, { retain: true }).events;
  expect(event("z/lamp/availability", { state: "offline" })).toEqual([
    { kind: "death", device: "lamp", timeMs: NOON_MS, reason: "MQTT: offline" },
  ]);
  expect(event("tele/plug/LWT", "Online")).toEqual([
    { kind: "birth", device: "plug", timeMs: NOON_MS, reason: "MQTT: Online" },
  ]);
  expect(handle("tele/plug/LWT", "online").malformed).toBe('it says "online"; wanted "Online" or "Offline"');
  expect(handle("z/lamp/availability", "online").malformed).toContain("JSON");
  expect(handle("z//availability", { state: "online" }).malformed).toBe("its topic names no device");
});

test("what Zigbee2MQTT, Tasmota and Shelly send", () => {
  const zigbee = handling(`[[topics]]
    pattern = "zigbee2mqtt/{device}"
    source = "zigbee2mqtt"
    payload = "json"
    words = { ON = 1, OFF = 0 }`);
  expect(
    pointsOf(
      zigbee("zigbee2mqtt/hall lamp", { state: "ON", linkquality: 90, update: { state: "idle" }, color_mode: "xy" }),
    ),
  ).toEqual(["state{zigbee2mqtt,device=hall lamp} 1", "linkquality{zigbee2mqtt,device=hall lamp} 90"]);
  const tasmota = handling(`[[topics]]
    pattern = "tele/{device}/{kind}"
    source = "tasmota"
    payload = "json"`);
  const sensor = {
    Time: "2026-01-31T12:00:00",
    ENERGY: { TotalStartTime: "2025-01-01T00:00:00", Power: 12, Factor: 0.9 },
  };
  expect(pointsOf(tasmota("tele/plug/SENSOR", sensor))).toEqual([
    "ENERGY_Power{tasmota,device=plug,kind=SENSOR} 12",
    "ENERGY_Factor{tasmota,device=plug,kind=SENSOR} 0.9",
  ]);
  const shelly = handling(`[[topics]]
    pattern = "shellies/{device}/{metric...}"
    source = "shelly"
    words = { on = 1, off = 0 }`);
  expect(["on", "12.5"].flatMap((payload) => pointsOf(shelly("shellies/s1/relay/0", payload)))).toEqual([
    "relay_0{shelly,device=s1} 1",
    "relay_0{shelly,device=s1} 12.5",
  ]);
});

test("hostile payloads are refused by name", () => {
  const handle = handling(ANY);
  const malformed = (payload: unknown) => handle("f/a/d/m", payload).malformed;
  expect(malformed(Uint8Array.of(0xff, 0xfe))).toBe("it is not UTF-8");
  expect(malformed("{")).toStartWith("it is no JSON: ");
  expect(malformed('{"x": NaN}')).toStartWith("it is no JSON: ");
  expect(malformed(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`)).toBe("it is nested more than 32 deep");
  // As deep as the bytes that a message may have.
  const deep = 500_000;
  expect(malformed("[".repeat(deep) + "]".repeat(deep))).toMatch(/nested more than 32 deep|no JSON/);
  expect(malformed(Array.from({ length: 10_001 }, () => 1))).toBe("it holds more than 10000 numbers");
  // A long key stands in the name of each number below it.
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [i, i]));
  expect(malformed({ ["k".repeat(500_000)]: many })).toBe("the name of a number is longer than 1024");
  expect(malformed({ ["k".repeat(500_000)]: { a: null } })).toBe("the name of a number is longer than 1024");
  expect(malformed(Array.from({ length: 100_001 }, () => null))).toBe("it holds more than 100000 values");
  const tagged = handling(`${ANY}tag_paths = { t = "t" }`);
  const [{ tags }] = tagged("f/a/d/m", { t: "x".repeat(900_000), v: 1 }).points!;
  expect(tags.find(([key]) => key === "t")![1].length).toBe(2_048);
  const each = handling(`${ANY}values = "a[*][*]"`);
  const rows = Array.from({ length: 1_000 }, () => Array.from({ length: 101 }, () => null));
  expect(each("f/a/d/m", { a: rows }).malformed).toBe("more than 100000 stand at a[*][*]");
  expect(pointsOf(handle("f/a/d/m", '{"__proto__": {"x": 1}, "constructor": 2, "v": 1e999}'))).toEqual([
    "m___proto___x{a,device=d} 1",
    "m_constructor{a,device=d} 2",
    "m_v{a,device=d} Infinity",
  ]);
});

test("whatever the bytes, nothing is thrown", () => {
  const handles = [ANY, `${ANY}values = ["a[*].b", "c"]\nname = "n"\ntime = "a[*].t"\ntag_paths = { x = "c.d" }`].map(
    handling,
  );
  const key = fc.constantFrom("a", "b", "c", "d", "n", "t", "__proto__");
  const json = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.double(),
      fc.string(),
      fc.constantFrom(null, true, NOON_MS),
      fc.array(tie("any"), { maxLength: 3 }),
      fc.dictionary(key, tie("any"), { maxKeys: 4 }),
    ),
  })).any;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.string(),
        json.map((each) => JSON.stringify(each)),
      ),
      (payload) => {
        for (const handle of handles) {
          for (const { metric, timeUs } of handle("f/a/d/m", payload).points ?? []) {
            expect(metric).toMatch(/^[A-Za-z0-9_.]+$/);
            expect(Number.isNaN(timeUs)).toBe(false);
          }
        }
      },
    ),
  );
});
