/** Issues of incidents: opened once, through the calls that people use, and kept at what is known of the incident. */
import { WatchpostError } from "../../model/errors.ts";
import type { Commands } from "../../wire/call-method.ts";
import { Collaboration } from "../../wire/gen/collaboration_pb.ts";
import { IssueStatus, type Issue } from "../../wire/gen/issues_pb.ts";
import type { CallContext } from "../../wire/service.ts";
import { SEVERITIES, type Severity } from "./alert-news.ts";
import { LINKS_MAX, type IncidentNews } from "./incident-news.ts";
import { descriptionOf, newsText, titleOf } from "./incident-text.ts";
import type { OpenedIncident } from "./opened-incident.ts";

const OPEN = [IssueStatus.OPEN, IssueStatus.IN_PROGRESS];
const FOUND_MAX = 100;
/** Of an issue that is commented on. */
const COMMENTS_MAX = 100;
const M = Collaboration.method;

/** As an incident knows its issue. */
export type IncidentIssue = Pick<OpenedIncident, "issue" | "issueComments">;

export class IncidentIssues {
  readonly #commands: Commands;
  readonly #context: CallContext;

  /** `context`: as whom they are opened. */
  constructor(commands: Commands, context: CallContext) {
    this.#commands = commands;
    this.#context = context;
  }

  /**
   * Brings the issue of an incident to what `news` say, and opens one where they ask for it and none is open. The same news
   * again change nothing more. `incident`: as it is after them, with the issue as it was before; resolves with the issue.
   */
  async take(news: IncidentNews, incident: OpenedIncident): Promise<IncidentIssue> {
    const standing = await this.#standing(incident.issue);
    if (standing !== undefined) return this.#update(standing, news, incident, incident.issueComments);
    const { opens, opener } = news;
    if (!opens.has("issue") || opener === undefined) return incident;
    // It may have been opened right before a crash.
    const issue = (await this.#find(opener.alertId)) ?? (await this.#create(news, incident));
    return issue === undefined ? incident : this.#update(issue, news, incident, 0);
  }

  /** While it is open. */
  async #standing(number: number): Promise<Issue | undefined> {
    if (number === 0) return undefined;
    try {
      const { issue } = await this.#commands(M.getIssue, { number: BigInt(number) }, this.#context);
      return issue !== undefined && OPEN.includes(issue.status) ? issue : undefined;
    } catch (error) {
      if (error instanceof WatchpostError && error.status === "NOT_FOUND") return undefined;
      throw error;
    }
  }

  async #find(alertId: string): Promise<Issue | undefined> {
    const request = { filter: { statuses: OPEN, alertId }, limit: FOUND_MAX };
    const { issues } = await this.#commands(M.listIssues, request, this.#context);
    const found = issues.find(({ createdBy }) => createdBy === this.#context.principal.name);
    return found === undefined ? undefined : this.#standing(Number(found.number));
  }

  async #create(news: IncidentNews, { severity, sessionId }: OpenedIncident): Promise<Issue | undefined> {
    const opener = news.opener!;
    // The one it is found again by comes first.
    const alertIds = [...new Set([opener.alertId, ...news.alertIds])].slice(0, LINKS_MAX);
    const links = { alertIds, devices: [...news.devices] };
    const request = { title: titleOf(opener), description: descriptionOf(opener), priority: severity, links };
    try {
      return (await this.#commands(M.createIssue, { ...request, sessionId }, this.#context)).issue;
    } catch (error) {
      // A session that is closed is not told.
      if (sessionId === "" || !(error instanceof WatchpostError) || error.status !== "FAILED_PRECONDITION") throw error;
      return (await this.#commands(M.createIssue, request, this.#context)).issue;
    }
  }

  /** `comments`: those up to there were in the issue before the news came. */
  async #update(issue: Issue, news: IncidentNews, incident: OpenedIncident, comments: number): Promise<IncidentIssue> {
    const links = {
      alertIds: missingOf(issue.links?.alertIds, news.alertIds),
      devices: missingOf(issue.links?.devices, [...news.devices]),
      sessionIds: missingOf(issue.links?.sessionIds, incident.sessionId === "" ? [] : [incident.sessionId]),
    };
    const isLinked = Object.values(links).every(({ length }) => length === 0);
    const rises = news.severity !== undefined && rankOf(news.severity) > rankOf(issue.priority as Severity);
    const end = endOf(issue, news, incident);
    const { name } = this.#context.principal;
    const isSaid = issue.comments.slice(comments).some(({ userId, text }) => userId === name && text === end);
    const comment = isSaid ? "" : end;
    const asItIs = { issue: Number(issue.number), issueComments: issue.comments.length };
    if (isLinked && !rises && comment === "") return asItIs;
    const request = {
      number: issue.number,
      addLinks: links,
      ...(rises ? { priority: news.severity! } : {}),
      comment,
    };
    const { issue: updated } = await this.#commands(M.updateIssue, request, this.#context);
    return { ...asItIs, issueComments: updated?.comments.length ?? asItIs.issueComments };
  }
}

/** What is said where all alerts are over; of what flaps not for ever. */
function endOf({ comments }: Issue, news: IncidentNews, incident: OpenedIncident): string {
  return incident.active > 0 || comments.length >= COMMENTS_MAX ? "" : newsText(news, incident);
}

/** As many as there is room for. */
function missingOf(linked: readonly string[] = [], wanted: readonly string[]): string[] {
  const known = new Set(linked);
  return wanted.filter((each) => !known.has(each)).slice(0, Math.max(0, LINKS_MAX - linked.length));
}

function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
