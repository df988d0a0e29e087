/** What the journal's entries about alerts, rules and silences say to people. */
import type { Scope } from "../model/access.ts";
import type { TellChange } from "../model/told-change.ts";
import { eventFromJson, type AlertChange, type AlertRecord } from "./alert.ts";
import type { Silence } from "./notify/silence.ts";

const WORDS: Readonly<Record<AlertChange, string>> = {
  fired: "Fired",
  rose: "Graver",
  fell: "Milder",
  cleared: "Over",
  acknowledged: "Acknowledged",
  assigned: "Assigned",
  commented: "Commented",
  stale: "Silent",
  heard: "Heard again",
  updated: "Published again",
  late: "Fired and ended before it was heard of",
};
/** What goes with the samples. */
const UNTOLD: ReadonlySet<AlertChange> = new Set(["updated", "stale", "heard"]);

/** Told where an alert is. */
export function tellAlert(sees: (scope: Scope, labels: AlertRecord["labels"]) => boolean): TellChange {
  return ({ payload }) => {
    const { change, text, alert } = eventFromJson(payload);
    if (UNTOLD.has(change)) return undefined;
    const { id, severity, device, metric, labels, assignee } = alert;
    const to = change === "assigned" && assignee !== "" ? ` to ${assignee}` : "";
    const said = text === "" ? "" : ` (${text})`;
    const sentence = `${WORDS[change]}${to}: ${alert.title}${said}`;
    const isSeen = (scope: Scope) => sees(scope, labels);
    return { event: change, subject: id, severity, device, metric, isSeen, text: sentence };
  };
}

export const tellRule: TellChange = ({ subject, payload }) => {
  const { change } = JSON.parse(payload) as { readonly change: string };
  return { event: change, subject, text: `Rule ${subject} was ${change}` };
};

export const tellSilence: TellChange = ({ subject, payload }) => {
  const { change, silence } = JSON.parse(payload) as { readonly change: string; readonly silence: Silence };
  const { comment } = silence;
  const said = comment === "" ? "" : `: ${comment}`;
  return { event: change, subject, text: `Silence ${change === "put" ? "set" : "ended"}${said}` };
};
