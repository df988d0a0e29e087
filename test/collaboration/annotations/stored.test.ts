/** Annotations over a journal on disk: what was answered is there after the next start. */
import { expect, test } from "bun:test";
import { openJournal } from "../../log/journal-rig.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { tempDir } from "../../support/server-process.ts";
import { AnnotationsRig, at } from "./rig.ts";

const { editAnnotation, getAnnotation, removeAnnotation } = Collaboration.method;

test("made, edited and removed, then the next start: lists, history and a watch that goes on", async () => {
  using dir = tempDir("annotations");
  const ids: string[] = [];
  let cursor = "";
  {
    await using opened = await openJournal(dir.path);
    const rig = new AnnotationsRig(opened.journal);
    const watcher = rig.watch({});
    for (let i = 0; i < 5; i++) {
      ids.push((await rig.create({ pin: { metric: "m" }, text: `${i}`, from: at(i), sessionId: "s1" })).id);
    }
    await watcher.said();
    await watcher.close();
    cursor = opened.journal.cursorOf(opened.journal.lastPosition);
    await rig.call(editAnnotation, { id: ids[1], text: "1 changed", to: at(3_000) });
    await rig.call(removeAnnotation, { id: ids[2] });
  }
  await using opened = await openJournal(dir.path);
  const rig = new AnnotationsRig(opened.journal);
  expect(await rig.list()).toEqual(["4", "3", "1 changed", "0"]);
  expect(await rig.list({ from: at(2_000) })).toEqual(["1 changed"]);
  expect(await rig.list({ filter: { sessionId: "s1" }, includeRemoved: true })).toEqual([
    "4",
    "3",
    "2",
    "1 changed",
    "0",
  ]);
  const { history } = await rig.call(getAnnotation, { id: ids[2] });
  expect(history.map(({ revision, removed }) => [revision, removed])).toEqual([
    [1n, false],
    [2n, true],
  ]);
  const resumed = rig.watch({ cursor });
  while (resumed.events.length < 2 && resumed.ended === "") await Bun.sleep(1);
  expect(await resumed.said()).toEqual(["1 changed r2", "2 r2 removed"]);
  await resumed.close();
});
