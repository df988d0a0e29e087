/** Issues as columns of a board. Pure. */
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";

/** From left to right. */
export const COLUMNS = [IssueStatus.OPEN, IssueStatus.IN_PROGRESS, IssueStatus.RESOLVED, IssueStatus.CLOSED] as const;
export const PRIORITIES: readonly string[] = ["critical", "high", "medium", "low"];

/** All that is given must hold. */
export interface BoardFilter {
  readonly text: string;
  readonly device: string;
  readonly session: string;
  readonly alert: string;
  readonly priority: string;
  /** "": of anybody, and of nobody. */
  readonly assignee: string;
}

export function isOnBoard(issue: Issue, filter: BoardFilter): boolean {
  const { number, title, description, labels, links, priority, assignee } = issue;
  const has = (names: readonly string[] | undefined, wanted: string) =>
    wanted === "" || names?.includes(wanted) === true;
  const wanted = filter.text.trim().toLowerCase().replace(/^#/, "");
  const texts = [String(number), title, description, ...labels, ...(links?.devices ?? [])];
  return (
    (wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted))) &&
    has(links?.devices, filter.device) &&
    has(links?.sessionIds, filter.session) &&
    has(links?.alertIds, filter.alert) &&
    (filter.priority === "" || priority === filter.priority) &&
    (filter.assignee === "" || assignee === filter.assignee)
  );
}

/** Gravest first, then the newest; what has ended: what ended last first. */
export function columnsOf(issues: Iterable<Issue>, filter: BoardFilter): ReadonlyMap<IssueStatus, readonly Issue[]> {
  const columns = new Map<IssueStatus, Issue[]>(COLUMNS.map((status) => [status, []]));
  for (const issue of issues) if (isOnBoard(issue, filter)) columns.get(issue.status)?.push(issue);
  for (const [status, column] of columns) {
    const isOver = status === IssueStatus.RESOLVED || status === IssueStatus.CLOSED;
    column.sort((a, b) => (isOver ? endedLast(a, b) : gravestFirst(a, b)) || Number(b.number - a.number));
  }
  return columns;
}

/** The column beside it; undefined: there is none. */
export function statusBeside(status: IssueStatus, step: 1 | -1): IssueStatus | undefined {
  const at = COLUMNS.findIndex((each) => each === status);
  return at < 0 ? undefined : COLUMNS[at + step];
}

function gravestFirst(a: Issue, b: Issue): number {
  return PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority);
}

function endedLast(a: Issue, b: Issue): number {
  return Number((b.endedAt?.seconds ?? 0n) - (a.endedAt?.seconds ?? 0n));
}
