/** Issues over the real journal: what a restart finds, and many of them. */
import { afterEach, expect, test } from "bun:test";
import type { CollaborationJournal } from "../../../src/collaboration/collaboration-journal.ts";
import { IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { openJournal } from "../../log/journal-rig.ts";
import { tempDir } from "../../support/server-process.ts";
import { failureOf, IssuesRig } from "./issues-rig.ts";

const { OPEN, IN_PROGRESS, CLOSED } = IssueStatus;
const dirs: Disposable[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) dir[Symbol.dispose]();
});

function newDir(): string {
  const dir = tempDir("issues");
  dirs.push(dir);
  return dir.path;
}

async function withIssues<T>(
  dir: string,
  run: (rig: IssuesRig, journal: CollaborationJournal) => Promise<T>,
): Promise<T> {
  await using open = await openJournal(dir);
  const rig = await IssuesRig.open(open.journal);
  const result = await run(rig, open.journal);
  expect([rig.troubles, open.errors, open.damage]).toEqual([[], [], []]);
  return result;
}

test("a restart finds all there was, goes on with the numbers, and watchers with their cursor", async () => {
  const dir = newDir();
  const cursor = await withIssues(dir, async (rig, journal) => {
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => rig.make({ title: `t${i}`, sessionId: i % 2 === 0 ? "s1" : "" })),
    );
    const behind = journal.cursorOf(journal.lastPosition);
    await rig.update({ number: 7n, status: CLOSED, comment: "done" });
    await rig.update({ number: 8n, status: IN_PROGRESS });
    return behind;
  });
  await withIssues(dir, async (rig) => {
    expect((await rig.make({ title: "next" })).number).toBe(51n);
    expect((await rig.list()).numbers).toEqual(Array.from({ length: 51 }, (_, i) => 51 - i));
    const open = await rig.list({ filter: { statuses: [OPEN, IN_PROGRESS] } });
    expect(open.numbers).toEqual(Array.from({ length: 51 }, (_, i) => 51 - i).filter((number) => number !== 7));
    expect(await rig.timeline(7n)).toEqual([
      expect.stringMatching(/^1 ann created=/),
      "2 ann status:open=closed comment=done",
    ]);
    expect((await rig.get(7n)).comments).toMatchObject([{ userId: "ann", text: "done" }]);
    const watcher = rig.watch({ cursor });
    for (let i = 0; i < 3; i++) await watcher.take();
    expect(await watcher.said()).toEqual(["7 r2 status,comment", "8 r2 status", "51 r1 created"]);
    await watcher.close();
  });
});

test("edits that meet are refused with the current one, over a restart, too", async () => {
  const dir = newDir();
  await withIssues(dir, async (rig) => {
    await rig.make({ title: "a" });
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => rig.update({ number: 1n, revision: 1n, title: `t${i}` })),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
  await withIssues(dir, async (rig) => {
    expect((await failureOf(rig.update({ number: 1n, revision: 1n, title: "b" }))).status).toBe("ABORTED");
    expect((await rig.update({ number: 1n, revision: 2n, title: "b" })).revision).toBe(3n);
  });
});

test("among thousands that are over, lists of what is open come without reading them", async () => {
  const dir = newDir();
  const count = 3_000;
  await withIssues(dir, async (rig) => {
    for (let from = 1; from <= count; from += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, i) => rig.make({ title: `t${from + i}`, assignee: "eve" })));
      const over = Array.from({ length: 500 }, (_, i) => from + i).filter((number) => number % 1_000 !== 0);
      await Promise.all(over.map((number) => rig.update({ number: BigInt(number), status: CLOSED })));
    }
  });
  await withIssues(dir, async (rig) => {
    expect(rig.issues.openIssues.count).toBe(3);
    expect((await rig.list({ filter: { statuses: [OPEN] } })).numbers).toEqual([3_000, 2_000, 1_000]);
    const all: number[] = [];
    for (let page = ""; ;) {
      const part = await rig.list({ page, limit: 700, filter: { assignee: "eve" } });
      all.push(...part.numbers);
      page = part.nextPage;
      if (page === "") break;
    }
    expect(all).toEqual(Array.from({ length: count }, (_, i) => count - i));
  });
}, 120_000);
