/** The handler of each topic pattern, by what its payloads are. */
import { plainHandler } from "./plain-handler.ts";
import type { BrokerSettings } from "./settings.ts";
import { SparkplugHandler } from "../sparkplug/sparkplug-handler.ts";
import { statusHandler } from "./status-handler.ts";
import type { TopicHandler } from "./topic-handler.ts";

/** In the order of the patterns. */
export function topicHandlersOf({
  name,
  topics,
  sparkplug,
}: Pick<BrokerSettings, "name" | "topics" | "sparkplug">): TopicHandler[] {
  let host: SparkplugHandler | undefined;
  return topics.map((topic) => {
    if (topic.payload === "sparkplug") {
      // One host for all of a broker's patterns: it is told once of what concerns the connection.
      if (host !== undefined) return alsoBy(host);
      return (host = new SparkplugHandler(sparkplug));
    }
    return topic.status === undefined ? plainHandler(topic, name) : statusHandler(topic, topic.status);
  });
}

function alsoBy(handler: TopicHandler): TopicHandler {
  return { handle: (message, nowMs) => handler.handle(message, nowMs) };
}
