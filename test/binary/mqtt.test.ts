/** The compiled executable takes points from Debian's mosquitto: the library is in it, loaded when a broker is configured. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { Mosquitto, mosquittoMissing } from "../support/mosquitto.ts";
import { connectClient, until } from "../edge/mqtt/bridge-rig.ts";
import { testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, watchpostCommand } from "../support/server-process.ts";

interface Status {
  readonly connected: boolean;
  readonly topics: readonly { readonly points: number; readonly malformed: number }[];
}

testNeeding([mosquittoMissing()])("points come from a broker, and mqtt status tells of them", async () => {
  await using broker = await Mosquitto.start();
  using dir = tempDir("binary-mqtt");
  const config = `${dir.path}/watchpost.toml`;
  const topics = `[[mqtt.plant.topics]]\npattern = "f/{device}/{metric}"\n`;
  writeFileSync(config, `[mqtt.plant]\nurl = "${broker.url}"\nclient_id = "binary"\n${topics}`);
  const server = await startServerProcess({ data: `${dir.path}/data`, args: ["--config", config], binary: true });
  const status = (): Status => {
    const command = [...watchpostCommand(true), "mqtt", "status", "--json", "--server", server.grpc];
    return (JSON.parse(Bun.spawnSync(command, { cwd: "/" }).stdout.toString()) as Status[])[0];
  };
  await until(() => status().connected);
  await using client = await connectClient(broker.url);
  await client.send("f/press/env", '{"t": 21.5, "p": 3}');
  await client.send("f/press/env", "hello");
  await until(() => status().topics[0].malformed === 1);
  expect(status().topics).toMatchObject([{ points: 2, malformed: 1 }]);
  expect(await server.stop()).toBe(0);
});
