/** Edge nodes and a host over Debian's mosquitto: wills, rebirths on request, and a host that restarts. */
import { fromBinary } from "@bufbuild/protobuf";
import { connectAsync, type MqttClient } from "mqtt";
import { expect } from "bun:test";
import { SparkplugHandler } from "../../../src/edge/sparkplug/sparkplug-handler.ts";
import type { Publication } from "../../../src/edge/sparkplug/host-output.ts";
import type { DeviceEvent } from "../../../src/model/device-event.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { PayloadSchema } from "../../../src/wire/gen/sparkplug/sparkplug_b_pb.ts";
import { startSparkplugBroker } from "./sparkplug-broker.ts";
import { mosquittoMissing } from "../../alerts/receivers/mosquitto.ts";
import { testNeeding } from "../../support/needs.ts";
import { aliased, double, ScriptedNode, type Message } from "./scripted-node.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);

/** Resolves once it holds; the test's own timeout says that it never does. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

class BrokerNode {
  readonly client: MqttClient;
  readonly script: ScriptedNode;
  value = 0;
  births = 0;

  private constructor(client: MqttClient, script: ScriptedNode) {
    this.client = client;
    this.script = script;
  }

  static async connect(port: number, session: number): Promise<BrokerNode> {
    const script = new ScriptedNode("Plant", "edge1");
    script.session = session;
    const { topic, payload } = script.death();
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      clientId: "edge1",
      reconnectPeriod: 0,
      will: { topic, payload: Buffer.from(payload), qos: 1, retain: false },
    });
    const node = new BrokerNode(client, script);
    client.on("message", (_, command) => {
      const [metric] = fromBinary(PayloadSchema, command).metrics;
      if (metric?.name === "Node Control/Rebirth" && metric.value.value === true) void node.bear();
    });
    await client.subscribeAsync("spBv1.0/Plant/NCMD/edge1", { qos: 0 });
    await node.bear();
    return node;
  }

  async bear(): Promise<void> {
    this.births++;
    // Other aliases each time: what is remembered would be wrong.
    const [temp, level] = this.births % 2 === 0 ? [1, 2] : [2, 1];
    await this.#send(this.script.birth([double("Temp", temp, 1_000), double("Level", level, 2_000)]));
    await this.#send(this.script.deviceBirth("pump", [double("Pressure", 3, 3_000)]));
  }

  /** A temperature from 1,000 on and a level from 2,000 on, by alias. */
  async send(): Promise<void> {
    const [temp, level] = this.births % 2 === 0 ? [1, 2] : [2, 1];
    const at = ++this.value;
    await this.#send(this.script.data([aliased(temp!, 1_000 + at), aliased(level!, 2_000 + at)]));
  }

  async #send({ topic, payload }: Message): Promise<void> {
    await this.client.publishAsync(topic, Buffer.from(payload), { qos: 0 });
  }
}

class BrokerHost implements AsyncDisposable {
  readonly handler: SparkplugHandler;
  readonly points: string[] = [];
  readonly events: DeviceEvent[] = [];
  readonly #client: { current?: MqttClient };

  private constructor(handler: SparkplugHandler, client: { current?: MqttClient }, events: DeviceEvent[]) {
    this.handler = handler;
    this.#client = client;
    this.events = events;
  }

  static async connect(port: number, hostId?: string): Promise<BrokerHost> {
    const client: { current?: MqttClient } = {};
    const events: DeviceEvent[] = [];
    const publish = ({ topic, payload, qos, retain }: Publication) =>
      void client.current!.publish(topic, Buffer.from(payload), { qos, retain });
    const handler = new SparkplugHandler(
      { reorderMs: 0, deviceNames: "short", asksForRebirths: true, hostId },
      { clock: systemClock, onDeviceEvent: (event) => void events.push(event), publish, onNotice: () => {} },
    );
    const will = handler.connecting();
    client.current = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      reconnectPeriod: 0,
      ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
    });
    const host = new BrokerHost(handler, client, events);
    client.current.on("message", (topic, payload, { retain }) => {
      const { points } = handler.handle({ topic, payload, retain, receivedMs: Date.now() });
      for (const { metric, value } of points) host.points.push(`${metric} ${value}`);
    });
    await client.current.subscribeAsync(["spBv1.0/#", ...handler.topics], { qos: 1 });
    handler.subscribed();
    return host;
  }

  /** As a crash does. */
  kill(): void {
    this.handler.close();
    this.#client.current!.stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.handler.close();
    await this.#client.current!.endAsync(true);
  }
}

testWithBroker("births, data, and a death by will once the connection breaks", async () => {
  await using broker = await startSparkplugBroker();
  await using host = await BrokerHost.connect(broker.port);
  const node = await BrokerNode.connect(broker.port, 7);
  for (let i = 0; i < 300; i++) await node.send();
  await until(() => host.points.length === 603);
  expect(host.points.slice(0, 5)).toEqual(["Temp 1000", "Level 2000", "Pressure 3000", "Temp 1001", "Level 2001"]);
  expect(host.handler.host.nodes.get("Plant/edge1")).toMatchObject({ session: 7n, gaps: 0, rebirthsAsked: 0 });
  node.client.stream.destroy();
  await until(() => host.events.some(({ kind }) => kind === "death"));
  expect(host.events.map(({ kind, device }) => `${kind} ${device}`)).toEqual([
    "birth edge1",
    "birth pump",
    "death edge1",
  ]);
});

testWithBroker("a host that restarts: births are asked for, and nothing gets another metric's name", async () => {
  await using broker = await startSparkplugBroker();
  const first = await BrokerHost.connect(broker.port);
  const node = await BrokerNode.connect(broker.port, 0);
  await node.send();
  await until(() => first.points.length === 5);
  first.kill();
  await using second = await BrokerHost.connect(broker.port);
  // Nobody asks before there is a reason.
  expect(node.births).toBe(1);
  await node.send();
  await until(() => second.points.length >= 3);
  expect(node.births).toBe(2);
  await node.send();
  await until(() => second.points.length >= 5);
  expect(second.points).toEqual(["Temp 1000", "Level 2000", "Pressure 3000", "Temp 1003", "Level 2003"]);
  // What could not be named is not stored, and said.
  expect(second.handler.host.nodes.get("Plant/edge1")).toMatchObject({ unnamed: 2, rebirthsAsked: 1 });
  await node.client.endAsync();
});

testWithBroker("a primary host says that it is there, and its will that it is not", async () => {
  await using broker = await startSparkplugBroker();
  await using watcher = await watchState(broker.port);
  const host = await BrokerHost.connect(broker.port, "watchpost");
  await until(() => watcher.states.length === 1);
  const [{ online, timestamp }] = watcher.states as [State];
  expect([online, typeof timestamp]).toEqual([true, "number"]);
  // The late will of an earlier session: tck-id-message-flow-hid-sparkplug-state-message-delivered.
  await watcher.client.publishAsync("spBv1.0/STATE/watchpost", JSON.stringify({ online: false, timestamp: 1 }), {
    qos: 1,
  });
  await until(() => watcher.states.length === 3);
  expect(watcher.states[2]).toEqual({ online: true, timestamp });
  host.kill();
  await until(() => watcher.states.length === 4);
  expect(watcher.states[3]).toEqual({ online: false, timestamp });
  await using late = await watchState(broker.port);
  await until(() => late.states.length === 1);
  expect(late.states).toEqual([{ online: false, timestamp }]);
});

interface State {
  readonly online: boolean;
  readonly timestamp: number;
}

async function watchState(port: number) {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0 });
  const states: State[] = [];
  client.on("message", (_, payload) => void states.push(JSON.parse(payload.toString()) as State));
  await client.subscribeAsync("spBv1.0/STATE/watchpost", { qos: 1 });
  return { client, states, [Symbol.asyncDispose]: () => client.endAsync(true) };
}
