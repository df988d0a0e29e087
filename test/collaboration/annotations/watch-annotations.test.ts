/** WatchAnnotations: what stands, the mark, what happens; going on behind a cursor; readers that fall behind. */
import { expect, test } from "bun:test";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { AnnotationsRig, at } from "./rig.ts";

const { editAnnotation, removeAnnotation } = Collaboration.method;

test("a snapshot of the range, its mark, then changes, whatever their time", async () => {
  const rig = new AnnotationsRig();
  await rig.create({ pin: { metric: "m" }, text: "before", from: at(1) });
  const inside = await rig.create({ pin: { metric: "m" }, text: "inside", from: at(5) });
  await rig.create({ pin: { metric: "other" }, text: "elsewhere", from: at(5) });
  const watcher = rig.watch({ filter: { metric: "m" }, from: at(2), to: at(9) });
  expect(await watcher.said()).toEqual(["inside r1", "snapshot end"]);
  await rig.create({ pin: { metric: "m" }, text: "far", from: at(900) });
  await rig.create({ pin: { metric: "other" }, text: "elsewhere", from: at(5) });
  await rig.call(editAnnotation, { id: inside.id, text: "changed" });
  await rig.call(removeAnnotation, { id: inside.id });
  expect(await watcher.said()).toEqual(["far r1", "changed r2", "changed r3 removed"]);
  await watcher.close();
  expect(watcher.ended).toBe("end");
});

test("without a range nothing of what stands; one that no longer is what was asked for leaves", async () => {
  const rig = new AnnotationsRig();
  const { id } = await rig.create({ pin: { metric: "m" }, tags: ["works"] });
  const watcher = rig.watch({ filter: { tags: ["works"] } });
  expect(await watcher.said()).toEqual(["snapshot end"]);
  await rig.create({ pin: { metric: "m" }, text: "no tag" });
  await rig.call(editAnnotation, { id, clearTags: true });
  await rig.call(editAnnotation, { id, tags: ["works", "late"] });
  expect(await watcher.said()).toEqual(["a note r2 removed", "a note r3"]);
  await watcher.close();
});

test("goes on behind any cursor: misses nothing and repeats nothing, also over a restart", async () => {
  const rig = new AnnotationsRig();
  for (let i = 0; i < 5; i++) await rig.create({ pin: { metric: i === 2 ? "other" : "m" }, text: `${i}` });
  rig.restart();
  const filter = { metric: "m" };
  const all = rig.watch({ cursor: rig.journal.cursorOf(0), filter }, true);
  for (let i = 0; i < 4; i++) await all.take();
  const texts = all.events.map(({ annotation }) => annotation!.text);
  expect(texts).toEqual(["0", "1", "3", "4"]);
  for (const [i, { cursor }] of all.events.entries()) {
    const resumed = rig.watch({ cursor, filter });
    await resumed.said().then((said) => expect(said).toEqual(texts.slice(i + 1).map((text) => `${text} r1`)));
    await rig.create({ pin: { metric: "m" }, text: `live ${i}` });
    expect((await resumed.said()).at(-1)).toBe(`live ${i} r1`);
    texts.push(`live ${i}`);
    await resumed.close();
  }
  await all.close();
});

test("what happens while the snapshot is read is told once, behind it", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  const { id } = await rig.create({ pin: { metric: "m" }, text: "stands" });
  const documents = journal.documents.bind(journal);
  let isFirst = true;
  journal.documents = async (query) => {
    if (isFirst) {
      isFirst = false;
      await rig.call(editAnnotation, { id, text: "changed" });
      await rig.create({ pin: { metric: "m" }, text: "new", from: at(-1) });
      const found = await documents(query);
      await rig.call(editAnnotation, { id, text: "changed again" });
      return found;
    }
    return documents(query);
  };
  const watcher = rig.watch({ from: at(-5) });
  expect(await watcher.said()).toEqual(["changed r2", "new r1", "snapshot end", "changed again r3"]);
  await watcher.close();
});

test("a reader that falls behind is disconnected, goes on behind its last cursor, and holds up nobody", async () => {
  const rig = new AnnotationsRig();
  const slow = rig.watch({}, true);
  const fast = rig.watch({});
  await slow.take();
  expect(await fast.said()).toEqual(["snapshot end"]);
  const waiting = slow.take();
  for (let i = 0; i < 1_002; i++) await rig.create({ pin: { metric: "m" }, text: `${i}` });
  expect((await fast.said()).length).toBe(1_002);
  await waiting;
  while (await slow.take());
  expect(slow.ended).toBe(
    "WatchpostError: this reader is 1000 changes of annotations behind; watch again with its last cursor",
  );
  const got = slow.events.filter(({ annotation }) => annotation !== undefined).length;
  const resumed = rig.watch({ cursor: slow.events.at(-1)!.cursor });
  expect((await resumed.said()).length).toBe(1_002 - got);
  for (const watcher of [resumed, fast]) await watcher.close();
});

test("cursors that nobody can go on from", async () => {
  const journal = new MemoryJournal();
  const rig = new AnnotationsRig(journal);
  for (let i = 0; i < 5; i++) await rig.create({ pin: { metric: "m" } });
  journal.firstPosition = 4;
  const watcher = rig.watch({ cursor: journal.cursorOf(1) });
  await watcher.said();
  expect(watcher.ended).toContain("what follows the cursor is no longer kept");
  const wrong = rig.watch({ from: at(2), to: at(1) });
  await wrong.said();
  expect(wrong.ended).toContain("to is");
});
