/** A bridge in this process, on Debian's mosquitto, with a store of the test's own. */
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { Bridge } from "../../../src/edge/mqtt/bridge.ts";
import { topicHandlersOf } from "../../../src/edge/mqtt/topic-handlers.ts";
import { createMetrics } from "../../../src/metrics/metrics.ts";
import type { DeviceEvent } from "../../../src/model/device-event.ts";
import type { IncomingPoint, TakePoints } from "../../../src/model/incoming-point.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { brokersOf } from "./rig.ts";

export interface BridgeRig {
  readonly bridge: Bridge;
  /** Those of calls that resolved. */
  readonly stored: IncomingPoint[];
  readonly events: DeviceEvent[];
  readonly told: string[];
  /** What every call of TakePoints waits for, and may fail with. */
  gate: () => Promise<void>;
  /** What every event of a device waits for until it is durable. */
  eventGate: () => Promise<void>;
  /** As a process that ends on the spot: nothing more is acknowledged. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `toml`: of the table of the broker, after its URL, and its topics as [[topics]]. */
export function startBridge(url: string, toml: string): BridgeRig {
  const text = `[mqtt.plant]\nurl = "${url}"\n${toml}`.replaceAll("[[topics]]", "[[mqtt.plant.topics]]");
  const [settings] = brokersOf(text);
  const stored: IncomingPoint[] = [];
  const events: DeviceEvent[] = [];
  const told: string[] = [];
  const tell = (_: object, sentence: string) => void told.push(sentence);
  let isDead = false;
  const takePoints: TakePoints = async (points, { signal }) => {
    await rig.gate();
    if (signal.aborted || isDead) throw new Error("it is over");
    stored.push(...points);
    return { kept: points.length, refusedTotal: 0, refused: [] };
  };
  const bridge = new Bridge(settings, topicHandlersOf(settings), {
    ...{ takePoints, clock: systemClock, metrics: createMetrics() },
    onDeviceEvent: async (event) => {
      await rig.eventGate();
      events.push(event);
    },
    logger: { debug: tell, info: tell, warn: tell, error: tell },
    random: Math.random,
    defer: (run) => void setImmediate(run),
  });
  const rig: BridgeRig = {
    ...{ bridge, stored, events, told, gate: async () => {}, eventGate: async () => {} },
    async kill() {
      isDead = true;
      rig.gate = () => new Promise(() => {});
      await bridge.close(0);
    },
    [Symbol.asyncDispose]: () => bridge.close(1_000),
  };
  bridge.start();
  return rig;
}

export interface TestClient extends AsyncDisposable {
  readonly client: MqttClient;
  /** Resolves once the broker has it. */
  send(topic: string, payload: string | Uint8Array, options?: { retain?: boolean }): Promise<unknown>;
}

export async function connectClient(url: string, options: IClientOptions = {}): Promise<TestClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  return {
    client,
    send: (topic, payload, { retain = false } = {}) => {
      const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
      return client.publishAsync(topic, bytes, { qos: 1, retain });
    },
    [Symbol.asyncDispose]: () => client.endAsync(),
  };
}

/** Resolves once it holds; the test's own timeout says that it never does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(5);
}
