/** Rules that other nodes evaluate: who has which, and what is heard of whom. */
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { ruleHolder } from "../../src/alerts/evaluation/rule-holder.ts";
import { PART_CHARS, partsOf } from "../../src/alerts/evaluation/rule-states.ts";
import { serveEvaluation } from "../../src/alerts/evaluation/serve-evaluation.ts";
import { Outgoing } from "../../src/model/outgoing.ts";
import { EvaluationReportsSchema, type EvaluationReports } from "../../src/wire/gen/evaluation_pb.ts";
import { AlertsRig } from "./rig.ts";

const HOT = { name: "hot", metric: "temp", condition: { threshold: { above: 80 } } };
let rig: AlertsRig;

beforeEach(async () => {
  rig = new AlertsRig();
  rig.isSpread = true;
  await rig.open();
});
afterEach(() => rig.close());

const spread = () => rig.alerts.spread!;
const active = () => [...rig.alerts.book.active()];
const temp = (value: number) => rig.send({ metric: "temp", source: "a", value });

/** Another node has all rules. */
async function lend(): Promise<string> {
  const before = new Set(rig.evaluators);
  rig.join();
  await rig.pass(3_000);
  return rig.evaluators.find((id) => !before.has(id))!;
}

/** A node that says what it is told to; returns how many orders it got. */
function impostor(nodeId: string) {
  const orders: unknown[] = [];
  const joined = spread().join({ nodeId, send: (order) => void orders.push(order), end: () => {} });
  const say = (reports: object) => joined.hear(create(EvaluationReportsSchema, reports));
  return { orders, say, leave: () => joined.leave() };
}

function fired(value = 99, state: object = { phase: "firing", level: 1, shown: 1, clockUs: 1, silentMs: 0, gapMs: 0 }) {
  const lead = { series: "1", value, level: 1 };
  const change = { change: "fired", reason: "resolved", state: JSON.stringify(state), lead };
  return { rule: "hot", key: "1", report: { case: "change", value: change } } as const;
}

test("a node that comes or goes moves those rules alone that it has", () => {
  const rules = Array.from({ length: 1_000 }, (_, i) => `rule ${i}`);
  const nodes = ["a", "b", "c", "d"];
  const held = rules.map((rule) => ruleHolder(rule, nodes));
  for (const node of nodes) expect(held.filter((holder) => holder === node).length).toBeGreaterThan(200);
  const without = rules.map((rule) => ruleHolder(rule, ["d", "b", "a"]));
  expect(rules.filter((_, i) => held[i] !== "c" && held[i] !== without[i])).toEqual([]);
});

test("the other node evaluates, and the desk does not", async () => {
  await rig.put(HOT);
  const node = await lend();
  expect(spread().held).toEqual(new Map([[node, 1]]));
  expect(rig.alerts.rulesHere).toBe(0);
  await temp(81);
  expect(rig.alerts.engine.counts.evaluations).toBe(0);
  expect(active().map(({ rule, value }) => [rule, value])).toEqual([["hot", 81]]);
  await rig.pass(1_000);
  await temp(85);
  await rig.pass(2_000);
  expect(rig.alerts.book.current(active()[0]).value).toBe(85);
});

test("the desk wants what those rules are about that it evaluates itself", async () => {
  const wanted = () => [...rig.wanted].flatMap(({ exactMetrics }) => exactMetrics).sort();
  await rig.put(HOT, { ...HOT, name: "wet", metric: "humidity" }, { ...HOT, name: "off", disabled: true });
  expect(wanted()).toEqual(["humidity", "temp"]);
  const node = await lend();
  expect(wanted()).toEqual([]);
  const other = await lend();
  expect([...spread().held.values()].reduce((sum, count) => sum + count)).toBe(2);
  expect(wanted()).toEqual([]);
  await rig.put({ ...HOT, name: "dry", metric: "humidity" });
  rig.leave(node, other);
  await rig.pass(3_000);
  expect(wanted()).toEqual(["humidity", "humidity", "temp"]);
});

test("rules that are put, changed and deleted are so there, too", async () => {
  await rig.put(HOT);
  const node = await lend();
  await rig.put({ ...HOT, title: "too hot" });
  await rig.pass(3_000);
  await temp(81);
  expect(active()[0].title).toBe("too hot");
  // It is about something else now: its alert ends, and it is held anew.
  await rig.put({ ...HOT, condition: { threshold: { above: 90 } } });
  expect(active()).toEqual([]);
  await rig.pass(3_000);
  expect(spread().held.get(node)).toBe(1);
  await temp(85);
  expect(active()).toEqual([]);
  await rig.alerts.rules.delete("hot", "eve");
  await rig.pass(1_000);
  expect(spread().held.get(node)).toBe(0);
});

test("what is ended by hand is ended there; what was said before that is not heard", async () => {
  await rig.put(HOT);
  await temp(70);
  const node = impostor(nodeWith("hot"));
  await rig.pass(1_500);
  node.say({ seenOrder: 1n, reports: [{ report: { case: "prepared", value: { names: ["hot"] } } }] });
  await rig.pass(500);
  node.say({ seenOrder: 2n, reports: [fired()] });
  await rig.settle();
  rig.alerts.book.resolve(active()[0], "eve", "");
  expect(node.orders).toHaveLength(3);
  node.say({ seenOrder: 2n, reports: [fired()] });
  await rig.settle();
  expect(active()).toEqual([]);
  node.say({ seenOrder: 3n, reports: [fired(98)] });
  await rig.settle();
  expect(active().map(({ value }) => value)).toEqual([98]);
});

test("nobody is heard of rules that they do not hold", async () => {
  await rig.put(HOT);
  await lend();
  const stranger = impostor("stranger");
  stranger.say({ seenOrder: 9n, reports: [fired()] });
  await rig.settle();
  expect(active()).toEqual([]);
  await rig.pass(2_000);
  expect(spread().held.get("stranger")).toBe(0);
});

test("a node that says nothing, or nonsense, does no harm: its rules come back", async () => {
  await rig.put(HOT);
  await temp(70);
  const node = impostor(nodeWith("hot"));
  await rig.pass(1_500);
  node.say({ seenOrder: 1n, reports: [{ report: { case: "prepared", value: { names: ["hot"] } } }] });
  await rig.pass(100);
  expect(rig.alerts.rulesHere).toBe(0);
  const nonsense = { ...fired().report.value, state: "{", change: "exploded" };
  node.say({ seenOrder: 2n, reports: [{ rule: "hot", key: "1", report: { case: "change", value: nonsense } }] });
  node.say({ seenOrder: 2n, reports: [fired(1, { phase: 7 })] });
  expect(rig.trouble).toHaveLength(2);
  await rig.pass(6_000);
  expect(rig.alerts.rulesHere).toBe(1);
  expect(rig.notices.join()).toContain("has said nothing for 4 s");
  await temp(81);
  expect(active()).toHaveLength(1);
});

test("a node that does not answer holds up nobody whose node has died", async () => {
  await rig.put(HOT);
  const node = await lend();
  await rig.put({ ...HOT, name: "other" });
  const mute = impostor(nodeWith("other", node));
  await rig.pass(2_000);
  expect(mute.orders).toHaveLength(1);
  rig.leave(node);
  await rig.settle();
  await temp(81);
  expect(active().map(({ rule }) => rule)).toContain("hot");
  // It is not left with rules that it has made room for.
  expect(mute.orders.length).toBeGreaterThan(1);
});

test("a node that does not give back its rules holds up no others", async () => {
  await rig.put(HOT);
  const mute = impostor(nodeWith("hot"));
  await rig.pass(1_500);
  mute.say({ seenOrder: 1n, reports: [{ report: { case: "prepared", value: { names: ["hot"] } } }] });
  await rig.pass(100);
  expect(rig.alerts.rulesHere).toBe(0);
  await rig.put({ ...HOT, name: "other" });
  // It should have both; one is with a node that lives and does not answer.
  rig.join();
  for (let i = 0; i < 4; i++) {
    await rig.pass(1_000);
    mute.say({ seenOrder: 1n, reports: [] });
  }
  expect(mute.orders.length).toBeGreaterThan(1);
  expect(spread().held.get(rig.evaluators[0])).toBe(1);
  await temp(81);
  expect(active().map(({ rule }) => rule)).toEqual(["other"]);
  await rig.pass(12_000);
  expect(spread().held.get(rig.evaluators[0])).toBe(2);
});

test("how very many instances stand goes in parts", async () => {
  const source = (i: number) => `${"x".repeat(PART_CHARS / 4)}${i}`;
  await rig.put({ ...HOT, group_by: ["source"] });
  for (let i = 0; i < 10; i++) await rig.send({ metric: "temp", source: source(i), value: 81 });
  expect(active()).toHaveLength(10);
  const node = await lend();
  expect(spread().held).toEqual(new Map([[node, 1]]));
  for (let i = 0; i < 5; i++) await rig.send({ metric: "temp", source: source(i), value: 70 });
  expect(active()).toHaveLength(5);
  // And back to another one.
  const other = await lend();
  expect(spread().held).toEqual(
    new Map([
      [node, 0],
      [other, 1],
    ]),
  );
  for (let i = 5; i < 9; i++) await rig.send({ metric: "temp", source: source(i), value: 70 });
  expect(active()).toHaveLength(1);
  expect(rig.trouble).toEqual([]);
});

test("parts are no larger than is said, and have all together", () => {
  const states = [
    { rule: "a", instances: [], silences: [] },
    {
      rule: "b",
      instances: Array.from({ length: 5 }, (_, i) => ({ key: `k${i}`, state: "s".repeat(40) })),
      silences: Array.from({ length: 5 }, (_, i) => ({ series: `t${i}`, silentMs: i })),
    },
    { rule: "c", instances: [{ key: "k", state: "s".repeat(500) }], silences: [] },
  ];
  const parts = partsOf(states, 150);
  expect(parts.map(({ more }) => more)).toEqual(parts.map((_, i) => i < parts.length - 1));
  for (const { rules } of parts) expect(JSON.stringify(rules).length).toBeLessThan(700);
  const of = (rule: string) => parts.flatMap(({ rules }) => rules).filter((each) => each.rule === rule);
  for (const { rule, instances, silences } of states) {
    expect(of(rule).flatMap((each) => each.instances)).toEqual(instances);
    expect(of(rule).flatMap((each) => each.silences)).toEqual(silences);
    expect(of(rule).length).toBeGreaterThan(0);
  }
  expect(partsOf([])).toEqual([{ rules: [], more: false }]);
});

test("a past that cannot be read is not waited for", async () => {
  await rig.put({ ...HOT, condition: { window: { function: "avg", over: "1m", above: 80 } } });
  await temp(70);
  const node = await lend();
  rig.isHistoryStuck = true;
  rig.leave(node);
  await rig.pass(1_000);
  await temp(95);
  expect(active()).toEqual([]);
  await rig.pass(3_000);
  expect(active().map(({ rule }) => rule)).toEqual(["hot"]);
});

test("what comes while a node is dead, and nobody knows it yet, is evaluated", async () => {
  await rig.put(HOT);
  await temp(70);
  const node = impostor(nodeWith("hot"));
  await rig.pass(1_500);
  node.say({ seenOrder: 1n, reports: [{ report: { case: "prepared", value: { names: ["hot"] } } }] });
  await rig.pass(2_000);
  // For a moment.
  await temp(95);
  await rig.pass(1_000);
  await temp(70);
  expect(rig.alerts.rulesHere).toBe(0);
  await rig.pass(6_000);
  expect(rig.alerts.rulesHere).toBe(1);
  expect(rig.transcript().map((line) => line.split(" ").slice(1, 3).join(" "))).toEqual([
    "hot/a fired",
    "hot/a cleared",
  ]);
});

test("the alert of a series that is deleted ends, wherever it is evaluated", async () => {
  await rig.put(HOT);
  await lend();
  await temp(81);
  expect(active()).toHaveLength(1);
  rig.forget("temp/a");
  await rig.pass(1_000);
  expect(active()).toEqual([]);
  expect(rig.registry.count).toBe(0);
});

test("what was ended by hand while its rule was on its way is not as the node said before", async () => {
  await rig.put(HOT);
  await temp(70);
  const node = impostor(nodeWith("hot"));
  await rig.pass(1_500);
  node.say({ seenOrder: 1n, reports: [{ report: { case: "prepared", value: { names: ["hot"] } } }] });
  await rig.settle();
  node.say({ seenOrder: 2n, reports: [fired()] });
  await rig.settle();
  // Another node is to have it.
  rig.join();
  await rig.pass(1_500);
  expect(node.orders).toHaveLength(3);
  rig.alerts.book.resolve(active()[0], "eve", "");
  const instances = [{ key: "1", state: fired().report.value.state }];
  node.say({ seenOrder: 3n, reports: [{ report: { case: "ended", value: { rules: [{ rule: "hot", instances }] } } }] });
  await rig.pass(3_000);
  await temp(95);
  expect(active()).toHaveLength(1);
});

test("a stream says first which node it is, and ends with the desk", async () => {
  await rig.put(HOT);
  const reports = new Outgoing<EvaluationReports>(10);
  const orders = serveEvaluation(spread(), reports);
  reports.push(create(EvaluationReportsSchema, { nodeId: nodeWith("hot") }));
  const first = orders.next();
  await rig.settle();
  await rig.pass(1_500);
  expect((await first).value?.order?.case).toBe("prepare");
  const over = orders.next();
  rig.alerts.stop();
  expect((await over).done).toBe(true);
  const nameless = new Outgoing<EvaluationReports>(10);
  nameless.push(create(EvaluationReportsSchema, {}));
  const refused = await serveEvaluation(spread(), nameless)
    .next()
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ status: "INVALID_ARGUMENT" });
});

test("whoever is too far behind gets nothing more", async () => {
  const messages = new Outgoing<number>(2);
  expect([messages.push(1), messages.push(2), messages.push(3), messages.push(4)]).toEqual([true, true, false, false]);
  expect(await Array.fromAsync(messages)).toEqual([]);
});

/** A name of a node that a rule goes to. */
function nodeWith(rule: string, ...others: readonly string[]): string {
  return Array.from({ length: 100 }, (_, i) => `i${i}`).find((id) => ruleHolder(rule, ["desk", ...others, id]) === id)!;
}
