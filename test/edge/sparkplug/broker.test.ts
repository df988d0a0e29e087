/** Edge nodes and a host over Debian's mosquitto: wills, rebirths on request, and a host that restarts. */
import { connectAsync, type MqttClient } from "mqtt";
import { expect } from "bun:test";
import { SparkplugHandler } from "../../../src/edge/sparkplug/sparkplug-handler.ts";
import type { Handled } from "../../../src/edge/mqtt/topic-handler.ts";
import type { DeviceEvent } from "../../../src/model/device-event.ts";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { testNeeding } from "../../support/needs.ts";
import { BrokerNode, until } from "./broker-node.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);

class BrokerHost implements AsyncDisposable {
  readonly handler: SparkplugHandler;
  readonly points: string[] = [];
  readonly events: DeviceEvent[] = [];
  readonly #client: MqttClient;

  private constructor(handler: SparkplugHandler, client: MqttClient) {
    this.handler = handler;
    this.#client = client;
  }

  static async connect(port: number, hostId?: string): Promise<BrokerHost> {
    const handler = new SparkplugHandler({ reorderMs: 0, deviceNames: "short", asksForRebirths: true, hostId });
    const connectMs = Date.now();
    const will = handler.will(connectMs);
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      reconnectPeriod: 0,
      ...(will === undefined ? {} : { will: { ...will, payload: Buffer.from(will.payload) } }),
    });
    const host = new BrokerHost(handler, client);
    client.on("message", (topic, payload, { retain }) => {
      const receivedMs = Date.now();
      const message = { topic, payload, captures: new Map(), qos: 0, retain, receivedMs, stampUs: 0 } as const;
      host.#attend(handler.handle(message, performance.now()));
    });
    await client.subscribeAsync("spBv1.0/#", { qos: 1 });
    host.#attend(handler.connected({ connectMs, nowMs: performance.now(), isFirst: true, isResumed: false }));
    return host;
  }

  #attend({ points = [], events = [], publications = [] }: Handled): void {
    for (const { metric, value } of points) this.points.push(`${metric} ${value}`);
    this.events.push(...events);
    for (const { topic, payload, qos, retain } of publications) {
      this.#client.publish(topic, Buffer.from(payload), { qos, retain });
    }
  }

  /** As a crash does. */
  kill(): void {
    this.#client.stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.endAsync(true);
  }
}

testWithBroker("births, data, and a death by will once the connection breaks", async () => {
  await using broker = await Mosquitto.start();
  await using host = await BrokerHost.connect(broker.port);
  const node = await BrokerNode.connect(broker.port, 7);
  for (let i = 0; i < 300; i++) await node.sendReadings();
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
  await using broker = await Mosquitto.start();
  const first = await BrokerHost.connect(broker.port);
  const node = await BrokerNode.connect(broker.port, 0);
  await node.sendReadings();
  await until(() => first.points.length === 5);
  first.kill();
  await using second = await BrokerHost.connect(broker.port);
  // Nobody asks before there is a reason.
  expect(node.births).toBe(1);
  await node.sendReadings();
  await until(() => second.points.length >= 3);
  expect(node.births).toBe(2);
  await node.sendReadings();
  await until(() => second.points.length >= 5);
  expect(second.points).toEqual(["Temp 1000", "Level 2000", "Pressure 3000", "Temp 1003", "Level 2003"]);
  // What could not be named is not stored, and said.
  expect(second.handler.host.nodes.get("Plant/edge1")).toMatchObject({ unnamed: 2, rebirthsAsked: 1 });
  await node.client.endAsync();
});

testWithBroker("a primary host says that it is there, and its will that it is not", async () => {
  await using broker = await Mosquitto.start();
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
