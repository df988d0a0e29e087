/** Which alerts a list shows; it stands in the address. */
import { ALERT_STATUSES, SEVERITIES, type AlertRow } from "./alert-row.ts";
import { unknownWords } from "./unknown-words.ts";

export interface AlertFilter {
  /** None: all. */
  readonly severities: readonly string[];
  /** None: all but cleared ones. */
  readonly statuses: readonly string[];
  readonly site: string;
  /** A part of its name. */
  readonly device: string;
  /** Words, all of which have to be somewhere in it. */
  readonly text: string;
  /** Those that this person has acknowledged or was given; "": anybody's. */
  readonly of: string;
}

export const FILTER_PARAMS = ["severity", "status", "site", "device", "text", "mine"] as const;

/** What of an address is no filter, in sentences: addresses are typed, and cut off in mails. */
export function mistakesInAlerts(params: URLSearchParams, user: string): string[] {
  return [
    ...unknownWords("severity", params.get("severity"), SEVERITIES),
    ...unknownWords("status", params.get("status"), ALERT_STATUSES),
    ...unknownWords("group", params.get("group"), ["none"]),
    ...(params.has("mine") && user === "" ? ["mine is of whoever says their name: say yours first"] : []),
  ];
}

/** What is unknown in an address is left out, and said by {@link mistakesInAlerts}. `user`: whom "mine" means. */
export function filterOf(params: URLSearchParams, user: string): AlertFilter {
  const listed = (name: string, known: readonly string[]) => {
    return (params.get(name) ?? "")
      .split(",")
      .map((each) => each.trim())
      .filter((each) => known.includes(each));
  };
  return {
    severities: listed("severity", SEVERITIES),
    statuses: listed("status", ALERT_STATUSES),
    site: params.get("site") ?? "",
    device: params.get("device") ?? "",
    text: params.get("text") ?? "",
    of: params.has("mine") ? user : "",
  };
}

export function takes(filter: AlertFilter): (row: AlertRow) => boolean {
  const { severities, statuses, site, of } = filter;
  const device = filter.device.toLowerCase();
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ alert, status, haystack, ...row }) =>
    (severities.length === 0 || severities.includes(alert.severity)) &&
    (statuses.length === 0 ? status !== "cleared" : statuses.includes(status)) &&
    (site === "" || row.site === site) &&
    (device === "" || row.device.toLowerCase().includes(device)) &&
    (of === "" || alert.assignee === of || alert.acknowledgedBy === of) &&
    words.every((word) => haystack.includes(word));
}

/** The same with one more, last, or without it. */
export function switched(chosen: readonly string[], one: string): string[] {
  return chosen.includes(one) ? chosen.filter((each) => each !== one) : [...chosen, one];
}
