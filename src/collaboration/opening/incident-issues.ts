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

export class IncidentIssues {
  readonly #commands: Commands;
  readonly #context: CallContext;

  /** `context`: as whom they are opened. */
  constructor(commands: Commands, context: CallContext) {
    this.#commands = commands;
    this.#context = context;
  }

  /**
   * Brings the issue of an incident to what `news` say, and opens one where they ask for it and none is open; resolves with
   * its number, 0: there is none. The same news again change nothing more. `incident`: as it is after them.
   */
  async take(news: IncidentNews, incident: OpenedIncident): Promise<number> {
    const standing = await this.#standing(incident.issue);
    if (standing !== undefined) {
      await this.#update(standing, news, incident);
      return incident.issue;
    }
    const { opens, opener } = news;
    if (!opens.has("issue") || opener === undefined) return incident.issue;
    // It may have been opened right before a crash.
    const issue = (await this.#find(opener.alertId)) ?? (await this.#create(news, incident));
    if (issue === undefined) return incident.issue;
    await this.#update(issue, news, incident);
    return Number(issue.number);
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
    return issues.find(({ createdBy }) => createdBy === this.#context.principal.name);
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

  async #update(issue: Issue, news: IncidentNews, incident: OpenedIncident): Promise<void> {
    const links = {
      alertIds: missingOf(issue.links?.alertIds, news.alertIds),
      devices: missingOf(issue.links?.devices, [...news.devices]),
      sessionIds: missingOf(issue.links?.sessionIds, incident.sessionId === "" ? [] : [incident.sessionId]),
    };
    const isLinked = Object.values(links).every(({ length }) => length === 0);
    const rises = news.severity !== undefined && rankOf(news.severity) > rankOf(issue.priority as Severity);
    const comment = endOf(issue, news, incident);
    if (isLinked && !rises && comment === "") return;
    const request = {
      number: issue.number,
      addLinks: links,
      ...(rises ? { priority: news.severity! } : {}),
      comment,
    };
    await this.#commands(M.updateIssue, request, this.#context);
  }
}

/** What is said where all alerts are over, once; of what flaps not for ever. */
function endOf({ comments }: Issue, news: IncidentNews, incident: OpenedIncident): string {
  const text = incident.active > 0 || comments.length >= COMMENTS_MAX ? "" : newsText(news, incident);
  return comments.at(-1)?.text === text ? "" : text;
}

/** As many as there is room for. */
function missingOf(linked: readonly string[] = [], wanted: readonly string[]): string[] {
  const known = new Set(linked);
  return wanted.filter((each) => !known.has(each)).slice(0, Math.max(0, LINKS_MAX - linked.length));
}

function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
