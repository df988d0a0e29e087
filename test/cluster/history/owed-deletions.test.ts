/** Series that were deleted while a node was away: it deletes them once it is back, but for those that points have come of since. */
import { expect, test } from "bun:test";
import { OwedDeletions, oweDeletion } from "../../../src/cluster/history/owed-deletions.ts";
import { WatchpostError } from "../../../src/model/errors.ts";
import type { DocumentChange } from "../../../src/model/journal.ts";
import { NOVEMBER_US } from "../../store/harness.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";
import { openNodes } from "./nodes-rig.ts";

const DAY_MS = 86_400_000;
const START_MS = NOVEMBER_US / 1_000;

function createRig() {
  const rig = openNodes([
    [0, 1, 2, 3],
    [3, 2, 1, 0],
  ]);
  const journal = Object.assign(new MemoryJournal(), {
    hear: (_: readonly DocumentChange[]) => {},
    followChanges(listener: (changes: readonly DocumentChange[]) => void) {
      journal.hear = listener;
      return () => {};
    },
  });
  const [clock, told]: [ManualClock, string[]] = [new ManualClock(START_MS + DAY_MS), []];
  const [, { history, retired, ids }] = rig.nodes;
  const open = () =>
    new OwedDeletions({
      ...{ journal, registry: history.registry, store: history.store, nodeId: "node-1", clock },
      retire: (seriesIds) => history.retire(seriesIds),
      onNews: (sentence) => told.push(sentence),
      onTrouble: (sentence) => told.push(sentence),
    });
  const owed = async () =>
    (await journal.documents({ collection: "cluster.deleted", limit: 100 })).map(({ key }) => key);
  return { rig, journal, clock, told, retired, ids, open, owed };
}

test("a node makes good what it owes, keeps what has new points, and leaves to others what they owe", async () => {
  const { rig, journal, clock, told, retired, ids, open, owed } = createRig();
  using _ = rig;
  // Each a second later.
  rig.write(1, [[0, NOVEMBER_US, 1]]);
  rig.write(1, [[1, NOVEMBER_US, 1]]);
  rig.write(1, [[1, NOVEMBER_US + 1, 2]]);
  const atMs = START_MS + 2_000;
  await oweDeletion(journal, "node-1", [rig.keys[0], rig.keys[1], "never heard of"], atMs);
  await oweDeletion(journal, "node-2", [rig.keys[0]], atMs);
  const deletions = open();
  await deletions.look();
  expect(retired).toEqual([ids[0]]);
  expect(told).toEqual([
    expect.stringContaining("1 series that were deleted while this node was away"),
    expect.stringContaining("1 series that were deleted while this node was away"),
  ]);
  expect(told[1]).toContain("stay: points came here since");
  expect(await owed()).toEqual([expect.stringMatching(/^node-2 /)]);
  // What comes while it is there, as where it could not be called.
  await oweDeletion(journal, "node-1", [rig.keys[2]], START_MS + 9_000);
  const [key] = (await owed()).filter((each) => each.startsWith("node-1"));
  journal.hear([{ collection: "cluster.deleted", key, sort: 0, value: "{}" }]);
  await deletions.look();
  await deletions.close();
  expect(retired).toEqual([ids[0], ids[2]]);
  // Nobody waits for ever for the other one.
  clock.advance(91 * DAY_MS);
  await open().look();
  expect(await owed()).toEqual([]);
});

test("what fails is tried again", async () => {
  const { rig, journal, clock, told, retired, ids, open, owed } = createRig();
  using _ = rig;
  rig.write(1, [[0, NOVEMBER_US, 1]]);
  await oweDeletion(journal, "node-1", [rig.keys[0]], START_MS + 5_000);
  journal.failure = new WatchpostError("UNAVAILABLE", "Redis is away");
  const deletions = open();
  await deletions.look();
  expect(told.at(-1)).toContain("are not deleted yet: Redis is away");
  journal.failure = null;
  clock.advance(10_000);
  await deletions.look();
  await deletions.close();
  expect(retired).toEqual([ids[0]]);
  expect(await owed()).toEqual([]);
});
