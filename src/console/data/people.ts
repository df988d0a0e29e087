/** Names that were seen: of whoever acknowledged, was given something, or said something about an alert that is known. */
import { user } from "../user.ts";
import { alertBook } from "./alerts.ts";

const NAMES_MAX = 200;

/** In order, one's own first. */
export function knownPeople(): string[] {
  const names = new Set<string>();
  for (const { alert } of alertBook.rows()) {
    const { acknowledgedBy, assignee, comments } = alert;
    for (const name of [acknowledgedBy, assignee, ...comments.map(({ userId }) => userId)]) names.add(name);
    if (names.size > NAMES_MAX) break;
  }
  names.delete("");
  names.delete(user.peek());
  const others = [...names].sort((a, b) => a.localeCompare(b));
  return user.peek() === "" ? others : [user.peek(), ...others];
}
