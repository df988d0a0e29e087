/** Topics with values of the notification in them: "alerts/{site}/{severity}". */
import type { Notification } from "../notify/notification.ts";
import { commonOf } from "./alertmanager-body.ts";
import { refused } from "./delivery-error.ts";
import { topicLevel } from "./escape.ts";
import { gravestSeverity } from "./notification-text.ts";

const TOPIC_BYTES_MAX = 65_535;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** What keeps a text from being such a topic; undefined: nothing. */
export function topicProblem(template: string): string | undefined {
  const literal = template.replaceAll(PLACEHOLDER, "x");
  if (template === "") return "it is empty";
  if (/[{}]/.test(literal)) return "a brace has no partner";
  if ([...template.matchAll(PLACEHOLDER)].some(([, name]) => name.trim() === "")) return "a name in braces is missing";
  if (/[+#\u0000-\u001f\u007f]/.test(literal)) return 'it has a "+", a "#" or a control character';
  return literal.startsWith("$") ? 'topics that begin with "$" are the broker\'s own' : undefined;
}

/**
 * {receiver}, {status} and {severity} (the gravest) are those of the notification, all other names labels of the group or
 * common to its alerts; what there is not becomes "_". Values are percent-encoded where they would be more than one level
 * or a wildcard. Throws FAILED_PRECONDITION past 65,535 bytes.
 */
export function topicOf(template: string, notification: Notification): string {
  const { receiver, status, alerts, groupLabels } = notification;
  const common = commonOf(alerts.map(({ labels }) => labels));
  const own = { receiver, status, severity: gravestSeverity(notification) };
  const values = new Map(Object.entries({ ...common, ...groupLabels, ...own }));
  const topic = template.replaceAll(PLACEHOLDER, (_, name: string) => topicLevel(values.get(name.trim()) ?? ""));
  const bytes = Buffer.byteLength(topic);
  if (bytes > TOPIC_BYTES_MAX) throw refused(`the topic has ${bytes} bytes; MQTT has at most ${TOPIC_BYTES_MAX}`);
  return topic;
}
