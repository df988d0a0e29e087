/** Sessions of incidents as rooms have them. */
import { create } from "@bufbuild/protobuf";
import { SessionTopicSchema, type SessionTopic } from "../../wire/gen/collaboration_pb.ts";
import type { Rooms } from "../rooms.ts";
import type { Draft } from "../session-message.ts";
import type { IncidentSessions, MoreTopic } from "./alert-opening.ts";
import { LINKS_MAX } from "./incident-news.ts";

export function incidentSessions(rooms: Rooms): IncidentSessions {
  return {
    async open(id, title, topic, userId) {
      const { session } = await rooms.create({ id, title, topic: topicWith(undefined, topic) }, userId);
      return session;
    },
    async entitle(id, title, topic, userId) {
      const room = await rooms.room(id, userId);
      if (room.kept.title !== "") return;
      const text = `the session is called ${JSON.stringify(title)} now`;
      const draft: Draft = { type: "system", userId, userName: "", text, metadata: { event: "topic" } };
      await room.post({ draft, patch: { title, topic: topicWith(room.kept.topic, topic) } });
    },
    async tell(id, draft, topic, rows) {
      const room = await rooms.room(id, draft.userId);
      return room.post({ draft, rows, patch: (session) => ({ topic: topicWith(session.topic, topic) }) });
    },
  };
}

function topicWith(topic: SessionTopic | undefined, { alertIds, incidentIds, devices }: MoreTopic): SessionTopic {
  return create(SessionTopicSchema, {
    alertIds: joined(topic?.alertIds, alertIds),
    incidentIds: joined(topic?.incidentIds, incidentIds),
    devices: joined(topic?.devices, devices),
    metrics: topic?.metrics ?? [],
  });
}

/** Nothing goes for what comes. */
function joined(before: readonly string[] = [], more: readonly string[]): string[] {
  const all = new Set(before);
  for (const each of more) if (all.size < LINKS_MAX) all.add(each);
  return [...all];
}
