/** The MQTT brokers that points come from. */
import type { Config } from "../config/config.ts";
import { Bridge, type BridgeDeps } from "../edge/mqtt/bridge.ts";
import { topicHandlersOf } from "../edge/mqtt/topic-handlers.ts";

/** `opening` disconnects them, after what is in flight is stored and acknowledged. */
export function openBridges(
  { mqtt, shutdown_grace: graceMs }: Pick<Config, "mqtt" | "shutdown_grace">,
  deps: Omit<BridgeDeps, "random" | "defer">,
  opening: AsyncDisposableStack,
): Bridge[] {
  const bridges = mqtt.map((settings) => {
    return new Bridge(settings, topicHandlersOf(settings), {
      ...deps,
      random: Math.random,
      defer: (run) => void setImmediate(run),
    });
  });
  for (const bridge of bridges) bridge.start();
  opening.defer(async () => void (await Promise.all(bridges.map((bridge) => bridge.close(graceMs)))));
  return bridges;
}
