import { SessionState, type SessionTopic } from "../../../wire/gen/collaboration_pb.ts";
import { pathTo } from "../../route.ts";

export const STATE_WORDS: Readonly<Record<SessionState, string>> = {
  [SessionState.UNSPECIFIED]: "unknown",
  [SessionState.OPEN]: "open",
  [SessionState.CLOSED]: "closed",
  [SessionState.IMPORTED]: "imported",
};
const SHOWN_MAX = 4;

export function topicNames(topic: SessionTopic | undefined): readonly string[] {
  const { alertIds = [], incidentIds = [], devices = [], metrics = [] } = topic ?? {};
  return [...devices, ...metrics, ...alertIds, ...incidentIds];
}

/** What it is about, each a link. */
export function TopicText({ topic }: { topic: SessionTopic | undefined }) {
  const { alertIds = [], incidentIds = [], devices = [], metrics = [] } = topic ?? {};
  const links = [
    ...alertIds.map((id) => [pathTo("alerts", id), `alert ${id.slice(0, 8)}`]),
    ...incidentIds.map((id) => [`/alerts?incident=${encodeURIComponent(id)}`, `incident ${id.slice(0, 8)}`]),
    ...devices.map((device) => [pathTo("devices", device), device]),
    ...metrics.map((metric) => [`/explore?metric=${encodeURIComponent(metric)}`, metric]),
  ];
  return (
    <>
      {links.slice(0, SHOWN_MAX).map(([href, text]) => (
        <a key={href} href={href}>
          {text}
        </a>
      ))}
      {links.length > SHOWN_MAX && <span>and {links.length - SHOWN_MAX} more</span>}
    </>
  );
}
