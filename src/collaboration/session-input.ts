/** What a session is called and is about, checked: each returns it as it is meant, or throws INVALID_ARGUMENT with the field. */
import { invalidField } from "../model/errors.ts";
import type { SessionTopic } from "../wire/gen/collaboration_pb.ts";
import { lineIn, nameIn } from "../model/texts.ts";

/** Of each kind. */
const NAMES_MAX = 1_000;
/** Of all names together, UTF-8: every list of sessions has them. */
const TOPIC_BYTES_MAX = 64 * 1024;

/** "": it has none. */
export function titleIn(title: string): string {
  return lineIn(title, "title");
}

export function topicIn(topic: SessionTopic, field = "topic"): SessionTopic {
  const { alertIds, incidentIds, devices, metrics } = topic;
  let bytes = 0;
  for (const [kind, names] of Object.entries({ alert_ids: alertIds, incident_ids: incidentIds, devices, metrics })) {
    if (names.length > NAMES_MAX)
      throw invalidField(`${field}.${kind}`, `${names.length} names`, `at most ${NAMES_MAX}`);
    for (const name of names) {
      if (nameIn(name, `${field}.${kind}`) === "") throw invalidField(`${field}.${kind}`, name, "a name");
      bytes += Buffer.byteLength(name);
    }
  }
  if (bytes > TOPIC_BYTES_MAX) throw invalidField(field, `${bytes} bytes of names`, `at most ${TOPIC_BYTES_MAX}`);
  return topic;
}
