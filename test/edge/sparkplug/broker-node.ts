/** A scripted edge node with a connection of its own, which is born when it is told to, each time with other aliases. */
import { fromBinary } from "@bufbuild/protobuf";
import { connectAsync, type MqttClient } from "mqtt";
import { PayloadSchema } from "../../../src/wire/gen/sparkplug/sparkplug_b_pb.ts";
import { aliased, double, ScriptedNode, type Message } from "./scripted-node.ts";

/** Resolves once it holds; the test's own timeout says that it never does. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

export class BrokerNode {
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
    script.nowMs = Date.now();
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
    this.script.nowMs++;
    // Other aliases each time: what is remembered would be wrong.
    const [temp, level] = this.births % 2 === 0 ? [1, 2] : [2, 1];
    await this.publish(this.script.birth([double("Temp", temp, 1_000), double("Level", level, 2_000)]));
    await this.publish(this.script.deviceBirth("pump", [double("Pressure", 3, 3_000)]));
  }

  /** A temperature from 1,000 on and a level from 2,000 on, by alias. */
  async sendReadings(): Promise<void> {
    const [temp, level] = this.births % 2 === 0 ? [1, 2] : [2, 1];
    const at = ++this.value;
    this.script.nowMs++;
    await this.publish(this.script.data([aliased(temp!, 1_000 + at), aliased(level!, 2_000 + at)]));
  }

  async publish({ topic, payload }: Message): Promise<void> {
    await this.client.publishAsync(topic, Buffer.from(payload), { qos: 0 });
  }
}
