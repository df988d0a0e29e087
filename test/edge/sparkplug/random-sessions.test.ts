/**
 * Nodes that come and go with other aliases each time, messages that are lost, and a host that restarts or loses its connection: nothing
 * is ever stored under another metric's name, and what the host could know is stored.
 */
import { expect, test } from "bun:test";
import { randomOf } from "../../support/random.ts";
import { aliased, double, HostRig, ScriptedNode, type Message, type MetricInit } from "./scripted-node.ts";

const METRICS = 6;
const DEVICES = ["", "d1", "d2"];

/** A node that gives its metrics other aliases with every birth. A value tells whose it is: metric × 1e6 + count. */
class ShufflingNode {
  readonly script: ScriptedNode;
  readonly #random: () => number;
  readonly #aliases = new Map<string, number[]>();
  sent = 0;

  constructor(id: string, random: () => number) {
    this.script = new ScriptedNode("g", id);
    this.#random = random;
  }

  births(): Message[] {
    this.script.nowMs++;
    const [own, ...devices] = DEVICES.map((device) => ({ device, metrics: this.#metricsOf(device) }));
    const node = this.script.birth(own!.metrics);
    return [node, ...devices.map(({ device, metrics }) => this.script.deviceBirth(device, metrics))];
  }

  /** A message, and what is in it as {@link run} keeps it. */
  data(): { readonly message: Message; readonly reading: string } {
    this.script.nowMs++;
    const device = DEVICES[Math.floor(this.#random() * DEVICES.length)]!;
    const metric = Math.floor(this.#random() * METRICS);
    const value = metric * 1e6 + this.sent++;
    const metrics = [aliased(this.#aliases.get(device)![metric]!, value)];
    const message = device === "" ? this.script.data(metrics) : this.script.deviceData(device, metrics);
    return { message, reading: `m${metric} of ${device || this.script.id} at ${this.script.id} = ${value}` };
  }

  #metricsOf(device: string): MetricInit[] {
    const base = DEVICES.indexOf(device) * METRICS;
    const aliases = Array.from({ length: METRICS }, (_, i) => base + i);
    aliases.sort(() => this.#random() - 0.5);
    this.#aliases.set(device, aliases);
    return aliases.map((alias, metric) => double(`m${metric}`, alias, metric * 1e6 + this.sent++));
  }
}

function run(seed: number) {
  const random = randomOf(seed);
  let rig = new HostRig({ reorderMs: random() < 0.5 ? 0 : 2_000 });
  const nodes = ["a", "b", "c"].map((id) => new ShufflingNode(id, random));
  const stored = new Set<string>();
  const wrong: string[] = [];
  const owed: string[] = [];
  /** Nodes that were asked for their births, and have not answered. */
  const asked: ShufflingNode[] = [];
  let isConnected = true;
  let listening = new Set<ShufflingNode>();

  const deliver = (message: Message, isLost = false) => {
    if (!isConnected || isLost) return;
    react(rig.take(message));
  };
  const react = (output: ReturnType<HostRig["take"]>) => {
    for (const { metric, source, tags, value } of output.points) {
      const reading = `${metric} of ${new Map(tags).get("device")} at ${source.slice("g/".length)} = ${value}`;
      if (metric === `m${Math.floor(value / 1e6)}`) stored.add(reading);
      else wrong.push(reading);
    }
    for (const { topic } of output.publications) {
      const node = nodes.find(({ script }) => topic === `spBv1.0/g/NCMD/${script.id}`)!;
      // One may be lost on its way, too.
      if (random() < 0.8) asked.push(node);
    }
  };
  const bear = (node: ShufflingNode) => {
    let isWhole = isConnected;
    listening.delete(node);
    for (const birth of node.births()) {
      const isLost = random() < 0.05;
      if (isLost) isWhole = false;
      deliver(birth, isLost);
    }
    if (isWhole) listening.add(node);
  };

  for (const node of nodes) bear(node);
  for (let step = 0; step < 400; step++) {
    const toBear = asked.shift();
    if (toBear !== undefined) {
      bear(toBear);
      continue;
    }
    const node = nodes[Math.floor(random() * nodes.length)]!;
    const what = random();
    if (what < 0.85) {
      const { message, reading } = node.data();
      const isLost = random() < 0.02;
      if (isConnected && !isLost && listening.has(node)) owed.push(reading);
      deliver(message, isLost);
    } else if (what < 0.9) {
      // A new session. The broker tells of the end of the one before.
      deliver(node.script.death());
      node.script.session = (node.script.session + 1) % 256;
      bear(node);
    } else if (what < 0.93) {
      rig = new HostRig();
      listening = new Set();
    } else if (what < 0.96) {
      if (!isConnected) {
        isConnected = true;
        listening = new Set();
        react(rig.host.reconnected(rig.wallMs, rig.monotonicMs));
      } else isConnected = false;
    } else react(rig.advance(1_000 + random() * 20_000));
  }
  return { wrong, owed: owed.length, missing: owed.filter((reading) => !stored.has(reading)) };
}

test("nothing gets another metric's name, and everything that has a name is stored", () => {
  let owedTotal = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const { wrong, owed, missing } = run(seed);
    expect({ seed, wrong, missing }).toEqual({ seed, wrong: [], missing: [] });
    owedTotal += owed;
  }
  expect(owedTotal).toBeGreaterThan(20_000);
});
