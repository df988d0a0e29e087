/** Which issues somebody asks for. */
import { invalidField } from "../../model/errors.ts";
import type { Issue, IssueFilter } from "../../wire/gen/issues_pb.ts";
import { nameIn } from "../../model/texts.ts";
import { labelsIn, statusIn } from "./issue-input.ts";
import { linksOf, type LinkKind } from "./issue-links.ts";
import { isOpen, priorityIn } from "./issue-words.ts";

export interface IssueScope {
  /** Only open ones can meet it. */
  readonly isOfOpen: boolean;
  /** All that it asks for but its text: what can be told without a description. */
  mayTake(issue: Issue): boolean;
  takes(issue: Issue): boolean;
  /** Whether a document may be of one that is taken: what has to stand in its text does. A twentieth of the work of reading it. */
  mayStandIn(document: string): boolean;
}

const ANY_MAX = 16;
/** What stands in JSON as it is, in whichever case. */
const PLAIN = /^[ !#-[\]-~]+$/;

/** Throws INVALID_ARGUMENT for what cannot be met. Without a filter it takes all. */
export function scopeOf(filter: IssueFilter | undefined): IssueScope {
  if (filter === undefined) return { isOfOpen: false, mayTake: () => true, takes: () => true, mayStandIn: () => true };
  const { assignee, text } = filter;
  const statuses = new Set(fewOf(filter.statuses, "filter.statuses").map((one) => statusIn(one, "filter.statuses")));
  const priorities = new Set<string>(
    fewOf(filter.priorities, "filter.priorities").map((one) => priorityIn(one, "filter.priorities")),
  );
  const labels = labelsIn(filter.labels, "filter.labels");
  const words = nameIn(text, "filter.text").toLowerCase();
  if (assignee !== undefined) nameIn(assignee, "filter.assignee");
  const links: [LinkKind, string][] = [
    ["alert", nameIn(filter.alertId, "filter.alert_id")],
    ["device", nameIn(filter.device, "filter.device")],
    ["session", nameIn(filter.sessionId, "filter.session_id")],
  ];
  const wanted = links.filter(([, name]) => name !== "");
  const mayTake = (issue: Issue) =>
    (statuses.size === 0 || statuses.has(issue.status)) &&
    (priorities.size === 0 || priorities.has(issue.priority)) &&
    (assignee === undefined || issue.assignee === assignee) &&
    labels.every((label) => issue.labels.includes(label)) &&
    wanted.every(([kind, name]) => linksOf(issue.links, kind).includes(name));
  const names = [assignee ?? "", ...labels, ...wanted.map(([, name]) => name)].filter((name) => name !== "");
  const texts = names.map((name) => JSON.stringify(name));
  const has = (said: string) => said.toLowerCase().includes(words);
  return {
    isOfOpen: statuses.size > 0 && [...statuses].every((status) => isOpen({ status })),
    mayTake,
    takes: (issue) => mayTake(issue) && (words === "" || has(issue.title) || has(issue.description)),
    mayStandIn: (document) => texts.every((text) => document.includes(text)) && (!PLAIN.test(words) || has(document)),
  };
}

function fewOf<T>(all: readonly T[], field: string): readonly T[] {
  if (all.length > ANY_MAX) throw invalidField(field, `${all.length} of them`, `at most ${ANY_MAX}`);
  return all;
}
