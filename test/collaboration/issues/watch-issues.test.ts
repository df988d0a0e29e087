/** WatchIssues: what stands, the mark, what happens; going on behind a cursor, and readers that do not keep up. */
import { beforeEach, expect, test } from "bun:test";
import { ISSUE_EVENT } from "../../../src/collaboration/collaboration-journal.ts";
import { IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { IssuesRig, rest } from "./issues-rig.ts";

const { OPEN, IN_PROGRESS, CLOSED } = IssueStatus;
let journal: MemoryJournal;
let rig: IssuesRig;

beforeEach(async () => {
  journal = new MemoryJournal();
  rig = await IssuesRig.open(journal);
});

test("what stands comes first, the newest first, then a mark, then what happens", async () => {
  await rig.make({ title: "a" });
  await rig.make({ title: "b" });
  await rig.update({ number: 1n, comment: "hello" });
  const watcher = rig.watch().takeAll();
  await rest();
  expect(watcher.messages.map(({ issue, cursor, event }) => [issue?.comments, cursor, event])).toEqual([
    [[], "", undefined],
    [[], "", undefined],
    [undefined, journal.cursorOf(3), undefined],
  ]);
  expect(await watcher.said()).toEqual(["2 r1", "1 r2", "mark"]);
  await rig.update({ number: 2n, userId: "bob", status: CLOSED, comment: "done" });
  await rest();
  expect(watcher.messages).toMatchObject([
    {
      issue: { number: 2n, status: CLOSED, comments: [] },
      event: {
        userId: "bob",
        revision: 2n,
        changes: [{ field: "status", before: "open", after: "closed" }, { after: "done" }],
      },
      removed: false,
      cursor: journal.cursorOf(4),
    },
  ]);
  await watcher.close();
});

test("what was asked for and no longer is, is removed; what becomes it, comes", async () => {
  await rig.make({ title: "a", labels: ["hot"] });
  await rig.make({ title: "b" });
  const watcher = rig.watch({ filter: { statuses: [OPEN, IN_PROGRESS], labels: ["hot"] } }).takeAll();
  expect(await watcher.said()).toEqual(["1 r1", "mark"]);
  await rig.update({ number: 2n, comment: "not yours" });
  await rig.update({ number: 2n, addLabels: ["hot"] });
  await rig.update({ number: 1n, status: IN_PROGRESS });
  await rig.update({ number: 1n, status: CLOSED, comment: "done" });
  await rig.update({ number: 1n, comment: "over" });
  await rig.update({ number: 2n, removeLabels: ["hot"] });
  expect(await watcher.said()).toEqual([
    "2 r3 label",
    "1 r2 status",
    "1 r3 status,comment removed",
    "2 r4 label removed",
  ]);
  await watcher.close();
});

test("a cursor goes on behind its message, also over a restart, without a snapshot", async () => {
  await rig.make({ title: "a" });
  const watcher = rig.watch().takeAll();
  await rest();
  const [, { cursor }] = watcher.messages;
  await watcher.close();
  for (let i = 0; i < 250; i++) await rig.update({ number: 1n, title: `t${i}` });
  await rig.restart();
  const resumed = rig.watch({ cursor }).takeAll();
  await rig.update({ number: 1n, title: "last" });
  await rest();
  const revisions = resumed.messages.map(({ issue }) => Number(issue!.revision));
  expect(revisions).toEqual(Array.from({ length: 251 }, (_, i) => i + 2));
  expect(resumed.messages.some(({ snapshotEnd }) => snapshotEnd)).toBe(false);
  const middle = rig.watch({ cursor: resumed.messages[99].cursor, filter: { text: "T24" } }).takeAll();
  expect(await middle.said()).toEqual([
    ...Array.from({ length: 10 }, (_, i) => `1 r${242 + i} title`),
    "1 r252 title removed",
  ]);
  await resumed.close();
  await middle.close();
});

test("a cursor that nobody can go on from is refused", async () => {
  await rig.make({ title: "a" });
  await rig.make({ title: "b" });
  journal.firstPosition = 3;
  const watcher = rig.watch({ cursor: journal.cursorOf(1) }).takeAll();
  await rest();
  expect(watcher.ended).toContain("what follows the cursor is no longer kept");
});

test("what changes while the snapshot is read is in it, or comes before the mark", async () => {
  for (let i = 1; i <= 40; i++) await rig.make({ title: `t${i}` });
  const watcher = rig.watch({ filter: { statuses: [OPEN] } });
  for (let i = 0; i < 10; i++) await watcher.take();
  // Passed already, to come, closed before it is come to, new.
  await rig.update({ number: 40n, title: "passed" });
  await rig.update({ number: 1n, title: "to come" });
  await rig.update({ number: 2n, status: CLOSED });
  await rig.make({ title: "new" });
  watcher.takeAll();
  const said = await watcher.said();
  const [snapshot, after] = [said.slice(0, said.indexOf("mark")), said.slice(said.indexOf("mark"))];
  expect(after).toEqual(["mark"]);
  // The last that is said of each.
  const standing = new Map(snapshot.map((one) => [one.split(" ")[0], one]));
  const open = [...standing.values()]
    .filter((one) => !one.endsWith("removed"))
    .map((one) => one.split(" ").slice(0, 2).join(" "));
  const wanted = ["40 r2", "1 r2", "41 r1", ...Array.from({ length: 37 }, (_, i) => `${i + 3} r1`)];
  expect(open.sort()).toEqual(wanted.sort());
  expect(snapshot.filter((one) => one.startsWith("1 "))).toHaveLength(1);
  await watcher.close();
});

test("a reader that falls behind is disconnected, and goes on from its cursor; others are not slowed", async () => {
  await rig.make({ title: "a" });
  const [slow, fast] = [rig.watch(), rig.watch().takeAll()];
  while (slow.messages.at(-1)?.snapshotEnd !== true) await slow.take();
  await rig.update({ number: 1n, title: "first" });
  await slow.take();
  for (let i = 0; i < 1_002; i++) {
    await rig.update({ number: 1n, title: `t${i}` });
    await rest();
  }
  expect((await fast.said()).length).toBe(1_005);
  while (await slow.take());
  expect(slow.ended).toContain("more than 1000 changes of issues behind; watch again with its last cursor");
  const again = rig.watch({ cursor: slow.messages.at(-1)!.cursor }).takeAll();
  await rest();
  expect(again.messages.map(({ issue }) => issue!.title)).toEqual(Array.from({ length: 1_002 }, (_, i) => `t${i}`));
  await Promise.all([slow, fast, again].map((one) => one.close()));
}, 120_000);

test("a reader that falls behind by much text is, too", async () => {
  await rig.make({ title: "a" });
  const slow = rig.watch();
  while (slow.messages.at(-1)?.snapshotEnd !== true) await slow.take();
  const text = "x".repeat(60_000);
  for (let i = 0; i < 60; i++) await rig.update({ number: 1n, description: `${text}${i}` });
  while (await slow.take());
  expect(slow.ended).toContain("watch again with its last cursor");
  await slow.close();
});

test("an entry of another version is left out, and said", async () => {
  await rig.make({ title: "a" });
  await journal.append([{ atMs: 0, kind: ISSUE_EVENT, subject: "#1", actor: "x", payload: "no JSON" }]);
  await rig.update({ number: 1n, title: "b" });
  const watcher = rig.watch({ cursor: journal.cursorOf(1) }).takeAll();
  expect(await watcher.said()).toEqual(["1 r2 title"]);
  expect(rig.troubles).toEqual([
    expect.stringContaining("journal entry 2 is in a format that this version does not know"),
  ]);
  await watcher.close();
});

test("a watcher that leaves is forgotten", async () => {
  const watcher = rig.watch().takeAll();
  await watcher.said();
  await watcher.close();
  expect(watcher.ended).toBe("end");
  await rig.make({ title: "a" });
  expect(await watcher.said()).toEqual([]);
});
