/** Settings as a file gives them, and messages. */
import { loadConfig } from "../../../src/config/load.ts";
import type { BrokerSettings } from "../../../src/edge/mqtt/settings.ts";
import type { Handled, IncomingMessage } from "../../../src/edge/mqtt/topic-handler.ts";
import { topicHandlersOf } from "../../../src/edge/mqtt/topic-handlers.ts";
import { TopicRouter } from "../../../src/edge/mqtt/topic-router.ts";

export const NOON_MS = Date.UTC(2026, 0, 1, 12);

/** `toml`: what stands in and below the table of the broker "plant". */
export function brokerOf(toml: string): BrokerSettings {
  return brokersOf(`[mqtt.plant]\nurl = "mqtt://127.0.0.1"\n${toml}`)[0];
}

export function brokersOf(text: string): BrokerSettings[] {
  return loadConfig({ env: {}, flags: {}, machineMemoryBytes: 2 ** 31, file: { name: "w.toml", text } }).config.mqtt;
}

/** What the patterns of one `[[topics]]` table, or several, make of messages. */
export function handling(
  topics: string,
): (topic: string, payload: unknown, changes?: Partial<IncomingMessage>) => Handled {
  const broker = brokerOf(topics.replaceAll("[[topics]]", "[[mqtt.plant.topics]]"));
  const router = new TopicRouter(broker.topics.map(({ pattern }) => pattern));
  const handlers = topicHandlersOf(broker);
  return (topic, payload, changes = {}) => {
    const { index, captures } = router.route(topic);
    const message: IncomingMessage = {
      ...{ topic, captures, payload: bytesOf(payload), qos: 1, retain: false, receivedMs: NOON_MS },
      stampUs: NOON_MS * 1_000,
      ...changes,
    };
    return handlers[index].handle(message, 0);
  };
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload instanceof Uint8Array) return payload;
  return new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload));
}

/** `metric{source,tags} value @ seconds after noon`. */
export function pointsOf({ points = [] }: Handled): string[] {
  return points.map(({ metric, source, tags, value, timeUs }) => {
    const labels = [source, ...tags.map(([key, text]) => `${key}=${text}`)].join(",");
    const atS = timeUs / 1e6 - NOON_MS / 1_000;
    return `${metric}{${labels}} ${value}${atS === 0 ? "" : ` @ ${Number(atS.toFixed(6))}`}`;
  });
}
