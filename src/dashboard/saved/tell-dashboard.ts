/** What the journal's entries about saved dashboards say to people. */
import type { TellChange } from "../../model/told-change.ts";
import { idOfSubject } from "./dashboard-documents.ts";

export const tellDashboard: TellChange = ({ subject, payload }) => {
  const { title, deleted } = JSON.parse(payload) as { readonly title?: string; readonly deleted?: boolean };
  const id = idOfSubject(subject);
  const called = title === undefined ? id : `${title} (${id})`;
  const event = deleted === true ? "deleted" : "saved";
  return { event, subject: id, text: `the dashboard ${called} was ${event}` };
};
