/** The whole server as a Sparkplug host on Debian's mosquitto. */
import { connectAsync } from "mqtt";
import { expect } from "bun:test";
import { startServer } from "../../../src/app.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { spawn } from "../../log/harness.ts";
import { testNeeding } from "../../support/needs.ts";
import { tempDir } from "../../support/server-process.ts";
import { BrokerNode, until } from "./broker-node.ts";
import { double } from "./scripted-node.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);

async function start(data: string, port: number, more = "") {
  const text = `[mqtt.plant]
url = "mqtt://127.0.0.1:${port}"
[mqtt.plant.sparkplug]
reorder_timeout = "0s"
${more}
[[mqtt.plant.topics]]
pattern = "spBv1.0/#"
payload = "sparkplug"
`;
  const flags = { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" };
  const file = { name: "w.toml", text };
  const { config } = loadConfig({ env: {}, flags, machineMemoryBytes: 2 ** 31, file });
  const told: string[] = [];
  const tell = (_: object, sentence: string) => void told.push(sentence);
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { spawn, logger, onFatal });
  await until(() => told.some((sentence) => sentence.includes("connected to plant")));
  const ask = async (method: string, body: object): Promise<unknown> => {
    const response = await fetch(`http://${server.httpAddress}/analytics.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const stored = async (metric: string) => {
    const { series = [] } = (await ask("Dashboard/QueryRange", { metric })) as { series?: QuerySeries[] };
    return series.flatMap(({ values = [] }) => values).sort((a, b) => a - b);
  };
  return { server, told, ask, stored };
}

interface QuerySeries {
  readonly values?: readonly number[];
}

/** Asked again until it holds: what is published is stored soon. */
async function untilIs<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    await Bun.sleep(20);
  }
}

testWithBroker(
  "births and data are stored, a restart asks for births, and no reading is another metric's",
  async () => {
    await using broker = await Mosquitto.start();
    using dir = tempDir("sparkplug");
    const first = await start(dir.path, broker.port);
    const node = await BrokerNode.connect(broker.port, 0);
    for (let i = 0; i < 10; i++) await node.sendReadings();
    await untilIs(
      () => first.stored("Level"),
      (values) => values.length === 11,
    );
    expect(await first.stored("Pressure")).toEqual([3_000]);
    const { series } = (await first.ask("Dashboard/ListSeries", {})) as { series: object[] };
    expect(series).toContainEqual(
      expect.objectContaining({
        metric: "Pressure",
        source: "Plant/edge1",
        tags: { device: "pump", group: "Plant" },
      }),
    );
    await first.server.close();

    const second = await start(dir.path, broker.port);
    await node.sendReadings();
    await until(() => node.births === 2);
    await node.sendReadings();
    const values = await untilIs(
      () => second.stored("Level"),
      ({ length }) => length === 13,
    );
    expect(values.filter((value) => value < 2_000)).toEqual([]);
    // The one that came before the births cannot be named.
    expect(values.at(-1)).toBe(2_012);
    expect(values).not.toContain(2_011);
    expect(second.told.join("\n")).toContain('edge node "Plant/edge1" is asked for its births: data before birth');
    await node.client.endAsync();
    await second.server.close();
  },
);

testWithBroker("an edge node that dies takes its devices along, and a birth brings them back", async () => {
  await using broker = await Mosquitto.start();
  using dir = tempDir("sparkplug");
  const { server, ask } = await start(dir.path, broker.port);
  interface Listed {
    readonly devices?: readonly { readonly deviceId: string; readonly status: string; readonly parent?: string }[];
  }
  const statuses = async () => {
    const { devices = [] } = (await ask("Devices/ListDevices", {})) as Listed;
    return devices.map(({ deviceId, status, parent = "" }) => `${deviceId} ${status} ${parent}`.trim());
  };
  const become = (wanted: readonly string[]) => untilIs(statuses, (all) => all.join() === wanted.join());
  const node = await BrokerNode.connect(broker.port, 0);
  await become(["edge1 online", "pump online edge1"]);
  node.client.stream.destroy();
  await become(["edge1 offline", "pump stale edge1"]);
  const again = await BrokerNode.connect(broker.port, 1);
  await become(["edge1 online", "pump online edge1"]);
  await again.publish(again.script.deviceDeath("pump"));
  await become(["edge1 online", "pump offline edge1"]);
  await again.client.endAsync();
  await server.close();
});

testWithBroker("a birth of more metrics than are committed at once", async () => {
  await using broker = await Mosquitto.start();
  using dir = tempDir("sparkplug");
  const { server, ask } = await start(dir.path, broker.port);
  const node = await BrokerNode.connect(broker.port, 0);
  const many = Array.from({ length: 12_000 }, (_, i) => double(`m${i}`, 10 + i, i));
  await node.publish(node.script.deviceBirth("large", many));
  interface Bridges {
    readonly bridges: readonly {
      readonly topics: readonly { readonly points?: string; readonly refused?: string }[];
    }[];
  }
  const listBridges = () => ask("DataIngestion/ListBridges", {}) as Promise<Bridges>;
  const { bridges } = await untilIs(
    listBridges,
    (answer) => Number(answer.bridges[0]!.topics[0]!.points ?? 0) >= 12_003,
  );
  expect(bridges[0]!.topics[0]).toMatchObject({ points: "12003", messages: "3" });
  await node.client.endAsync();
  await server.close();
});

testWithBroker("a primary host says when it comes and when it goes", async () => {
  await using broker = await Mosquitto.start();
  using dir = tempDir("sparkplug");
  const watcher = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0 });
  const states: { online: boolean; timestamp: number }[] = [];
  watcher.on("message", (_, payload) => void states.push(JSON.parse(payload.toString()) as (typeof states)[0]));
  await watcher.subscribeAsync("spBv1.0/STATE/wp", { qos: 1 });
  const { server } = await start(dir.path, broker.port, 'host_id = "wp"');
  await until(() => states.length === 1);
  await server.close();
  await until(() => states.length === 2);
  expect(states.map(({ online }) => online)).toEqual([true, false]);
  expect(states[1]!.timestamp).toBeGreaterThanOrEqual(states[0]!.timestamp);
  await watcher.endAsync();
});
