/**
 * The issues of a server. A change is made by one after the other of each issue, and is committed with the message that tells
 * it in a session; whoever follows hears of it once it is durable.
 */
import { create } from "@bufbuild/protobuf";
import { invalidField, messageOf, WatchpostError } from "../../model/errors.ts";
import { documentName, type SetAside } from "../../model/set-aside.ts";
import type { StoredDocument } from "../../model/journal.ts";
import {
  IssueLinksSchema,
  UpdateIssueRequestSchema,
  type CommentIssueRequest,
  type CreateIssueRequest,
  type Issue,
  type UpdateIssueRequest,
} from "../../wire/gen/issues_pb.ts";
import { ISSUE_EVENT, type CollaborationJournal, type Rows } from "../collaboration-journal.ts";
import { Serial } from "../../model/serial.ts";
import { namesOfIssue, seesAll, type Named } from "../seen/named.ts";
import { refuseUnseen, type Viewer, type Visibility } from "../seen/visibility.ts";
import type { Draft } from "../session-message.ts";
import type { SessionPost } from "../session-post.ts";
import { changedIssue, newIssue, type ChangedIssue } from "./change-issue.ts";
import { refuseEarlierRevision } from "./edited-revision.ts";
import { ISSUE_NUMBERS, ISSUES, issueOfDocument, LAST_NUMBER, OPEN_ISSUES } from "./issue-documents.ts";
import { rowsOf, subjectOf, toldOfEntry, withoutComments, type ToldIssue } from "./issue-documents.ts";
import { meantBy } from "./issue-from-chat.ts";
import { checkedCreate, checkedUpdate, LINKS_MAX, numberIn } from "./issue-input.ts";
import { changedLinks, linksOf, type MaybeLinks } from "./issue-links.ts";
import { draftOf, metadataOf } from "./issue-telling.ts";
import { OpenIssues } from "./open-issues.ts";

/** The sessions of a server, as issues use them. */
export interface IssueSessions extends SessionPost {
  /** Whether there is a session of that id to which something may be added. */
  isOpen(sessionId: string): boolean | Promise<boolean>;
}

export interface IssuesDeps {
  readonly visibility: Pick<Visibility, "checkMayOpen">;
  readonly journal: CollaborationJournal;
  readonly sessions: IssueSessions;
  readonly setAside: SetAside;
  nowMs(): number;
  onTrouble(sentence: string): void;
}

/** Keeps a message together with rows; resolves once both are durable. */
export type KeepMessage<T> = (draft: Draft, rows: Rows) => Promise<T>;

const DOCUMENTS_AT_ONCE = 500;
/** Of the sessions an issue is linked to, the last so many that are open are told. */
const SESSIONS_TOLD_MAX = 10;
/** Changes under way or waiting for another one of their issue. */
const UNDER_WAY_MAX = 10_000;
const RETRY_AFTER_MS = 1_000;
/** What new issues wait for, one after the other: a number is given with its commit. */
const NEW = "new";

export class Issues {
  readonly openIssues = new OpenIssues();
  readonly #deps: IssuesDeps;
  readonly #serial = new Serial();
  readonly #listeners = new Set<(told: ToldIssue) => void>();
  readonly #unfollow: () => void;
  #lastNumber = 0n;
  #underWay = 0;

  private constructor(deps: IssuesDeps) {
    this.#deps = deps;
    this.#unfollow = deps.journal.follow((entries) => {
      for (const entry of entries) {
        if (entry.kind !== ISSUE_EVENT) continue;
        const told = deps.setAside.read(`journal entry ${entry.position}`, () => toldOfEntry(entry));
        if (told === undefined) continue;
        this.#take(told.issue);
        for (const listener of [...this.#listeners]) listener(told);
      }
    });
  }

  static async open(deps: IssuesDeps): Promise<Issues> {
    const issues = new Issues(deps);
    await issues.#restore();
    return issues;
  }

  /**
   * Makes an issue, and tells it in the session of the request where there is one. Throws INVALID_ARGUMENT, as the session's
   * post does, and as the journal does; INVALID_ARGUMENT where `viewer` would not see it. `by`: whoever makes it, whatever the
   * request says.
   */
  create(request: CreateIssueRequest, by: string, viewer: Viewer): Promise<Issue> {
    const { sessionId } = request;
    return this.#create(request, by, viewer, (made, rows) => this.#keep(sessionId, made, by, rows));
  }

  /**
   * Changes an issue; where nothing is different it stays as it is, and nothing is told. Throws INVALID_ARGUMENT, also where
   * `viewer` would not see it any more; NOT_FOUND where there is none that it sees;
   * ABORTED where another revision than the one of the request is there, with what there is in the details;
   * FAILED_PRECONDITION where it would become too large; as the session's post and the journal do.
   */
  update(request: UpdateIssueRequest, by: string, viewer: Viewer): Promise<Issue> {
    const { sessionId } = request;
    return this.#update(request, by, viewer, async (made, rows) => {
      if (made.changes.length > 0) await this.#keep(sessionId, made, by, rows);
    });
  }

  /** As {@link update}. */
  comment({ number, text, sessionId }: CommentIssueRequest, by: string, viewer: Viewer): Promise<Issue> {
    if (text.trim() === "") throw invalidField("text", text, "some text");
    return this.update(create(UpdateIssueRequestSchema, { number, comment: text, sessionId }), by, viewer);
  }

  /**
   * Does what a member means who sends a message of type issue, see {@link meantBy}. `keep` gets that message with the issue
   * and its number, to be kept in one transaction with the rows; the issue stays as it is until `keep` settles. It waits for
   * others who change the issue, and these may wait for their session: who calls it must not hold the session up.
   */
  async fromChat<T>(sessionId: string, draft: Draft, viewer: Viewer, keep: KeepMessage<T>): Promise<T> {
    const meant = meantBy(draft);
    const by = draft.userId;
    let kept: { readonly result: T } | undefined;
    const keepMessage = async ({ issue }: ChangedIssue, rows: Rows) => {
      const metadata = { ...draft.metadata, ...metadataOf({ issue }) };
      kept = { result: await keep({ ...draft, metadata, issue: withoutComments(issue) }, rows) };
    };
    if (meant.kind === "create") await this.#create({ ...meant.request, sessionId }, by, viewer, keepMessage);
    else await this.#update({ ...meant.request, sessionId }, by, viewer, keepMessage);
    return kept!.result;
  }

  /** With its comments. Throws NOT_FOUND where there is none that `viewer` sees, and DATA_LOSS where it cannot be read. */
  async get(number: bigint, { sees }: Viewer): Promise<Issue> {
    const issue = await this.#stored(number);
    if (issue !== undefined && (await seesAll(namesOfIssue(issue), sees))) return issue;
    throw new WatchpostError("NOT_FOUND", `there is no issue ${number}`);
  }

  async #stored(number: bigint): Promise<Issue | undefined> {
    const key = String(numberIn(number));
    const stored = await this.#deps.journal.document(ISSUES, key);
    if (stored === undefined) {
      if (number > this.#lastNumber) return undefined;
      throw new WatchpostError("DATA_LOSS", `issue ${key} is damaged, and cannot be read`);
    }
    try {
      return issueOfDocument(stored);
    } catch (error) {
      throw new WatchpostError("DATA_LOSS", `${documentName(stored)} cannot be read: ${messageOf(error)}`);
    }
  }

  /** Calls `listener` with each change from now on, in order, once it is durable. It must not block. Returns what ends it. */
  follow(listener: (told: ToldIssue) => void): () => void {
    const own = (told: ToldIssue) => listener(told);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  close(): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  async #create(
    wanted: CreateIssueRequest,
    by: string,
    viewer: Viewer,
    keep: (made: ChangedIssue, rows: Rows) => Promise<void>,
  ): Promise<Issue> {
    const request = checkedCreate(wanted);
    await this.#checkMayLink(namesOfIssue(request), request.sessionId, viewer);
    const links = withSession(request.links, request.links, request.sessionId);
    const { made, telling } = await this.#alone(NEW, async () => {
      const atMs = this.#deps.nowMs();
      const made = newIssue({ ...request, ...(links && { links }) }, this.#lastNumber + 1n, by, atMs);
      await keep(made, rowsOf(made, by, atMs));
      // Not for others to wait for who make one, and before it is changed.
      const tell = () => this.#tellOthers(request.sessionId, made, by);
      return { made, telling: this.#serial.run(subjectOf(made.issue.number), tell) };
    });
    await telling;
    return made.issue;
  }

  async #update(
    wanted: UpdateIssueRequest,
    by: string,
    viewer: Viewer,
    keep: (made: ChangedIssue, rows: Rows) => Promise<void>,
  ): Promise<Issue> {
    const request = checkedUpdate(wanted);
    return this.#alone(subjectOf(request.number), async () => {
      const before = await this.get(request.number, viewer);
      await this.#checkMayLink(namesOfIssue({ links: request.addLinks }, "add_links"), request.sessionId, viewer);
      refuseEarlierRevision(before, request.revision);
      const atMs = this.#deps.nowMs();
      const addLinks = withSession(request.addLinks, before.links, request.sessionId);
      const made = changedIssue(before, { ...request, ...(addLinks && { addLinks }) }, by, atMs);
      await keep(made, made.changes.length === 0 ? { events: [], changes: [] } : rowsOf(made, by, atMs));
      if (made.changes.length > 0) await this.#tellOthers(request.sessionId, made, by);
      return made.issue;
    });
  }

  /** The session that it is told in may not be there yet. */
  async #checkMayLink(names: Iterable<Named>, sessionId: string, viewer: Viewer): Promise<void> {
    await this.#deps.visibility.checkMayOpen(sessionId, viewer);
    const isElsewhere = ({ kind, name }: Named) => kind !== "session" || name !== sessionId;
    await refuseUnseen([...names].filter(isElsewhere), viewer);
  }

  /** One after the other of the same key. */
  async #alone<T>(key: string, run: () => Promise<T>): Promise<T> {
    if (this.#underWay >= UNDER_WAY_MAX) {
      const message = `${this.#underWay} changes of issues are under way, and at most ${UNDER_WAY_MAX} may be`;
      throw new WatchpostError("RESOURCE_EXHAUSTED", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#underWay++;
    return this.#serial.run(key, run).finally(() => this.#underWay--);
  }

  async #keep(sessionId: string, made: ChangedIssue, by: string, rows: Rows): Promise<void> {
    if (sessionId === "") await this.#deps.journal.append(rows.events, rows.changes);
    else await this.#deps.sessions.post(sessionId, draftOf(made, by), rows);
  }

  /** What is kept already does not fail for it. */
  async #tellOthers(sessionId: string, made: ChangedIssue, by: string): Promise<void> {
    const { sessions, onTrouble } = this.#deps;
    const draft = draftOf(made, by);
    const others = linksOf(made.issue.links, "session").filter((id) => id !== sessionId);
    let told = 0;
    for (const id of others.toReversed()) {
      if (told >= SESSIONS_TOLD_MAX) return;
      try {
        if (!(await sessions.isOpen(id))) continue;
        told++;
        await sessions.post(id, draft);
      } catch (error) {
        const isClosed = error instanceof WatchpostError && error.status === "FAILED_PRECONDITION";
        if (!isClosed) onTrouble(`issue ${made.issue.number} was not told in session ${id}: ${messageOf(error)}`);
      }
    }
  }

  #take(issue: Issue): void {
    if (issue.number > this.#lastNumber) this.#lastNumber = issue.number;
    this.openIssues.take(issue);
  }

  async #restore(): Promise<void> {
    const { journal, setAside } = this.#deps;
    const counted = await journal.document(ISSUE_NUMBERS, LAST_NUMBER);
    const [newest] = await journal.documents({ collection: ISSUES, limit: 1, descending: true });
    const numbers = [Number(counted?.value ?? 0), newest?.sort ?? 0].filter((number) => Number.isSafeInteger(number));
    this.#lastNumber = BigInt(Math.max(0, ...numbers));
    let after: Pick<StoredDocument, "sort" | "key"> | undefined;
    for (;;) {
      const query = { collection: OPEN_ISSUES, limit: DOCUMENTS_AT_ONCE, ...(after && { after }) };
      const page = await journal.documents(query);
      for (const stored of page) {
        const issue = setAside.read(documentName(stored), () => issueOfDocument(stored));
        if (issue !== undefined) this.#take(issue);
      }
      if (page.length < DOCUMENTS_AT_ONCE) return;
      after = page.at(-1);
    }
  }
}

/** `added`, with a session that is not among `present` yet. Where there are as many as may be it is left out. */
function withSession(added: MaybeLinks, present: MaybeLinks, sessionId: string): MaybeLinks {
  const isKnown = [added, present].some((links) => linksOf(links, "session").includes(sessionId));
  const count = new Set([added, present].flatMap((links) => [...linksOf(links, "session")])).size;
  if (sessionId === "" || isKnown || count >= LINKS_MAX) return added;
  return changedLinks(added, create(IssueLinksSchema, { sessionIds: [sessionId] }), undefined);
}
