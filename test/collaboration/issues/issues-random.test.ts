/**
 * Random edits, messages, restarts and failures of the journal, many at once, against what their answers say: every change that
 * was answered stands, once, in the order of its revisions; every list is what a filter over all of them gives; watchers that
 * drop and go on behind their cursor know the same as those who stay.
 */
import "../../support/seed.ts";
import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { scopeOf } from "../../../src/collaboration/issues/issue-filter.ts";
import { STATUSES, statusWord } from "../../../src/collaboration/issues/issue-words.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { DocumentChange, DocumentQuery, JournalEvent, JournalQuery } from "../../../src/model/journal.ts";
import {
  IssueFilterSchema,
  IssueSchema,
  IssueStatus,
  type Issue,
  type IssueFilter,
} from "../../../src/wire/gen/issues_pb.ts";
import { unpacked } from "../../../src/wire/status.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { randomOf } from "../../support/random.ts";
import { IssuesRig, rest, type Watcher } from "./issues-rig.ts";
import { EVERYBODY } from "../surroundings.ts";

const ROUNDS = 12;
const AT_ONCE = 6;
const LABELS = ["hot", "pump", "later"];
const USERS = ["ann", "bob", ""];
const SESSIONS = ["s1", "s2", "s3"];

/** Answers later, in the order it was asked, as the log worker does. */
class SlowJournal extends MemoryJournal {
  #last: Promise<unknown> = Promise.resolve();
  readonly #random: () => number;

  constructor(random: () => number) {
    super();
    this.#random = random;
  }

  override append(events: readonly JournalEvent[], changes: readonly DocumentChange[] = []) {
    return this.#later(() => super.append(events, changes));
  }

  override read(query: JournalQuery) {
    return this.#later(() => super.read(query));
  }

  override documents(query: DocumentQuery) {
    return this.#later(() => super.documents(query));
  }

  override document(collection: string, key: string) {
    return this.#later(() => super.document(collection, key));
  }

  #later<T>(run: () => Promise<T>): Promise<T> {
    const waits = Math.floor(this.#random() * 4);
    const done = this.#last.then(async () => {
      for (let i = 0; i < waits; i++) await Promise.resolve();
      return run();
    });
    this.#last = done.catch(() => {});
    return done;
  }
}

/** Somebody who watches, and what that one knows. */
class Looker {
  readonly filter: IssueFilter;
  readonly #rig: IssuesRig;
  readonly known = new Map<bigint, bigint>();
  #watcher: Watcher;
  #cursor = "";
  #isWhole = false;

  constructor(rig: IssuesRig, filter: IssueFilter) {
    this.#rig = rig;
    this.filter = filter;
    this.#watcher = rig.watch({ filter }).takeAll();
  }

  look(): void {
    expect(this.#watcher.ended).toBe("");
    for (const { issue, removed, cursor, snapshotEnd, event } of this.#watcher.messages.splice(0)) {
      if (cursor !== "") this.#cursor = cursor;
      if (snapshotEnd) this.#isWhole = true;
      if (issue === undefined) continue;
      const seen = this.known.get(issue.number) ?? 0n;
      expect(issue.revision).toBeGreaterThan(seen);
      if (event !== undefined) expect(event.revision).toBe(issue.revision);
      if (removed) this.known.delete(issue.number);
      else this.known.set(issue.number, issue.revision);
    }
  }

  /** Leaves, having seen what came so far; comes back behind that, or anew. */
  async drop(): Promise<void> {
    this.look();
    await this.#watcher.close();
    if (!this.#isWhole) this.known.clear();
    this.#watcher = this.#rig.watch({ filter: this.filter, cursor: this.#isWhole ? this.#cursor : "" }).takeAll();
  }

  close(): Promise<void> {
    return this.#watcher.close();
  }
}

function run(seed: number): Promise<void> {
  return new Run(seed).go();
}

class Run {
  readonly #random: () => number;
  readonly #journal: SlowJournal;
  /** By number, as the last answer of the highest revision has it. */
  readonly #issues = new Map<bigint, Issue>();
  /** Changes that were answered: number and revision. */
  readonly #answered = new Set<string>();
  #rig!: IssuesRig;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    this.#journal = new SlowJournal(this.#random);
  }

  async go(): Promise<void> {
    this.#rig = await IssuesRig.open(this.#journal);
    const lookers: Looker[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (this.#happens(0.4)) lookers.push(new Looker(this.#rig, this.#filter()));
      const failsAfter = this.#happens(0.3) ? Math.floor(this.#random() * AT_ONCE) : Infinity;
      const acts = Array.from({ length: AT_ONCE }, async (_, i) => {
        if (i === failsAfter) this.#journal.failure = new WatchpostError("UNAVAILABLE", "the disk is away");
        await (this.#happens(0.3) ? this.#make() : this.#happens(0.3) ? this.#chat() : this.#change());
      });
      if (lookers.length > 0 && this.#happens(0.5)) await this.#pick(lookers).drop();
      await Promise.all(acts);
      this.#journal.failure = null;
      await rest();
      if (this.#happens(0.2)) {
        await this.#rig.restart();
        for (const looker of lookers) await looker.drop();
      }
      await rest();
      await this.#check(lookers);
    }
    for (const looker of lookers) await looker.close();
    await this.#checkTimelines();
  }

  async #make(): Promise<void> {
    const request = { title: this.#word(), labels: this.#some(LABELS), assignee: this.#pick(USERS) };
    const session = this.#happens(0.3) ? this.#pick(SESSIONS) : "";
    await this.#answer(0n, this.#rig.make({ ...request, sessionId: session }));
  }

  async #change(): Promise<void> {
    const number = BigInt(1 + Math.floor(this.#random() * (this.#issues.size + 1)));
    const revision = this.#happens(0.5) ? 0n : (this.#issues.get(number)?.revision ?? 0n);
    const request = {
      number,
      revision,
      ...(this.#happens(0.3) ? { title: this.#word() } : {}),
      ...(this.#happens(0.5) ? { status: this.#pick(STATUSES) } : {}),
      ...(this.#happens(0.3) ? { assignee: this.#pick(USERS) } : {}),
      ...(this.#happens(0.3) ? { addLabels: this.#some(LABELS), removeLabels: this.#some(LABELS) } : {}),
      ...(this.#happens(0.2) ? { comment: this.#word() } : {}),
      ...(this.#happens(0.2) ? { sessionId: this.#pick(SESSIONS) } : {}),
    };
    await this.#answer(revision, this.#rig.update(request));
  }

  async #chat(): Promise<void> {
    const number = Math.floor(this.#random() * (this.#issues.size + 1));
    const metadata = number === 0 ? {} : { number: String(number), status: statusWord(this.#pick(STATUSES)) };
    const session = this.#pick(SESSIONS);
    const draft = { type: "issue", userId: "eve", userName: "", text: this.#word(), metadata } as const;
    const sent = this.#rig.issues.fromChat(session, draft, EVERYBODY, (message, rows) =>
      this.#rig.sessions.post(session, message, rows),
    );
    await this.#answer(
      0n,
      sent.then(({ issue }) => issue!),
    );
  }

  /** `edited`: 0: whichever revision there was. */
  async #answer(edited: bigint, call: Promise<Issue>): Promise<void> {
    try {
      const issue = await call;
      const known = this.#issues.get(issue.number);
      const change = `${issue.number} ${issue.revision}`;
      const isSame = this.#answered.has(change);
      if (!isSame && edited !== 0n) expect(issue.revision).toBe(edited + 1n);
      this.#answered.add(change);
      if (known === undefined || issue.revision > known.revision) this.#issues.set(issue.number, issue);
    } catch (error) {
      if (!(error instanceof WatchpostError)) throw error;
      expect(error.status).toBeOneOf(["UNAVAILABLE", "ABORTED", "NOT_FOUND"]);
      if (error.status !== "ABORTED") return;
      expect(unpacked(error, IssueSchema)!.revision).toBeGreaterThan(edited);
    }
  }

  async #check(lookers: readonly Looker[]): Promise<void> {
    const all = [...this.#issues.values()].sort((a, b) => Number(b.number - a.number));
    // Numbers are given without holes, and once.
    expect(all.map(({ number }) => number)).toEqual(all.map((_, i) => BigInt(all.length - i)));
    for (const { number, revision, title, status, labels, comments } of all) {
      const stored = await this.#rig.get(number);
      const { title: t, status: s, labels: l } = stored;
      expect([stored.revision, t, s, l]).toEqual([revision, title, status, labels]);
      if (comments.length > 0) expect(stored.comments).toEqual(comments);
    }
    for (const filter of [create(IssueFilterSchema), this.#filter(), this.#filter()]) {
      const wanted = all.filter((issue) => scopeOf(filter).takes(issue)).map(({ number }) => Number(number));
      expect((await this.#rig.list({ filter, limit: 100 })).numbers).toEqual(wanted);
    }
    for (const looker of lookers) {
      looker.look();
      const wanted = all.filter((issue) => scopeOf(looker.filter).takes(issue));
      const known = [...looker.known].sort(([a], [b]) => Number(b - a));
      expect(known).toEqual(wanted.map(({ number, revision }) => [number, revision]));
    }
  }

  async #checkTimelines(): Promise<void> {
    for (const { number, revision } of this.#issues.values()) {
      const revisions = (await this.#rig.timeline(number)).map((line) => BigInt(line.split(" ")[0]));
      expect(revisions).toEqual(Array.from({ length: Number(revision) }, (_, i) => BigInt(i + 1)));
      for (const one of revisions) expect(this.#answered.has(`${number} ${one}`)).toBe(true);
    }
    // Each session hears of the changes of an issue in their order.
    for (const session of SESSIONS) {
      const last = new Map<bigint, bigint>();
      for (const { sessionId, draft } of this.#rig.sessions.told) {
        if (sessionId !== session) continue;
        const { number, revision } = draft.issue!;
        expect(revision).toBeGreaterThanOrEqual(last.get(number) ?? 0n);
        last.set(number, revision);
      }
    }
  }

  #filter(): IssueFilter {
    return create(IssueFilterSchema, {
      statuses: this.#happens(0.4) ? [IssueStatus.OPEN, IssueStatus.IN_PROGRESS] : this.#some(STATUSES),
      labels: this.#happens(0.3) ? [this.#pick(LABELS)] : [],
      ...(this.#happens(0.3) ? { assignee: this.#pick(USERS) } : {}),
      sessionId: this.#happens(0.2) ? this.#pick(SESSIONS) : "",
      text: this.#happens(0.2) ? this.#word() : "",
    });
  }

  #word(): string {
    return this.#pick(["pump", "press", "fan"]) + Math.floor(this.#random() * 3);
  }

  #some<T>(all: readonly T[]): T[] {
    return all.filter(() => this.#happens(0.3));
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)];
  }

  #happens(share: number): boolean {
    return this.#random() < share;
  }
}

test("answers, lists and watchers agree, whatever happens at once", async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1 }), run), { numRuns: 40, endOnFailure: true });
}, 120_000);
