/** Issues as text for people; all of it comes from the wire and is shown without what steers a terminal. */
import pc from "picocolors";
import { changeText } from "../collaboration/issues/issue-telling.ts";
import { isOpen, PRIORITIES, statusWord } from "../collaboration/issues/issue-words.ts";
import type { GetIssueResponse, Issue, IssueChange, IssueUpdate } from "../wire/gen/issues_pb.ts";
import { ago, oneLine, painted, secondOf } from "./alert-text.ts";
import { cut } from "./fit-text.ts";
import { textTable } from "./text-table.ts";
import { printable } from "./watch-table.ts";

const WHO_WIDTH_MAX = 16;
const LABELS_WIDTH_MAX = 24;

/** "in progress". */
export function statusText({ status }: Pick<Issue, "status">): string {
  return statusWord(status).replaceAll("_", " ") || "?";
}

/** Lines for titles and issues, in the order given; the last column is cut to `width`. Without columns that say nothing. */
export function issueTable(issues: readonly Issue[], nowMs: number, width = Infinity): string[] {
  const has = (say: (issue: Issue) => string) => issues.some((issue) => say(issue) !== "");
  const assignee = ({ assignee: who }: Issue) => cut(printable(who), WHO_WIDTH_MAX);
  const labels = ({ labels: all }: Issue) => cut(printable(all.join(" ")), LABELS_WIDTH_MAX);
  const table = textTable(
    [
      { title: "ISSUE", right: true, cell: ({ number }: Issue) => `#${number}` },
      { title: "PRIORITY", cell: ({ priority }) => printable(priority) },
      { title: "STATUS", cell: statusText },
      { title: "CHANGED", cell: ({ updatedAt }) => ago(updatedAt, nowMs) },
      ...(has(assignee) ? [{ title: "ASSIGNEE", cell: assignee }] : []),
      ...(has(labels) ? [{ title: "LABELS", cell: labels }] : []),
      { title: "TITLE", cell: ({ title }) => oneLine(title) },
    ],
    issues,
  );
  const lines = table.split("\n").slice(0, -1);
  return lines.map((line, i) => {
    const fitting = cut(line, width);
    if (i === 0) return pc.bold(fitting);
    const issue = issues[i - 1];
    // What is over stands back.
    return isOpen(issue) ? fitting.replace(issue.priority, (priority) => painted(priority)) : pc.dim(fitting);
  });
}

/** "1 critical, 2 high", the most urgent first; "" for none. */
export function priorityCounts(issues: readonly Issue[]): string {
  return PRIORITIES.toReversed()
    .map((priority) => ({ priority, count: issues.filter((issue) => issue.priority === priority).length }))
    .filter(({ count }) => count > 0)
    .map(({ priority, count }) => painted(priority, `${count.toLocaleString("en-US")} ${priority}`))
    .join(", ");
}

/** An issue in a few words: "#12  high  in progress  pump is loud". */
export function briefly(issue: Issue): string {
  const { number, priority, title } = issue;
  return [`#${number}`, painted(priority, printable(priority)), statusText(issue), oneLine(title)].join("  ");
}

/** A change in one line: when, which, what happened, and who did it. */
export function updateLine({ issue, event, removed }: IssueUpdate): string {
  if (issue === undefined) return "";
  const what = event === undefined ? [] : [`${changesText(event.changes)}  by ${printable(event.userId)}`];
  const left = removed ? ["(left the list)"] : [];
  return [secondOf(event?.at ?? issue.updatedAt), briefly(issue), ...what, ...left].join("  ");
}

/** All there is to say of one. */
export function issuePage({ issue, timeline }: GetIssueResponse): string {
  if (issue === undefined) return "";
  const { number, title, description, priority, assignee, labels, links, revision } = issue;
  const lines: [string, string][] = [
    ["Issue", pc.bold(`#${number} ${oneLine(title)}`)],
    ["Status", statusText(issue)],
    ["Priority", painted(priority, printable(priority))],
    ["Assignee", printable(assignee) || "nobody"],
    ["Labels", labels.map(printable).join(", ")],
    ["Alerts", (links?.alertIds ?? []).map(printable).join(", ")],
    ["Devices", (links?.devices ?? []).map(printable).join(", ")],
    ["Annotations", (links?.annotationIds ?? []).map(printable).join(", ")],
    ["Sessions", (links?.sessionIds ?? []).map(printable).join(", ")],
    ["Created", `${secondOf(issue.createdAt)} by ${printable(issue.createdBy)}`],
    ["Changed", `${secondOf(issue.updatedAt)} by ${printable(issue.updatedBy)}, revision ${revision}`],
    ["Ended", issue.endedAt === undefined ? "" : secondOf(issue.endedAt)],
    ["Description", indented(description)],
  ];
  const given = lines
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(INDENT.length)}${value}\n`);
  const table = textTable(
    [
      { title: "TIME", cell: ({ at }) => secondOf(at) },
      { title: "BY", cell: ({ userId }) => cut(printable(userId), WHO_WIDTH_MAX) },
      { title: "WHAT", cell: ({ changes }) => changesText(changes) },
    ],
    timeline,
  );
  return `${given.join("")}\n${table}`;
}

const INDENT = " ".repeat(13);

function indented(text: string): string {
  return text.split("\n").map(printable).join(`\n${INDENT}`);
}

/** In one line, comments last. */
function changesText(changes: readonly IssueChange[]): string {
  const others = changes.filter(({ field }) => field !== "comment").map((change) => oneLine(changeText(change)));
  const said = changes.filter(({ field }) => field === "comment").map(({ after }) => `"${oneLine(after)}"`);
  return [...(others.length > 0 ? [others.join(", ").replaceAll("in_progress", "in progress")] : []), ...said].join(
    ": ",
  );
}
