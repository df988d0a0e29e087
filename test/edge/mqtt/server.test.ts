/** The whole server on Debian's mosquitto: killed, with two brokers, and what it tells of them. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { Connection } from "../../../src/client/connection.ts";
import { queryRange } from "../../../src/client/query.ts";
import { Mosquitto, mosquittoMissing } from "../../support/mosquitto.ts";
import { testNeeding } from "../../support/needs.ts";
import { randomOf } from "../../support/random.ts";
import { startServerProcess, tempDir } from "../../support/server-process.ts";
import { connectClient, until } from "./bridge-rig.ts";

const testWithBroker = testNeeding([mosquittoMissing()]);
const START_MS = 1_700_000_000_000;

interface Status {
  readonly bridges: readonly {
    readonly name: string;
    readonly connected?: boolean;
    readonly lastError?: string;
    readonly topics: readonly Readonly<Record<string, string>>[];
  }[];
}

async function ask(http: string, method: string, request: object = {}): Promise<unknown> {
  const response = await fetch(`http://${http}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  return response.json();
}

async function statusOf(http: string): Promise<Status> {
  return (await ask(http, "DataIngestion/ListBridges")) as Status;
}

async function storedValues(grpc: string, metric: string): Promise<number[]> {
  const connection = new Connection(grpc);
  try {
    const { series } = await queryRange(connection, { metric });
    return series.flatMap(({ values }) => [...values]).sort((a, b) => a - b);
  } finally {
    connection.close();
  }
}

/** Signals of ends in the middle of the stream; with a time of its own, or without. */
const ENDS = [
  { signals: ["SIGKILL", "SIGTERM", "SIGKILL"], isTimed: true },
  // Nothing is stored twice either, which would show, for it would have another time.
  { signals: ["SIGTERM", "SIGTERM", "SIGTERM"], isTimed: false },
] as const;

for (const { signals, isTimed } of ENDS) {
  testWithBroker(
    `ended in the middle of the stream by ${signals.join(", ")}: every message that was published is stored once`,
    async () => {
      await using broker = await Mosquitto.start();
      using dir = tempDir("mqtt-kill");
      const config = `${dir.path}/watchpost.toml`;
      const time = isTimed ? `time = "ts"\n` : "";
      const topics = `[[mqtt.plant.topics]]\npattern = "f/{source}/{metric}"\nvalues = "v"\n${time}`;
      writeFileSync(config, `[mqtt.plant]\nurl = "${broker.url}"\nclient_id = "edge"\n${topics}`);
      const start = () => startServerProcess({ data: `${dir.path}/data`, args: ["--config", config] });
      const random = randomOf(6);

      let server = await start();
      using _server = { [Symbol.dispose]: () => server.kill() };
      await until(async () => (await statusOf(server.http)).bridges[0].connected === true);
      await using client = await connectClient(broker.url);
      let published = 0;
      let isOver = false;
      const publishing = (async () => {
        while (!isOver) {
          const sent = Array.from({ length: 50 }, () => {
            const v = published++;
            return client.send(`f/s/m`, JSON.stringify({ v, ts: START_MS + v }));
          });
          await Promise.all(sent);
        }
      })();
      for (const signal of signals) {
        const before = published;
        await until(() => published > before + 200 + 2_000 * random());
        server.kill(signal);
        const code = await server.exited;
        if (signal === "SIGTERM") expect(code).toBe(0);
        const meanwhile = published;
        await until(() => published > meanwhile + 500);
        server = await start();
      }
      isOver = true;
      await publishing;
      await until(async () => (await storedValues(server.grpc, "m")).length >= published);
      expect(await storedValues(server.grpc, "m")).toEqual(Array.from({ length: published }, (_, i) => i));
      expect(await server.stop()).toBe(0);
    },
    120_000,
  );
}

testWithBroker(
  "several brokers; one that is not there costs only itself; each pattern's line; it stops in order",
  async () => {
    await using broker = await Mosquitto.start();
    await using other = await Mosquitto.start();
    using dir = tempDir("mqtt-several");
    const config = `${dir.path}/watchpost.toml`;
    const table = (name: string, url: string) =>
      `[mqtt.${name}]\nurl = "${url}"\nclient_id = "c"\ntopics = [{ pattern = "f/{metric}", source = "${name}" }]\n`;
    writeFileSync(config, table("one", broker.url) + table("two", other.url) + table("gone", "mqtt://127.0.0.1:1"));
    const server = await startServerProcess({ data: `${dir.path}/data`, args: ["--config", config] });
    using _server = { [Symbol.dispose]: () => server.kill() };
    const connected = async () => (await statusOf(server.http)).bridges.filter((bridge) => bridge.connected).length;
    await until(async () => (await connected()) === 2);
    for (const [i, { url }] of [broker, other].entries()) {
      await using client = await connectClient(url);
      await client.send("f/m", String(i + 1));
      await client.send("f/m", "hello");
      // Refused by the server, not by the bridge: no metric can be called that.
      await client.send(`f/${"x".repeat(300)}`, "1");
    }
    await until(async () => (await statusOf(server.http)).bridges[1].topics[0]["messages"] === "3");
    await until(async () => (await storedValues(server.grpc, "m")).length === 2);
    const { bridges } = await statusOf(server.http);
    expect(bridges.map(({ name, connected = false, lastError = "" }) => [name, connected, lastError])).toEqual([
      ["one", true, ""],
      ["two", true, ""],
      ["gone", false, "nothing listens there"],
    ]);
    expect(bridges[0].topics).toMatchObject([
      {
        ...{ pattern: "f/{metric}", messages: "3", points: "1", refused: "1", malformed: "1" },
        malformedReasons: { "it is neither a number nor JSON": "1" },
        refusedReasons: { "metric_name has … characters; wanted at most 256": "1" },
      },
    ]);
    expect(bridges[0].topics[0]["lastError"]).toBe("metric_name has 300 characters; wanted at most 256");
    const metrics = await (await fetch(`http://${server.http}/metrics`)).text();
    expect(metrics).toContain('watchpost_mqtt_connected{broker="gone"} 0');
    expect(metrics).toContain('watchpost_mqtt_points_total{broker="one",pattern="f/{metric}",result="refused"} 1');
    expect(metrics).toContain('watchpost_mqtt_malformed_total{broker="one",pattern="f/{metric}"} 1');
    expect(await server.stop()).toBe(0);
  },
);

testWithBroker(
  "killed in the middle of births: every device that said so is there and online",
  async () => {
    await using broker = await Mosquitto.start();
    using dir = tempDir("mqtt-births");
    const config = `${dir.path}/watchpost.toml`;
    const topics = `topics = [{ pattern = "z/{device}/availability", status = {} }]`;
    writeFileSync(config, `[mqtt.home]\nurl = "${broker.url}"\nclient_id = "c"\n${topics}\n`);
    const start = () => startServerProcess({ data: `${dir.path}/data`, args: ["--config", config] });
    const random = randomOf(7);
    let server = await start();
    using _server = { [Symbol.dispose]: () => server.kill() };
    await until(async () => (await statusOf(server.http)).bridges[0].connected === true);
    await using client = await connectClient(broker.url);
    let [published, isOver] = [0, false];
    const publishing = (async () => {
      while (!isOver) {
        await client.send(`z/d${published++}/availability`, "online");
        await Bun.sleep(2);
      }
    })();
    for (let kills = 0; kills < 3; kills++) {
      const before = published;
      await until(() => published > before + 50 + 150 * random());
      server.kill("SIGKILL");
      await server.exited;
      server = await start();
    }
    isOver = true;
    await publishing;
    const online = async () => {
      const request = { statuses: ["online"], pageSize: 1 };
      const { total = "0" } = (await ask(server.http, "Devices/ListDevices", request)) as { total?: string };
      return Number(total);
    };
    await until(async () => (await online()) >= published);
    expect(await online()).toBe(published);
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

testWithBroker(
  "a device whose broker says that it is gone is offline at once, and online when it is back",
  async () => {
    await using broker = await Mosquitto.start();
    using dir = tempDir("mqtt-status");
    const config = `${dir.path}/watchpost.toml`;
    const topics = `topics = [{ pattern = "z/{device}/availability", status = { path = "state" } }, { pattern = "z/{device}" }]`;
    writeFileSync(config, `[mqtt.home]\nurl = "${broker.url}"\nclient_id = "c"\n${topics}\n`);
    const server = await startServerProcess({ data: `${dir.path}/data`, args: ["--config", config] });
    using _server = { [Symbol.dispose]: () => server.kill() };
    const state = async () => {
      const { devices = [] } = (await ask(server.http, "Devices/ListDevices")) as { devices?: { status: string }[] };
      return devices.map(({ status }) => status);
    };
    await using client = await connectClient(broker.url);
    await until(async () => (await statusOf(server.http)).bridges[0].connected === true);
    await client.send("z/lamp", '{"brightness": 100}');
    for (const said of ["offline", "online"]) {
      await client.send("z/lamp/availability", JSON.stringify({ state: said }), { retain: true });
      await until(async () => (await state()).join() === said);
    }
    expect(await server.stop()).toBe(0);
  },
);
