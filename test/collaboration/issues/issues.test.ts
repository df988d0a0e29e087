/** The methods about issues, over a journal in memory. */
import { create, toBinary, type MessageShape } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, test } from "bun:test";
import { ISSUE_EVENT, SESSION_EVENT } from "../../../src/collaboration/collaboration-journal.ts";
import { ISSUES, OPEN_ISSUES } from "../../../src/collaboration/issues/issue-documents.ts";
import type { Draft } from "../../../src/collaboration/session-message.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { CreateIssueRequestSchema, IssueSchema, IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { unpacked } from "../../../src/wire/status.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { failureOf, IssuesRig } from "./issues-rig.ts";
import { EVERYBODY } from "../surroundings.ts";

const { OPEN, IN_PROGRESS, RESOLVED, CLOSED } = IssueStatus;
const { createIssue, getIssue, commentIssue } = Collaboration.method;
let journal: MemoryJournal;
let rig: IssuesRig;

beforeEach(async () => {
  journal = new MemoryJournal();
  rig = await IssuesRig.open(journal);
});

const kinds = (from = 0) => journal.entries.slice(from).map(({ kind, subject }) => `${kind} ${subject}`);

describe("numbers", () => {
  test("go from 1, in the order of the answers, and on after a restart", async () => {
    const made = await Promise.all(["a", "b", "c"].map((title) => rig.make({ title })));
    expect(made.map(({ number }) => number)).toEqual([1n, 2n, 3n]);
    await rig.update({ number: 3n, status: CLOSED });
    await rig.restart();
    expect((await rig.make({ title: "d" })).number).toBe(4n);
    expect(kinds()).toEqual(["issue #1", "issue #2", "issue #3", "issue #3", "issue #4"]);
  });

  test("are not lost with what could not be kept, nor given again where the newest document is damaged", async () => {
    journal.failure = new Error("disk full");
    expect(await rig.make({ title: "a" }).catch(String)).toBe("Error: disk full");
    journal.failure = null;
    expect((await rig.make({ title: "a" })).number).toBe(1n);
    await rig.make({ title: "b" });
    for (const collection of [ISSUES, OPEN_ISSUES]) {
      await journal.append([], [{ collection, key: "2", sort: 2, value: null }]);
    }
    await rig.restart();
    expect((await rig.make({ title: "c" })).number).toBe(3n);
    const failure = await failureOf(rig.get(2n));
    expect([failure.status, failure.message]).toEqual(["DATA_LOSS", "issue 2 is damaged, and cannot be read"]);
    expect((await rig.list()).numbers).toEqual([3, 1]);
  });
});

test("an issue is kept with all it was given, and what happened to it", async () => {
  const links = { alertIds: ["a1"], devices: ["p1"], annotationIds: ["n1"], sessionIds: ["s1"] };
  const made = await rig.make({ title: "pump is loud", description: "d", priority: "high", labels: ["hot"], links });
  rig.clock.advance(60_000);
  await rig.update({ number: 1n, userId: "bob", revision: 1n, status: IN_PROGRESS, assignee: "bob" });
  await rig.call(commentIssue, { number: 1n, userId: "eve", text: "it is the bearing" });
  await rig.restart();
  const { issue, timeline, nextPage } = await rig.call(getIssue, { number: 1n });
  expect(issue).toMatchObject({
    title: "pump is loud",
    description: "d",
    links,
    labels: ["hot"],
    createdAt: made.createdAt,
    assignee: "bob",
    revision: 3n,
    updatedBy: "eve",
    comments: [{ userId: "eve", text: "it is the bearing" }],
  });
  expect([timeline[0].at, timeline[1].at, nextPage]).toEqual([made.createdAt, issue!.updatedAt, ""]);
  expect(await rig.timeline(1n)).toEqual([
    "1 ann created=pump is loud",
    "2 bob status:open=in_progress assignee=bob",
    "3 eve comment=it is the bearing",
  ]);
});

describe("a timeline", () => {
  /** All pages of it, the last one first. */
  async function pages(): Promise<MessageShape<typeof getIssue.output>[]> {
    const answers = [await rig.call(getIssue, { number: 1n })];
    for (let page = ""; (page = answers.at(-1)!.nextPage) !== "";) {
      answers.push(await rig.call(getIssue, { number: 1n, page }));
    }
    return answers;
  }

  test("is as long as the journal is kept, by pages that together are all", async () => {
    await rig.make({ title: "a" });
    for (let i = 0; i < 250; i++) await rig.update({ number: 1n, title: `t${i}` });
    expect(await rig.timeline(1n)).toHaveLength(251);
    expect((await rig.timeline(1n)).at(-1)).toBe("251 ann title:t248=t249");
    for (let i = 250; i < 2_200; i++) await rig.update({ number: 1n, title: `t${i}` });
    const answers = await pages();
    expect(answers.map(({ timeline }) => timeline.length)).toEqual([1_000, 1_000, 201]);
    const revisions = answers.reverse().flatMap(({ timeline }) => timeline.map(({ revision }) => Number(revision)));
    expect(revisions).toEqual(Array.from({ length: 2_201 }, (_, i) => i + 1));
  });

  test("never is longer than clients take, whatever its characters", async () => {
    await rig.make({ title: "a" });
    const comment = "x".repeat(16_000);
    for (let i = 0; i < 60; i++) await rig.update({ number: 1n, comment: `${i}${comment}` });
    const text = "€".repeat(21_000);
    for (let i = 0; i < 40; i++) await rig.update({ number: 1n, description: `${text}${i}` });
    const answers = await pages();
    const sizes = answers.map((answer) => toBinary(getIssue.output, answer).length);
    expect(Math.max(...sizes)).toBeLessThan(2.5 * 1024 * 1024);
    expect(answers.flatMap(({ timeline }) => timeline)).toHaveLength(101);
    expect(answers.length).toBeLessThan(10);
  });

  test("has no page that it has not told of", async () => {
    await rig.make({ title: "a" });
    for (const page of ["-1", "x", "1.5", "9".repeat(17)]) {
      const { status, message } = await failureOf(rig.call(getIssue, { number: 1n, page }));
      const wanted = `page is ${JSON.stringify(page)}; wanted next_page of the answer before, unchanged`;
      expect([status, message]).toEqual(["INVALID_ARGUMENT", wanted]);
    }
  });
});

describe("concurrent edits", () => {
  test("of the same revision: the first one counts, the other hears who was faster and what there is", async () => {
    await rig.make({ title: "a" });
    const [first, second] = await Promise.allSettled([
      rig.update({ number: 1n, userId: "ann", revision: 1n, title: "ann's" }),
      rig.update({ number: 1n, userId: "bob", revision: 1n, title: "bob's" }),
    ]);
    expect(first).toMatchObject({ status: "fulfilled", value: { title: "ann's", revision: 2n } });
    const failure = await failureOf(Promise.reject((second as PromiseRejectedResult).reason));
    expect([failure.status, failure.message]).toEqual([
      "ABORTED",
      'issue 1 is at revision 2, made by "ann" at 2026-01-01T00:00:00.000Z, and revision 1 was edited; wanted an edit of revision 2',
    ]);
    expect(unpacked(failure, IssueSchema)).toMatchObject({ number: 1n, title: "ann's", revision: 2n });
    const ahead = await failureOf(rig.update({ number: 1n, revision: 3n, title: "c" }));
    expect([ahead.status, ahead.message]).toEqual([
      "INVALID_ARGUMENT",
      expect.stringContaining("revision is 3; wanted 2"),
    ]);
  });

  test("of no revision are all made, one after the other", async () => {
    await rig.make({ title: "a" });
    const edits = Array.from({ length: 20 }, (_, i) =>
      rig.update({ number: 1n, addLabels: [`l${i}`], comment: `c${i}` }),
    );
    await Promise.all(edits);
    const issue = await rig.get(1n);
    expect([issue.revision, issue.labels.length, issue.comments.length]).toEqual([21n, 20, 20]);
  });

  test("details stay small, whatever the issue is", async () => {
    const long = "x".repeat(200);
    await rig.make({
      title: "a",
      description: "x".repeat(60_000),
      labels: ["hot"],
      links: { devices: Array.from({ length: 90 }, (_, i) => `${long}${i}`) },
    });
    await rig.call(commentIssue, { number: 1n, text: "x".repeat(16_000) });
    const failure = await failureOf(rig.update({ number: 1n, revision: 1n, title: "b" }));
    expect(failure.messages[0].value.length).toBeLessThan(4_096);
    await rig.update({ number: 1n, userId: "\u0001".repeat(256), assignee: "\u2603".repeat(256) });
    const named = await failureOf(rig.update({ number: 1n, revision: 1n, title: "b" }));
    expect(named.message.length + named.messages[0].value.length).toBeLessThan(4_096);
    expect(unpacked(failure, IssueSchema)).toMatchObject({
      title: "a",
      description: "",
      labels: [],
      comments: [],
      revision: 2n,
    });
  });
});

describe("bounds", () => {
  test("comments fill an issue up to a mebibyte; then it can still be closed", async () => {
    await rig.make({ title: "a" });
    const text = "x".repeat(16 * 1024);
    const texts = async () => {
      for (let i = 0; i < 100; i++) await rig.call(commentIssue, { number: 1n, text });
    };
    const failure = await failureOf(texts());
    expect([failure.status, failure.message]).toEqual([
      "FAILED_PRECONDITION",
      expect.stringMatching(/^issue 1 would take 10\d{5} bytes; wanted at most 1048576: go on in another issue$/),
    ]);
    expect((await rig.get(1n)).comments).toHaveLength(63);
    await rig.call(commentIssue, { number: 1n, text: "x".repeat(8_000) });
    expect((await failureOf(rig.update({ number: 1n, status: CLOSED, comment: text }))).status).toBe(
      "FAILED_PRECONDITION",
    );
    expect(await rig.update({ number: 1n, status: CLOSED })).toMatchObject({ status: CLOSED });
  });

  test("what is wrong is said by its name, and changes nothing", async () => {
    await rig.make({ title: "a" });
    const before = journal.entries.length;
    for (const [run, status, sentence] of [
      [() => rig.make({ title: " " }), "INVALID_ARGUMENT", 'title is " "'],
      [() => rig.get(0n), "INVALID_ARGUMENT", "number is 0"],
      [() => rig.get(2n), "NOT_FOUND", "there is no issue 2"],
      [() => rig.update({ number: 9n, title: "x" }), "NOT_FOUND", "there is no issue 9"],
      [() => rig.call(commentIssue, { number: 1n, text: " \n" }), "INVALID_ARGUMENT", "wanted some text"],
      [() => rig.call(commentIssue, { number: 1n, text: "x".repeat(16_385) }), "INVALID_ARGUMENT", "comment is"],
      [() => rig.call(createIssue, { title: "x", userId: "u".repeat(300) }), "INVALID_ARGUMENT", "user_id is"],
      [() => rig.list({ limit: -1 }), "INVALID_ARGUMENT", "limit is -1"],
      [() => rig.list({ limit: 10_001 }), "INVALID_ARGUMENT", "limit is 10001"],
      [() => rig.list({ page: "x" }), "INVALID_ARGUMENT", 'page is "x"'],
    ] as const) {
      const failure = await failureOf(run());
      expect([failure.status, failure.message]).toEqual([status, expect.stringContaining(sentence)]);
    }
    expect(journal.entries.length).toBe(before);
  });

  test("what another version wrote costs only itself", async () => {
    await rig.make({ title: "a" });
    await rig.make({ title: "b" });
    for (const collection of [ISSUES, OPEN_ISSUES]) {
      await journal.append([], [{ collection, key: "2", sort: 2, value: "[]" }]);
    }
    await journal.append([{ atMs: 0, kind: ISSUE_EVENT, subject: "#1", actor: "x", payload: "{}" }]);
    await rig.restart();
    expect((await rig.list()).numbers).toEqual([1]);
    expect((await failureOf(rig.get(2n))).status).toBe("DATA_LOSS");
    expect(await rig.timeline(1n)).toEqual(["1 ann created=a"]);
    expect(rig.troubles).toHaveLength(4);
  });
});

describe("a list", () => {
  test("has the newest first, by pages that together are all, without comments", async () => {
    for (let i = 1; i <= 200; i++) await rig.make({ title: `t${i}`, ...(i % 3 === 0 ? { labels: ["third"] } : {}) });
    for (let i = 1; i <= 200; i += 2) await rig.update({ number: BigInt(i), status: CLOSED, comment: "done" });
    for (const filter of [
      {},
      { statuses: [OPEN, IN_PROGRESS] },
      { labels: ["third"] },
      { text: "T1" },
      { statuses: [CLOSED] },
    ]) {
      const whole = await rig.list({ filter });
      const parts: number[] = [];
      let page = "";
      do {
        const part = await rig.list({ filter, limit: 7, page });
        expect(part.numbers.length).toBeLessThanOrEqual(7);
        parts.push(...part.numbers);
        page = part.nextPage;
      } while (page !== "");
      expect(parts).toEqual(whole.numbers);
      expect(whole.numbers).toEqual([...whole.numbers].sort((a, b) => b - a));
    }
    expect((await rig.list()).numbers).toHaveLength(200);
    expect((await rig.list({ filter: { labels: ["third"], statuses: [OPEN] } })).numbers).toHaveLength(33);
    expect((await rig.list({ filter: { text: "T1", statuses: [CLOSED] } })).numbers).toHaveLength(55 + 1);
    const { issues } = await rig.call(Collaboration.method.listIssues, { filter: { statuses: [CLOSED] }, limit: 1 });
    expect(issues[0]).toMatchObject({ number: 199n, comments: [] });
  });

  test("ends a page at a mebibyte, whatever is long in its issues", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(256, "€"));
    const links = { alertIds: names, devices: names, annotationIds: names };
    const long = { description: "€".repeat(21_000), links };
    for (let i = 0; i < 30; i++) await rig.make({ title: "t", ...(i % 3 === 0 ? long : { links }) });
    const numbers: number[] = [];
    let [page, pages] = ["", 0];
    do {
      const answer = await rig.call(Collaboration.method.listIssues, { page });
      expect(toBinary(Collaboration.method.listIssues.output, answer).length).toBeLessThan(1024 * 1024 + 1_000);
      numbers.push(...answer.issues.map(({ number }) => Number(number)));
      page = answer.nextPage;
      pages++;
    } while (page !== "");
    expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => 30 - i));
    expect(pages).toBeLessThan(12);
  });

  test("of what is open reads nothing else", async () => {
    for (let i = 0; i < 50; i++) await rig.make({ title: "t", description: i === 3 ? "needle" : "hay" });
    for (let i = 1; i <= 45; i++) await rig.update({ number: BigInt(i), status: RESOLVED });
    await rig.update({ number: 4n, status: OPEN });
    let read = 0;
    const { documents, document } = journal;
    journal.documents = () => Promise.reject(new Error("wanted no documents but those of open issues"));
    journal.document = (collection, key) => {
      read++;
      return document.call(journal, collection, key);
    };
    const statuses = [OPEN, IN_PROGRESS];
    expect((await rig.list({ filter: { statuses } })).numbers).toEqual([50, 49, 48, 47, 46, 4]);
    expect((await rig.list({ filter: { statuses, text: "needle" } })).numbers).toEqual([4]);
    read = 0;
    expect((await rig.list({ filter: { statuses, labels: ["none"] } })).numbers).toEqual([]);
    expect(read).toBe(0);
    journal.documents = documents;
  });
});

describe("sessions", () => {
  test("with one, a change is told in it in the same transaction, and it is linked", async () => {
    const made = await rig.make({ title: "a", sessionId: "s1" });
    expect(made.links!.sessionIds).toEqual(["s1"]);
    expect([kinds(), journal.appends]).toEqual([["session s1", "issue #1"], 1]);
    await rig.update({ number: 1n, userId: "bob", status: CLOSED, sessionId: "s1" });
    await rig.call(commentIssue, { number: 1n, userId: "bob", text: "really", sessionId: "s1" });
    expect(rig.sessions.told.map(({ sessionId, draft }) => [sessionId, draft.userId, draft.type, draft.text])).toEqual([
      ["s1", "ann", "issue", "issue 1, a: created"],
      ["s1", "bob", "issue", "issue 1, a: status open -> closed"],
      ["s1", "bob", "issue", "issue 1, a: comment\nreally"],
    ]);
    expect(journal.appends).toBe(3);
    expect(rig.sessions.told[1].draft).toMatchObject({
      metadata: { number: "1", revision: "2" },
      issue: { status: CLOSED },
    });
  });

  test("that are linked and open are told of changes made elsewhere, each once; those that are not there are not made", async () => {
    for (const id of ["s1", "s2", "s3"]) rig.sessions.known.set(id, true);
    await rig.make({ title: "a", links: { sessionIds: ["s1", "s2", "s3", "never"] } });
    rig.sessions.known.set("s3", false);
    rig.sessions.told.splice(0);
    await rig.update({ number: 1n, title: "b", sessionId: "s1" });
    expect(rig.sessions.told.map(({ sessionId }) => sessionId)).toEqual(["s1", "s2"]);
    await rig.update({ number: 1n, title: "b" });
    expect(rig.sessions.told).toHaveLength(2);
    expect([...rig.sessions.known.keys()]).toEqual(["s1", "s2", "s3"]);
    expect(rig.troubles).toEqual([]);
  });

  test("at most ten of the linked ones are told", async () => {
    const ids = Array.from({ length: 30 }, (_, i) => `s${i}`);
    for (const id of ids) rig.sessions.known.set(id, true);
    await rig.make({ title: "a", links: { sessionIds: ids } });
    expect(rig.sessions.told.map(({ sessionId }) => sessionId)).toEqual(ids.slice(20).toReversed());
  });

  test("one that is closed refuses a change that names it, and nothing is changed", async () => {
    rig.sessions.known.set("s1", false);
    const failure = await failureOf(rig.make({ title: "a", sessionId: "s1" }));
    expect(failure.status).toBe("FAILED_PRECONDITION");
    expect((await rig.make({ title: "b" })).number).toBe(1n);
  });

  test("one that fails to hear of it is said, and the change stands", async () => {
    rig.sessions.known.set("s1", true);
    const { post } = rig.sessions;
    rig.sessions.post = () => Promise.reject(new Error("too fast"));
    expect((await rig.make({ title: "a", links: { sessionIds: ["s1"] } })).number).toBe(1n);
    rig.sessions.post = post;
    expect(rig.troubles).toEqual(["issue 1 was not told in session s1: too fast"]);
  });

  test("a session that is one link too many is told and not linked", async () => {
    const ids = Array.from({ length: 100 }, (_, i) => `s${i}`);
    const made = await rig.make({ title: "a", links: { sessionIds: ids }, sessionId: "other" });
    expect(made.links!.sessionIds).toEqual(ids);
    expect(rig.sessions.told.map(({ sessionId }) => sessionId)).toEqual(["other"]);
  });

  test("know the open issues that are linked to them", async () => {
    for (const title of ["a", "b", "c"]) await rig.make({ title, sessionId: "s1" });
    await rig.make({ title: "d", sessionId: "s2" });
    await rig.update({ number: 2n, status: CLOSED });
    await rig.update({ number: 3n, title: "cc" });
    await rig.restart();
    expect(rig.issues.openIssues.ofSession("s1", 10).map(({ title }) => title)).toEqual(["cc", "a"]);
    await rig.update({ number: 3n, removeLinks: { sessionIds: ["s1"] } });
    expect(rig.issues.openIssues.ofSession("s1", 10).map(({ title }) => title)).toEqual(["a"]);
    await rig.update({ number: 3n, addLinks: { sessionIds: ["s1"] } });
    expect(rig.issues.openIssues.ofSession("s1", 1)).toHaveLength(1);
  });
});

describe("from a chat", () => {
  const draft = (text: string, metadata: Record<string, string> = {}, userId = "ann"): Draft => {
    return { type: "issue", userId, userName: "Ann", text, metadata };
  };
  const send = (sent: Draft, sessionId = "s1") =>
    rig.issues.fromChat(sessionId, sent, EVERYBODY, (message, rows) => rig.sessions.post(sessionId, message, rows));

  test("a message makes an issue, in the transaction of the message", async () => {
    const message = await send(draft("pump is loud\nsince noon", { priority: "high", client_message_id: "c1" }));
    expect(message).toMatchObject({
      text: "pump is loud\nsince noon",
      userName: "Ann",
      metadata: { number: "1", revision: "1", priority: "high", client_message_id: "c1" },
      issue: {
        number: 1n,
        title: "pump is loud",
        description: "since noon",
        priority: "high",
        links: { sessionIds: ["s1"] },
      },
    });
    expect([kinds(), journal.appends]).toEqual([[`${SESSION_EVENT} s1`, `${ISSUE_EVENT} #1`], 1]);
  });

  test("one with a number comments and changes", async () => {
    await rig.make({ title: "a" });
    await send(draft("done", { number: "1", status: "closed" }, "bob"));
    expect(await rig.timeline(1n)).toEqual([
      "1 ann created=a",
      "2 bob status:open=closed link=session:s1 comment=done",
    ]);
    // It is kept also where it changes nothing.
    const again = await send(draft("", { number: "1", status: "closed" }, "bob"));
    expect(again).toMatchObject({ metadata: { revision: "2" }, issue: { status: CLOSED } });
    expect((await failureOf(send(draft("x", { number: "1", revision: "1" })))).status).toBe("ABORTED");
    expect((await failureOf(send(draft("x", { number: "7" })))).status).toBe("NOT_FOUND");
  });

  test("other sessions of the issue hear of it, this one once", async () => {
    rig.sessions.known.set("s2", true);
    await rig.make({ title: "a", links: { sessionIds: ["s2"] } });
    rig.sessions.told.splice(0);
    await send(draft("hello", { number: "1" }));
    expect(rig.sessions.told.map(({ sessionId, draft: { text } }) => [sessionId, text])).toEqual([
      ["s1", "hello"],
      ["s2", "issue 1, a: link +session:s1\nhello"],
    ]);
  });

  test("what cannot be kept changes nothing, and holds up nobody", async () => {
    await rig.make({ title: "a" });
    const refused = rig.issues.fromChat("s1", draft("x", { number: "1" }), EVERYBODY, () => {
      return Promise.reject(new Error("closed"));
    });
    const next = rig.update({ number: 1n, title: "b" });
    expect(await refused.catch(String)).toBe("Error: closed");
    expect(await next).toMatchObject({ title: "b", revision: 2n, comments: [] });
  });
});

test("inside of the server whoever acts is said beside the request", async () => {
  const request = create(CreateIssueRequestSchema, {
    title: "press-hot fired",
    userId: "mallory",
    sessionId: "alert-1",
  });
  const issue = await rig.issues.create(request, "rule press-hot", EVERYBODY);
  expect(issue).toMatchObject({ number: 1n, createdBy: "rule press-hot" });
  expect(journal.entries.map(({ actor }) => actor)).toEqual(["rule press-hot", "rule press-hot"]);
});
