/** The handler of each topic pattern, by what its payloads are. */
import { plainHandler } from "./plain-handler.ts";
import type { BrokerSettings } from "./settings.ts";
import { statusHandler } from "./status-handler.ts";
import type { TopicHandler } from "./topic-handler.ts";

/** In the order of the patterns. */
export function topicHandlersOf({ name, topics }: Pick<BrokerSettings, "name" | "topics">): TopicHandler[] {
  return topics.map((topic) => {
    return topic.status === undefined ? plainHandler(topic, name) : statusHandler(topic, topic.status);
  });
}
