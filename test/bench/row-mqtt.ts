/** From an MQTT broker to the disk, beside what the broker gives to a subscriber that only acknowledges. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Mosquitto, mosquittoMissing } from "../support/mosquitto.ts";
import { killAtExit, removeDir, tempDir } from "./cleanup.ts";
import { historyStartUs, say, type BenchRow } from "./finding.ts";
import { median } from "./measure.ts";
import type { MqttLoadConfig } from "./mqtt-load.ts";
import { linesOf } from "./sender-process.ts";
import { startWatchpost, type WatchpostServer } from "./server-process.ts";

const RATE_WANTED = 20_000;
const POLL_MS = 20;
const COUNT_STEP_MS = 30 * 86_400_000;

export const mqttRow: BenchRow = {
  name: "mqtt",
  about: "QoS 1 messages of JSON through Debian's mosquitto, acknowledged once they are durable",
  async run({ quick, runs }) {
    if (mosquittoMissing() !== false) throw new Error("mosquitto is missing: apt-get install mosquitto");
    const messages = quick ? 50_000 : 300_000;
    const [alone, stored, cpu]: [number[], number[], number[]] = [[], [], []];
    for (let run = 0; run < runs; run++) {
      alone.push(messages / (await brokerAlone(messages)));
      const { seconds, cpuSeconds } = await throughWatchpost(messages);
      stored.push(messages / seconds);
      cpu.push((cpuSeconds / messages) * 1e6);
      say(`${Math.round(alone.at(-1)!)} messages/s to a bare subscriber, ${Math.round(stored.at(-1)!)} stored`);
    }
    return [
      { what: "to a bare subscriber", unit: "/s", runs: alone },
      {
        what: "stored and acknowledged",
        unit: "/s",
        runs: stored,
        bar: { sign: "≥", value: Math.min(RATE_WANTED, median(alone)) },
      },
      { what: "CPU a million messages", unit: "s", runs: cpu },
    ];
  },
};

async function brokerAlone(messages: number): Promise<number> {
  await using broker = await Mosquitto.start();
  const subscriber = await startLoad({ kind: "subscribe", port: broker.port, clientId: "bare", messages, startMs: 0 });
  const beganMs = performance.now();
  await publishAll(broker, messages);
  await subscriber.ended;
  return (performance.now() - beganMs) / 1_000;
}

async function throughWatchpost(messages: number): Promise<{ seconds: number; cpuSeconds: number }> {
  await using broker = await Mosquitto.start();
  const dir = tempDir("mqtt");
  const config = join(dir, "watchpost.toml");
  const topic = `[[mqtt.bench.topics]]\npattern = "bench/{source}/{device}/{metric}"\npayload = "json"\ntime = "ts"\n`;
  writeFileSync(config, `[mqtt.bench]\nurl = "${broker.url}"\nclient_id = "bench"\n${topic}`);
  const server = await startWatchpost({ data: join(dir, "data"), env: { WATCHPOST_CONFIG: config } });
  while ((await metric(server, "watchpost_mqtt_connected")) !== 1) await Bun.sleep(POLL_MS);
  const cpuBefore = server.cpu();
  const beganMs = performance.now();
  await publishAll(broker, messages);
  while ((await metric(server, "watchpost_mqtt_points_total")) < messages) await Bun.sleep(POLL_MS);
  const seconds = (performance.now() - beganMs) / 1_000;
  const cpuSeconds = server.cpu() - cpuBefore;
  const found = await countStored(server);
  if (found !== messages) throw new Error(`${found} points are stored; wanted ${messages}`);
  await server.stop();
  removeDir(dir);
  return { seconds, cpuSeconds };
}

/** Asked back: every message has a time of its own. */
async function countStored({ http }: WatchpostServer): Promise<number> {
  const response = await fetch(`http://${http}/analytics.Dashboard/QueryRange`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      metric: "env_temperature",
      stepMs: String(COUNT_STEP_MS),
      function: "RANGE_FUNCTION_COUNT",
    }),
  });
  if (!response.ok) throw new Error(`QueryRange answered ${response.status}: ${await response.text()}`);
  const { series = [] } = (await response.json()) as { series?: { values: number[] }[] };
  return series.flatMap(({ values }) => values).reduce((sum, value) => sum + value, 0);
}

async function publishAll({ port }: Mosquitto, messages: number): Promise<void> {
  const startMs = historyStartUs(500) / 1_000;
  const { ended } = await startLoad({ kind: "publish", port, clientId: "publisher", messages, startMs });
  await ended;
}

async function startLoad(config: MqttLoadConfig): Promise<{ ended: Promise<unknown> }> {
  const command = [process.execPath, join(import.meta.dir, "mqtt-load.ts"), JSON.stringify(config)];
  const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }));
  const lines = linesOf(child.stdout);
  if ((await lines.next()).value === undefined) throw new Error(`the ${config.kind}r ended with ${await child.exited}`);
  const ended = (async () => {
    if ((await lines.next()).value === undefined)
      throw new Error(`the ${config.kind}r ended with ${await child.exited}`);
  })();
  ended.catch(() => {});
  return { ended };
}

async function metric({ http }: WatchpostServer, name: string): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}
