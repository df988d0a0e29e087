/** The journal that nodes share, over a real Redis: its order, who hears what, and how nodes come to it. */
import { describe, expect, test } from "bun:test";
import { changeOf, eventOf, upTo } from "../../log/journal-rig.ts";
import { hasRedis } from "../redis-server.ts";
import { contentOf, SharedCluster } from "./shared-rig.ts";

const COLLECTIONS = ["alerts", "token"];

describe.skipIf(!hasRedis)("nodes", () => {
  test("have the same entries at the same positions, and hear of what others did", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b, c] = [await cluster.open("a"), await cluster.open("b"), await cluster.open("c")];
    expect(new Set([a, b, c].map(({ journal }) => journal.epoch)).size).toBe(1);
    await Promise.all(
      upTo(60).map((n) => [a, b, c][n % 3].journal.append([eventOf(n), eventOf(n + 100)], [changeOf(`k${n % 7}`, n)])),
    );
    await cluster.settled();
    const [contentA, contentB, contentC] = await Promise.all(
      [a, b, c].map(({ journal }) => contentOf(journal, COLLECTIONS)),
    );
    expect(contentA.entries.length).toBe(120);
    expect(contentB).toEqual(contentA);
    expect(contentC).toEqual(contentA);
    for (const { heard, heardChanges, errors } of [a, b, c]) {
      expect(heard).toEqual(contentA.entries as never);
      // Its own changes it has made itself.
      expect(heardChanges.length).toBe(40);
      expect(errors).toEqual([]);
    }
  }, 30_000);
});
