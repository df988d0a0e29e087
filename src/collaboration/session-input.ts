/** What a session is called and is about, checked: each returns it as it is meant, or throws INVALID_ARGUMENT with the field. */
import { invalidField } from "../model/errors.ts";
import type { SessionTopic } from "../wire/gen/collaboration_pb.ts";
import { nameIn, textIn } from "./texts.ts";

/** Of each kind. */
const NAMES_MAX = 1_000;
const TITLE_BYTES_MAX = 1_024;

/** "": it has none. */
export function titleIn(title: string): string {
  return textIn(title, "title", TITLE_BYTES_MAX);
}

export function topicIn(topic: SessionTopic): SessionTopic {
  const { alertIds, incidentIds, devices, metrics } = topic;
  for (const [field, names] of Object.entries({ alert_ids: alertIds, incident_ids: incidentIds, devices, metrics })) {
    if (names.length > NAMES_MAX) throw invalidField(`topic.${field}`, `${names.length} names`, `at most ${NAMES_MAX}`);
    for (const name of names) {
      if (nameIn(name, `topic.${field}`) === "") throw invalidField(`topic.${field}`, name, "a name");
    }
  }
  return topic;
}
