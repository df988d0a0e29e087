/** Issues and their changes: the pure core. */
import "../../support/seed.ts";
import { create, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { changedIssue, issueBefore, newIssue } from "../../../src/collaboration/issues/change-issue.ts";
import { scopeOf } from "../../../src/collaboration/issues/issue-filter.ts";
import { meantBy } from "../../../src/collaboration/issues/issue-from-chat.ts";
import { checkedCreate, checkedUpdate } from "../../../src/collaboration/issues/issue-input.ts";
import { draftOf } from "../../../src/collaboration/issues/issue-telling.ts";
import { statusOfWord, statusWord, STATUSES } from "../../../src/collaboration/issues/issue-words.ts";
import {
  CreateIssueRequestSchema,
  IssueFilterSchema,
  IssueSchema,
  IssueStatus,
  UpdateIssueRequestSchema,
  type Issue,
} from "../../../src/wire/gen/issues_pb.ts";

type Create = MessageInitShape<typeof CreateIssueRequestSchema>;
type Update = MessageInitShape<typeof UpdateIssueRequestSchema>;

function made(request: Create = {}): Issue {
  const wanted = create(CreateIssueRequestSchema, { title: "pump is loud", ...request });
  return newIssue(checkedCreate(wanted), 1n, "ann", 1_000).issue;
}

function changed(issue: Issue, request: Update, by = "bob", atMs = 2_000) {
  return changedIssue(issue, checkedUpdate(create(UpdateIssueRequestSchema, { number: 1n, ...request })), by, atMs);
}

const said = (issue: Issue, request: Update) =>
  changed(issue, request).changes.map(({ field, before, after }) => `${field}:${before}=${after}`);

describe("an issue", () => {
  test("begins open, with what is asked for and its defaults", () => {
    expect(made({ labels: [" hot ", "hot", "pump"], links: { devices: ["p1", "p1"] } })).toMatchObject({
      number: 1n,
      status: IssueStatus.OPEN,
      priority: "medium",
      labels: ["hot", "pump"],
      links: { devices: ["p1"], alertIds: [] },
      createdBy: "ann",
      updatedBy: "ann",
      createdAt: timestampFromMs(1_000),
      revision: 1n,
    });
  });

  test("changes in what is different, and says what", () => {
    const issue = made({ labels: ["hot"], links: { devices: ["p1"] }, assignee: "eve" });
    const request: Update = {
      title: "pump is very loud",
      description: "since noon",
      status: IssueStatus.IN_PROGRESS,
      priority: "medium",
      assignee: "",
      addLabels: ["hot", "noise"],
      removeLabels: ["cold"],
      addLinks: { alertIds: ["a1"], devices: ["p1"] },
      removeLinks: { sessionIds: ["s"] },
      comment: "on my way",
    };
    expect(said(issue, request)).toEqual([
      "title:pump is loud=pump is very loud",
      "description:=since noon",
      "status:open=in_progress",
      "assignee:eve=",
      "label:=noise",
      "link:=alert:a1",
      "comment:=on my way",
    ]);
    expect(changed(issue, request).issue).toMatchObject({
      revision: 2n,
      updatedBy: "bob",
      updatedAt: timestampFromMs(2_000),
      createdBy: "ann",
      labels: ["hot", "noise"],
      comments: [{ userId: "bob", text: "on my way", at: timestampFromMs(2_000) }],
    });
    expect(issue).toEqual(made({ labels: ["hot"], links: { devices: ["p1"] }, assignee: "eve" }));
  });

  test("stays what it is where nothing is different", () => {
    const issue = made({ labels: ["hot"] });
    const same = changed(issue, { title: issue.title, addLabels: ["hot"], removeLabels: ["x"], comment: "  \n" });
    expect(same).toEqual({ issue, changes: [] });
  });

  test("has ended from when it is resolved or closed until it is opened again", () => {
    const resolved = changed(made(), { status: IssueStatus.RESOLVED }, "bob", 2_000).issue;
    const closed = changed(resolved, { status: IssueStatus.CLOSED }, "bob", 3_000).issue;
    expect([resolved.endedAt, closed.endedAt]).toEqual([timestampFromMs(2_000), timestampFromMs(2_000)]);
    const again = changed(closed, { status: IssueStatus.OPEN }, "bob", 4_000).issue;
    expect(again.endedAt).toBeUndefined();
    expect(changed(again, { status: IssueStatus.CLOSED }, "bob", 5_000).issue.endedAt).toEqual(timestampFromMs(5_000));
  });

  test("has at most 32 labels, 100 links of a kind and 1,000 comments; one that has more may lose some", () => {
    const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `n${from + i}`);
    const full = made({ labels: names(32), links: { devices: names(100) } });
    expect(() => changed(full, { addLabels: ["more"] })).toThrow("issue 1 would have 33 labels; wanted at most 32");
    expect(() => changed(full, { addLinks: { devices: ["more"] } })).toThrow("101 links of kind device");
    expect(said(full, { addLabels: ["more"], removeLabels: ["n0"] })).toEqual(["label:n0=", "label:=more"]);
    const comments = Array.from({ length: 1_000 }, () => ({
      $typeName: "analytics.IssueComment" as const,
      userId: "a",
      text: "t",
    }));
    expect(() => changed({ ...full, comments }, { comment: "more" })).toThrow("1001 comments; wanted at most 1000");
    const over = { ...full, labels: names(40) };
    expect(changed(over, { removeLabels: ["n1"] }).issue.labels).toHaveLength(39);
  });
});

describe("what is refused", () => {
  const refusals: [Create | Update, string][] = [
    [{ title: "" }, 'title is ""; wanted one line of text'],
    [{ title: "a\nb" }, "wanted one line of text"],
    [{ title: "x".repeat(257) }, "at most 256 characters"],
    [{ description: "ü".repeat(33_000) }, "description is"],
    [{ priority: "urgent" }, 'priority is "urgent"; wanted low, medium, high, critical'],
    [{ assignee: "x".repeat(257) }, "assignee is"],
    [{ sessionId: "no such/id" }, "session_id is"],
  ];
  for (const [request, sentence] of refusals) {
    test(`${Object.keys(request)[0]}: ${sentence}`, () => {
      const { sessionId, ...rest } = request;
      expect(() => made(request as Create)).toThrow(sentence);
      expect(() => changed(made(), sessionId === undefined ? (rest as Update) : { sessionId })).toThrow(sentence);
    });
  }

  test("of updates alone", () => {
    expect(() => changed(made(), { number: 0n })).toThrow("number is 0; wanted the number of an issue, from 1");
    expect(() => changed(made(), { status: 9 as IssueStatus })).toThrow("status is 9; wanted 1 (OPEN)");
    expect(() => changed(made(), { revision: -1n })).toThrow("revision is -1");
    expect(() => changed(made(), { comment: "x".repeat(16_385) })).toThrow("comment is");
    expect(() => changed(made(), { addLabels: [" "] })).toThrow("add_labels is");
    expect(() => changed(made(), { addLinks: { annotationIds: [""] } })).toThrow("add_links.annotation_ids is");
    expect(() => changed(made(), { removeLinks: { sessionIds: ["/"] } })).toThrow("remove_links.session_ids is");
  });

  test("of filters", () => {
    const filter = (wanted: MessageInitShape<typeof IssueFilterSchema>) => () =>
      scopeOf(create(IssueFilterSchema, wanted));
    expect(filter({ statuses: [7 as IssueStatus] })).toThrow("filter.statuses is 7");
    expect(filter({ priorities: ["?"] })).toThrow('filter.priorities is "?"');
    expect(filter({ text: "x".repeat(300) })).toThrow("filter.text is");
    expect(filter({ statuses: Array.from({ length: 17 }, () => IssueStatus.OPEN) })).toThrow("at most 16");
  });
});

test("hostile text stays text", () => {
  const text = "<script>\u202e\u0000\u001b[31m\n{{x}}";
  const issue = made({ description: text });
  expect(changed(issue, { comment: text }).issue).toMatchObject({ description: text, comments: [{ text }] });
});

test("status words are read back, however they are written", () => {
  for (const status of STATUSES) expect(statusOfWord(statusWord(status))).toBe(status);
  expect(["In Progress", "in-progress", " IN_PROGRESS "].map(statusOfWord)).toEqual(
    Array(3).fill(IssueStatus.IN_PROGRESS),
  );
  expect(statusOfWord("done")).toBeUndefined();
});

const name = fc.constantFrom("a", "b", "c", "d:e");
const names = fc.uniqueArray(name, { maxLength: 3 });
const links = fc.record({
  alertIds: names,
  devices: names,
  annotationIds: names,
  sessionIds: fc.uniqueArray(fc.constantFrom("s", "t")),
});
const update = fc.record(
  {
    title: name,
    description: name,
    status: fc.constantFrom(...STATUSES),
    priority: fc.constantFrom("low", "critical"),
    assignee: fc.constantFrom("", "a", "b"),
    addLabels: names,
    removeLabels: names,
    addLinks: links,
    removeLinks: links,
    comment: fc.constantFrom("", "said"),
  },
  { requiredKeys: [] },
);

test("what an issue was can be told from what it is and its changes", () => {
  const plain = (issue: Issue | undefined) => {
    if (issue === undefined) return undefined;
    const { title, description, status, priority, assignee, labels, links: all } = issue;
    const lists = [labels, all!.alertIds, all!.devices, all!.annotationIds, all!.sessionIds].map((list) =>
      [...list].sort(),
    );
    return { title, description, status, priority, assignee, lists };
  };
  fc.assert(
    fc.property(fc.array(update, { maxLength: 5 }), (updates) => {
      let issue = made();
      for (const [i, request] of updates.entries()) {
        const next = changed(issue, request);
        expect(next.issue.revision).toBe(issue.revision + (next.changes.length > 0 ? 1n : 0n));
        expect(plain(issueBefore(next.issue, next.changes))).toEqual(plain(issue));
        // What has been done is done.
        const { comment: _, ...rest } = request;
        if (i === updates.length - 1)
          expect(said(next.issue, rest).filter((one) => !/^(label|link)/.test(one))).toEqual([]);
        issue = next.issue;
      }
    }),
  );
  expect(issueBefore(made(), newIssue(create(CreateIssueRequestSchema), 1n, "a", 0).changes)).toBeUndefined();
});

test("filters take what meets all of them", () => {
  const issue = made({
    title: "Pump LOUD",
    description: "since Noon",
    labels: ["hot", "pump"],
    assignee: "ann",
    priority: "high",
    links: { devices: ["p1"], alertIds: ["a1"], sessionIds: ["s1"] },
  });
  const takes = (wanted: MessageInitShape<typeof IssueFilterSchema>) =>
    scopeOf(create(IssueFilterSchema, wanted)).takes(issue);
  const { OPEN, CLOSED, IN_PROGRESS } = IssueStatus;
  for (const wanted of [
    {},
    { statuses: [OPEN, CLOSED] },
    { priorities: ["low", "high"] },
    { assignee: "ann" },
    { labels: ["pump", "hot"] },
    { device: "p1", alertId: "a1", sessionId: "s1" },
    { text: "loud" },
    { text: "NOON" },
  ]) {
    expect([wanted, takes(wanted)]).toEqual([wanted, true]);
  }
  for (const wanted of [
    { statuses: [CLOSED] },
    { priorities: ["low"] },
    { assignee: "" },
    { labels: ["pump", "cold"] },
    { device: "p1", alertId: "a2" },
    { text: "quiet" },
  ]) {
    expect([wanted, takes(wanted)]).toEqual([wanted, false]);
  }
  expect(scopeOf(create(IssueFilterSchema, { statuses: [OPEN, IN_PROGRESS] })).isOfOpen).toBe(true);
  expect(scopeOf(create(IssueFilterSchema, { statuses: [OPEN, CLOSED] })).isOfOpen).toBe(false);
  expect(scopeOf(undefined).takes(issue)).toBe(true);
});

test("what a filter takes is never left unread for its text", () => {
  const text = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((one) => one.trim() === one);
  const label = fc.oneof(text, fc.constantFrom("a", "b"));
  fc.assert(
    fc.property(
      fc.array(label, { maxLength: 3 }),
      text,
      label,
      fc.nat(12),
      fc.boolean(),
      (labels, said, who, from, isTitle) => {
        const issue = {
          ...made({ links: { devices: labels } }),
          labels,
          assignee: who,
          [isTitle ? "title" : "description"]: said,
        };
        const filter = create(IssueFilterSchema, {
          labels: labels.slice(1),
          assignee: who,
          device: labels[0] ?? "",
          text: said.slice(from).toUpperCase(),
        });
        const scope = scopeOf(filter);
        const document = toJsonString(IssueSchema, issue);
        if (scope.takes(issue)) expect(scope.mayStandIn(document)).toBe(true);
        expect(scopeOf(create(IssueFilterSchema, { device: "elsewhere" })).mayStandIn(document)).toBe(false);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe("a message of type issue", () => {
  const meant = (text: string, metadata: Record<string, string> = {}) =>
    meantBy({ type: "issue", userId: "ann", userName: "Ann", text, metadata });

  test("without a number means a new issue: the first line is its title", () => {
    const metadata = {
      priority: "high",
      assignee: "bob",
      labels: "hot, pump,",
      alert_id: "a1",
      device: "p1",
      other: "x",
    };
    expect(meant("\n pump is loud \r\n\r\nsince noon\nand before\n", metadata)).toMatchObject({
      kind: "create",
      request: {
        title: "pump is loud",
        description: "since noon\nand before",
        priority: "high",
        assignee: "bob",
        labels: ["hot", " pump"],
        links: { alertIds: ["a1"], devices: ["p1"] },
      },
    });
    expect(() => meant("x", { status: "closed" })).toThrow('metadata.status is "closed"; wanted none');
  });

  test("with a number means a comment, or changes", () => {
    expect(meant("done", { number: "#12", status: "In progress", revision: "3", assignee: "" })).toMatchObject({
      kind: "update",
      request: { number: 12n, revision: 3n, comment: "done", status: IssueStatus.IN_PROGRESS, assignee: "" },
    });
    expect(() => meant("x", { number: "twelve" })).toThrow('metadata.number is "twelve"; wanted a whole number');
    expect(() => meant("x", { number: "0" })).toThrow("metadata.number is 0");
    expect(() => meant("x", { number: "1", status: "done" })).toThrow(
      'metadata.status is "done"; wanted open, in_progress',
    );
    expect(() => meant(" ", { number: "1" })).toThrow("wanted a comment, or a status");
    expect(meant("", { number: "1", labels: "hot" })).toMatchObject({ request: { addLabels: ["hot"], comment: "" } });
  });
});

test("what is told in a session says what changed, and carries the issue without its comments", () => {
  const issue = made({ assignee: "eve" });
  expect(draftOf(newIssue(create(CreateIssueRequestSchema, { title: "t" }), 7n, "ann", 0), "ann")).toMatchObject({
    type: "issue",
    userId: "ann",
    text: "issue 7, t: created",
    metadata: { number: "7", revision: "1" },
    issue: { number: 7n },
  });
  const request = {
    status: IssueStatus.CLOSED,
    assignee: "",
    description: "long",
    addLabels: ["hot"],
    comment: "done\nreally",
  };
  const { text, issue: told } = draftOf(changed(issue, request), "bob");
  expect(text).toBe(
    "issue 1, pump is loud: description changed, status open -> closed, assignee eve -> nobody, label +hot\ndone\nreally",
  );
  expect(told).toMatchObject({ revision: 2n, comments: [] });
  expect(draftOf(changed(issue, { comment: "c" }), "bob").text).toBe("issue 1, pump is loud: comment\nc");
});
