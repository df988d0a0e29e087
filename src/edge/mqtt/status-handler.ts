/** Topics on which devices say that they are there, and brokers for them that they are not. */
import { messageOf, truncated } from "../../model/errors.ts";
import type { StatusSettings, TopicSettings } from "./settings.ts";
import type { TopicHandler } from "./topic-handler.ts";
import { selectAll } from "./value-path.ts";

/** Messages that the broker kept count: they are how it stands. */
export function statusHandler(
  { device, source }: Pick<TopicSettings, "device" | "source">,
  status: StatusSettings,
): TopicHandler {
  return {
    handle({ payload, captures, receivedMs }) {
      try {
        const named = device ?? captures.get("device") ?? source ?? captures.get("source");
        if (named === undefined || named === "") return { malformed: "its topic names no device" };
        const said = wordOf(payload, status);
        if (said !== status.online && said !== status.offline) {
          const wanted = `${JSON.stringify(status.online)} or ${JSON.stringify(status.offline)}`;
          return { malformed: `it says ${JSON.stringify(truncated(said, 64))}; wanted ${wanted}` };
        }
        const kind = said === status.online ? "birth" : "death";
        const reason = `MQTT: ${truncated(said, 64)}`;
        return { events: [{ kind, device: named, timeMs: receivedMs, reason }] };
      } catch (error) {
        return { malformed: messageOf(error) };
      }
    },
  };
}

function wordOf(payload: Uint8Array, { path }: StatusSettings): string {
  const text = new TextDecoder().decode(payload).trim();
  if (path === undefined) return text;
  const found = selectAll(JSON.parse(text), path);
  return found.length === 0 ? "" : String(found[0].value);
}
