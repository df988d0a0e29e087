/** Births, deaths and order, by the assertions (tck-id-…) of the Sparkplug 3.0 specification that concern a host. */
import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "bun:test";
import { REBIRTH_WAIT_MS_MIN } from "../../../src/edge/sparkplug/limits.ts";
import { PayloadSchema } from "../../../src/wire/gen/sparkplug/sparkplug_b_pb.ts";
import { aliased, double, events, HostRig, leftOut, ScriptedNode, shown, START_MS } from "./scripted-node.ts";

/** Node temperature 1, and a device with pressure 2. */
function born(rig = new HostRig(), node = new ScriptedNode()) {
  rig.take(node.birth([double("Temp", 1, 20)]));
  rig.take(node.deviceBirth("pump", [double("Pressure", 2, 3)]));
  return { rig, node };
}

describe("births", () => {
  test("tell aliases, values, and that node and device are there", () => {
    const rig = new HostRig();
    const node = new ScriptedNode();
    const nodeBirth = rig.take(node.birth([double("Temp", 1, 20)]));
    expect(shown(nodeBirth)).toEqual(["Temp@edge1=20"]);
    expect(events(nodeBirth)).toEqual(["birth edge1"]);
    const deviceBirth = rig.take(node.deviceBirth("pump", [double("Pressure", 2, 3)]));
    expect(events(deviceBirth)).toEqual(["birth pump at edge1"]);
    const data = rig.take(node.deviceData("pump", [aliased(2, 3.5)]));
    expect(data.points).toEqual([
      {
        metric: "Pressure",
        source: "Plant/edge1",
        tags: [
          ["device", "pump"],
          ["group", "Plant"],
        ],
        timeUs: START_MS * 1_000,
        value: 3.5,
      },
    ]);
  });

  test("that are retained are not taken: tck-id-payloads-nbirth-retain", () => {
    const rig = new HostRig();
    const node = new ScriptedNode();
    const output = rig.take(node.birth([double("Temp", 1, 20)]), true);
    expect([output.points, output.events, leftOut(output)]).toEqual([[], [], { retained: 1 }]);
  });

  test("a new session replaces the aliases of the one before: tck-id-topics-nbirth-metric-reqs", () => {
    const { rig, node } = born();
    node.session = 1;
    rig.take(node.death(0));
    rig.take(node.birth([double("Humidity", 1, 50)]));
    expect(shown(rig.take(node.data([aliased(1, 51)])))).toEqual(["Humidity@edge1=51"]);
    const pump = rig.take(node.deviceData("pump", [aliased(2, 9)]));
    expect([shown(pump), leftOut(pump), pump.publications.length]).toEqual([[], { "before birth": 1 }, 1]);
  });

  test("a session whose predecessor's death was missed: death and birth", () => {
    const { rig, node } = born();
    node.session = 1;
    expect(events(rig.take(node.birth([])))).toEqual(["death edge1", "birth edge1"]);
  });

  test("a rebirth in the same session is no death, and devices not born again die", () => {
    const { rig, node } = born();
    rig.take(node.deviceBirth("valve", []));
    expect(events(rig.take(node.birth([double("Temp", 1, 20)])))).toEqual(["birth edge1"]);
    expect(events(rig.take(node.deviceBirth("pump", [])))).toEqual(["birth pump at edge1"]);
    expect(rig.host.isWaiting).toBe(true);
    expect(events(rig.advance(29_999))).toEqual([]);
    expect(events(rig.advance(1))).toEqual(["death valve"]);
    expect(rig.host.isWaiting).toBe(false);
    expect(events(rig.advance(60_000))).toEqual([]);
  });

  test("what belongs to another device's birth is not found through its alias: tck-id-payloads-alias-uniqueness", () => {
    const { rig, node } = born();
    const output = rig.take(node.data([aliased(2, 1)]));
    expect([shown(output), leftOut(output)]).toEqual([[], { "unknown alias": 1 }]);
  });

  test("an alias of two metrics names neither", () => {
    const rig = new HostRig();
    const node = new ScriptedNode();
    rig.take(node.birth([double("A", 7, 1), double("B", 7, 2), double("C", 8, 3)]));
    const output = rig.take(node.data([aliased(7, 9), aliased(8, 10)]));
    expect([shown(output), leftOut(output)]).toEqual([["C@edge1=10"], { "ambiguous alias": 1 }]);
    expect(output.publications).toEqual([]);
  });
});

describe("deaths", () => {
  test("of a node take its aliases along: tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline", () => {
    const { rig, node } = born();
    rig.monotonicMs += 5_000;
    const death = rig.take(node.death());
    expect(death.events).toMatchObject([{ kind: "death", device: "edge1", timeMs: START_MS + 5_000 }]);
    const late = rig.take(node.deviceData("pump", [aliased(2, 1)]));
    expect([shown(late), leftOut(late)]).toEqual([[], { "before birth": 1 }]);
  });

  test("of an earlier session is ignored: tck-id-payloads-ndeath-bdseq", () => {
    const { rig, node } = born();
    node.session = 1;
    rig.take(node.birth([double("Temp", 1, 20)]));
    const late = rig.take(node.death(0));
    expect([events(late), leftOut(late)]).toEqual([[], { "stale death": 1 }]);
    expect(shown(rig.take(node.data([aliased(1, 21)])))).toEqual(["Temp@edge1=21"]);
    expect(events(rig.take(node.death(1)))).toEqual(["death edge1"]);
  });

  test("that the will repeats are one: tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath", () => {
    const { rig, node } = born();
    expect(events(rig.take(node.death()))).toEqual(["death edge1"]);
    expect(events(rig.take(node.death()))).toEqual([]);
    expect(events(rig.take(node.birth([])))).toEqual(["birth edge1"]);
  });

  test("of a node that nobody saw born are told", () => {
    expect(events(new HostRig().take(new ScriptedNode().death()))).toEqual(["death edge1"]);
  });

  test("of a device have its own time: tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline", () => {
    const { rig, node } = born();
    rig.monotonicMs += 10_000;
    node.nowMs += 8_000;
    expect(rig.take(node.deviceDeath("pump")).events).toMatchObject([
      { kind: "death", device: "pump", parent: "edge1", timeMs: START_MS + 8_000 },
    ]);
    const late = rig.take(node.deviceData("pump", [aliased(2, 1)]));
    expect([shown(late), leftOut(late)]).toEqual([[], { "before birth": 1 }]);
    expect(shown(rig.take(node.data([aliased(1, 22)])))).toEqual(["Temp@edge1=22"]);
  });

  test("of a device in the future, or before its birth, are put right", () => {
    for (const [said, wanted] of [
      [START_MS + 3_600_000, START_MS + 1_000],
      [START_MS - 3_600_000, START_MS],
    ]) {
      const { rig, node } = born();
      rig.monotonicMs += 1_000;
      node.nowMs = said!;
      expect(rig.take(node.deviceDeath("pump")).events[0]!.timeMs).toBe(wanted!);
    }
  });
});

describe("order", () => {
  test("255 is followed by 0: tck-id-payloads-sequence-num-incrementing", () => {
    const { rig, node } = born();
    for (let i = 0; i < 600; i++) rig.take(node.data([aliased(1, i)]));
    expect(rig.host.nodes.get("Plant/edge1")).toMatchObject({ gaps: 0, rebirthsAsked: 0 });
  });

  test("a message that does not come: tck-id-operational-behavior-host-reordering-rebirth", () => {
    const { rig, node } = born();
    node.data([aliased(1, 1)]);
    // A store of measurements takes all that comes: nothing is wrong with this one.
    const next = rig.take(node.data([aliased(1, 2)]));
    expect([shown(next), next.publications]).toEqual([["Temp@edge1=2"], []]);
    expect(rig.advance(1_999).publications).toEqual([]);
    const { publications } = rig.advance(1);
    expect(publications).toMatchObject([{ topic: "spBv1.0/Plant/NCMD/edge1", qos: 0, retain: false }]);
    expect(rig.host.nodes.get("Plant/edge1")).toMatchObject({ gaps: 1, rebirthsAsked: 1 });
    // tck-id-operational-behavior-data-commands-ncmd-rebirth-name, -value; tck-id-payloads-ncmd-seq, -timestamp.
    const command = fromBinary(PayloadSchema, publications[0]!.payload);
    expect(Object.hasOwn(command, "seq")).toBe(false);
    expect(command).toMatchObject({
      timestamp: BigInt(START_MS + 2_000),
      metrics: [{ name: "Node Control/Rebirth", datatype: 11, value: { case: "booleanValue", value: true } }],
    });
  });

  test("a message that comes late: tck-id-operational-behavior-host-reordering-success", () => {
    const { rig, node } = born();
    const [first, second, third] = [1, 2, 3].map((value) => node.data([aliased(1, value)]));
    rig.take(third!);
    rig.advance(1_000);
    rig.take(first!);
    expect(shown(rig.take(second!))).toEqual(["Temp@edge1=2"]);
    expect(rig.host.isWaiting).toBe(false);
    expect(rig.advance(60_000).publications).toEqual([]);
    expect(rig.host.nodes.get("Plant/edge1")!.gaps).toBe(0);
  });

  test("where the broker keeps the order nothing is waited for", () => {
    const { rig, node } = born(new HostRig({ reorderMs: 0 }));
    node.data([]);
    expect(rig.take(node.data([aliased(1, 2)])).publications).toHaveLength(1);
  });

  test("the same message again is no gap", () => {
    const { rig, node } = born(new HostRig({ reorderMs: 0 }));
    const data = node.data([aliased(1, 2)]);
    rig.take(data);
    expect(rig.take(data).publications).toEqual([]);
    expect(rig.take(node.data([aliased(1, 3)])).publications).toEqual([]);
  });

  test("where the numbers go back, or 0 is missing, a birth may have been lost: aliases are not believed", () => {
    for (const [before, after] of [
      [10, 5],
      [200, 3],
      [0, 1],
      [5, 4],
    ]) {
      const { rig, node } = born();
      rig.host.nodes.get("Plant/edge1")!.sequence.begin(before! + 255);
      [node.seq, node.nowMs] = [after!, node.nowMs + 1];
      const output = rig.take(node.data([aliased(1, 5), double("Temp", 1, 6)]));
      expect([shown(output), leftOut(output)]).toEqual([["Temp@edge1=6"], { "unknown alias": 1 }]);
      expect(output.publications).toHaveLength(1);
      rig.take(node.birth([double("Temp", 1, 20)]));
      expect(shown(rig.take(node.data([aliased(1, 7)])))).toEqual(["Temp@edge1=7"]);
    }
  });
});

describe("rebirth requests", () => {
  test("one at a time, and seldom for a node that does not listen", () => {
    const rig = new HostRig();
    const node = new ScriptedNode();
    let asked = 0;
    const ask = () => (asked += rig.take(node.data([aliased(1, 1)])).publications.length);
    for (let i = 0; i < 50; i++) ask();
    expect(asked).toBe(1);
    asked += rig.advance(REBIRTH_WAIT_MS_MIN - 1).publications.length;
    expect(asked).toBe(1);
    // What came meanwhile still wants one.
    asked += rig.advance(1).publications.length;
    expect(asked).toBe(2);
    for (let s = 0; s < 3_600; s++) {
      asked += rig.advance(1_000).publications.length;
      ask();
    }
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(20);
  });

  test("a birth answers them", () => {
    const rig = new HostRig();
    const node = new ScriptedNode();
    rig.take(node.data([aliased(1, 1)]));
    rig.take(node.data([aliased(1, 1)]));
    rig.take(node.birth([double("Temp", 1, 1)]));
    expect(rig.advance(3_600_000).publications).toEqual([]);
    expect(shown(rig.take(node.data([aliased(1, 2)])))).toEqual(["Temp@edge1=2"]);
  });

  test("of many nodes at once are spread", () => {
    const rig = new HostRig();
    const nodes = Array.from({ length: 120 }, (_, i) => new ScriptedNode("g", `n${i}`));
    let asked = nodes.flatMap((node) => rig.take(node.data([aliased(1, 1)])).publications).length;
    expect(asked).toBe(50);
    asked += rig.advance(1_000).publications.length;
    expect(asked).toBe(100);
    asked += rig.advance(1_000).publications.length;
    expect(asked).toBe(120);
  });

  test("none are sent where nothing may be published", () => {
    const rig = new HostRig({ asksForRebirths: false });
    const output = rig.take(new ScriptedNode().data([aliased(1, 1)]));
    expect([output.publications, leftOut(output)]).toEqual([[], { "before birth": 1 }]);
  });
});

describe("a host that begins in the middle", () => {
  test("stores nothing that has only an alias, and what names itself", () => {
    const { node } = born();
    const rig = new HostRig();
    const output = rig.take(
      node.data([
        aliased(1, 21),
        double("Named", undefined, 5),
        { name: "Sign unknown", value: { case: "intValue", value: 4_294_967_295 } },
      ]),
    );
    expect(shown(output)).toEqual(["Named@edge1=5"]);
    expect(leftOut(output)).toEqual({ "before birth": 1, "unknown type": 1 });
    expect(output.publications).toHaveLength(1);
    // Aliases are not what they were.
    rig.take(node.birth([double("Humidity", 1, 40)]));
    expect(shown(rig.take(node.data([aliased(1, 41)])))).toEqual(["Humidity@edge1=41"]);
    expect(rig.host.nodes.get("Plant/edge1")!.unnamed).toBe(1);
  });

  test("after its connection was interrupted aliases are not believed", () => {
    const { rig, node } = born();
    const { publications } = rig.host.reconnected(rig.wallMs, rig.monotonicMs);
    expect(publications).toHaveLength(1);
    const output = rig.take(node.data([aliased(1, 21), double("Temp", 1, 22)]));
    expect([shown(output), leftOut(output)]).toEqual([["Temp@edge1=22"], { "unknown alias": 1 }]);
    expect(rig.host.nodes.get("Plant/edge1")!.gaps).toBe(0);
  });
});

test("devices of one id at two nodes: said, or told apart", () => {
  const [short, full] = [new HostRig(), new HostRig({ deviceNames: "full" })];
  for (const rig of [short, full]) born(rig, new ScriptedNode("Plant", "a"));
  const other = new ScriptedNode("Plant", "b");
  short.take(other.birth([]));
  const second = other.deviceBirth("pump", []);
  expect(short.take(second).notices).toEqual([
    'device "pump" is at edge nodes "Plant/a" and "Plant/b"; device_names = "full" keeps them apart',
  ]);
  other.seq = 0;
  full.take(other.birth([]));
  const output = full.take(second);
  expect(output.notices).toEqual([]);
  expect(events(output)).toEqual(["birth Plant/b/pump at Plant/b"]);
});

test("a device called like its edge node is not its own parent", () => {
  const rig = new HostRig();
  const node = new ScriptedNode("Plant", "edge1");
  rig.take(node.birth([]));
  expect(events(rig.take(node.deviceBirth("edge1", [])))).toEqual(["birth edge1"]);
});

test("a message of one device takes no look at the others of its edge node", () => {
  const { rig, node } = born();
  for (let i = 0; i < 20; i++) rig.take(node.deviceBirth(`d${i}`, [double("Pressure", 2, 3)]));
  const { devices } = rig.host.nodes.get("Plant/edge1")!;
  let looks = 0;
  Object.assign(devices, {
    values: () => {
      looks++;
      return Map.prototype.values.call(devices);
    },
  });
  expect(shown(rig.take(node.deviceData("d7", [aliased(2, 4)])))).toEqual(["Pressure@d7=4"]);
  expect(looks).toBe(0);
});
