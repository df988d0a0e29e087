/** The MQTT brokers that points come from. */
import type { Config } from "../config/config.ts";
import type { Bridge, BridgeDeps } from "../edge/mqtt/bridge.ts";

/** `opening` disconnects them, after what is in flight is stored and acknowledged. */
export async function openBridges(
  { mqtt, shutdown_grace: graceMs }: Pick<Config, "mqtt" | "shutdown_grace">,
  deps: Omit<BridgeDeps, "random" | "defer">,
  opening: AsyncDisposableStack,
): Promise<Bridge[]> {
  if (mqtt.length === 0) return [];
  const [{ Bridge }, { topicHandlersOf }] = await Promise.all([
    import("../edge/mqtt/bridge.ts"),
    import("../edge/mqtt/topic-handlers.ts"),
  ]);
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
