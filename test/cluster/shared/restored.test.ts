/** Nodes out of backups, over a real Redis: one among others that went on, and all of them where nothing else is left. */
import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backupMethods } from "../../../src/dashboard/backup.ts";
import { systemClock } from "../../../src/model/system-clock.ts";
import { ArchiveChain } from "../../../src/store/archive-chain.ts";
import { restore } from "../../../src/store/restore.ts";
import { runToEnd } from "../../../src/store/slice.ts";
import { verifyArchives, verifyDirectory } from "../../../src/store/verify.ts";
import { BackupRequestSchema } from "../../../src/wire/gen/store_pb.ts";
import type { CallContext } from "../../../src/wire/service.ts";
import { changeOf, eventOf, numbersOf, upTo } from "../../log/journal-rig.ts";
import { hasRedis } from "../redis-server.ts";
import { contentOf, SharedCluster, type SharedNode } from "./shared-rig.ts";

const COLLECTIONS = ["alerts", "token"];
const NO_POINTS = {
  beginBackup: async () => ({ files: [], markers: [], leftOut: [] }),
  readBackup: async () => null,
  endBackup: () => {},
};

/** What a node of the rig keeps, as a server backs it up. */
async function backUp({ own, shared }: SharedNode, file: string): Promise<void> {
  const deps = { store: NO_POINTS, state: own, shared, clock: systemClock, newBackupId: () => crypto.randomUUID() };
  const [method] = backupMethods(deps);
  const run = method.run as (request: unknown, context: CallContext) => AsyncIterable<{ data: Uint8Array }>;
  const parts = run(create(BackupRequestSchema, {}), { signal: new AbortController().signal } as CallContext);
  writeFileSync(file, Buffer.concat((await Array.fromAsync(parts)).map(({ data }) => data)));
}

async function restoreTo(dir: string, file: string): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  const chain = ArchiveChain.open([file]);
  const damage: string[] = [];
  const verified = runToEnd(verifyArchives(chain, (sentence) => damage.push(sentence)));
  await restore(chain, dir);
  chain.close();
  const restored = runToEnd(verifyDirectory(dir, (sentence) => damage.push(sentence)));
  expect(damage).toEqual([]);
  expect(restored.shared).toEqual(verified.shared!);
  expect(restored.shared!.entries).toBeGreaterThan(0);
}

describe.skipIf(!hasRedis)("nodes out of backups", () => {
  test("one catches up with those that went on, also where Redis was emptied, and cursors stay good", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    let b = await cluster.open("b");
    const file = join(cluster.dirOf("a"), "b.tar");
    await b.journal.append([eventOf(1)], [changeOf("k", 1), changeOf("gone", 1), changeOf("t", 1, "token")]);
    await backUp(b, file);
    await a.journal.append([eventOf(2), eventOf(3)], [changeOf("k", 2), { ...changeOf("gone", 2), value: null }]);
    await cluster.settled();
    const cursor = a.journal.cursorOf(a.shared.position);
    for (const isEmptied of [false, true]) {
      await b.close();
      await restoreTo(cluster.dirOf("b"), file);
      if (isEmptied) await cluster.server.restart();
      b = await cluster.open("b");
      await b.journal.append([eventOf(isEmptied ? 5 : 4)]);
      await cluster.settled();
      expect(await contentOf(b.journal, COLLECTIONS)).toEqual(await contentOf(a.journal, COLLECTIONS));
      expect(b.journal.positionOf(cursor)).toBe(a.journal.positionOf(cursor));
    }
    expect(numbersOf(a.heard)).toEqual(upTo(5, 1));
    expect(readdirSync(cluster.dirOf("b")).filter((name) => name.startsWith("shared"))).toEqual(["shared"]);
  }, 120_000);

  test("all of them begin with what the newest backup has, whichever comes first, under another epoch", async () => {
    await using cluster = await SharedCluster.start();
    const ids = ["a", "b", "c"];
    const fileOf = (id: string) => join(cluster.dirOf("a"), "..", `${id}.tar`);
    const nodes = [await cluster.open("a"), await cluster.open("b"), await cluster.open("c")];
    for (const [i, node] of nodes.entries()) {
      await node.journal.append([eventOf(i)], [changeOf("k", i)]);
      await cluster.settled();
      await backUp(node, fileOf(node.id));
    }
    const wanted = await contentOf(nodes[2].journal, COLLECTIONS);
    await nodes[0].journal.append([eventOf(99)], [changeOf("k", 99)]);
    const { journal } = nodes[0];
    const cursors = [journal.cursorOf(1), journal.cursorOf(journal.lastPosition)];
    await Promise.all(nodes.map((node) => node.close()));
    await cluster.server.restart();
    for (const id of ids) await restoreTo(cluster.dirOf(id), fileOf(id));
    const restored = await Promise.all(ids.map((id) => cluster.open(id)));
    await cluster.settled();
    for (const { journal: each, errors } of restored) {
      expect(await contentOf(each, COLLECTIONS)).toEqual(wanted);
      for (const cursor of cursors) expect(() => each.positionOf(cursor)).toThrow("it is of another journal");
      expect(errors).toEqual([]);
    }
    const [a, b, c] = restored;
    const begins = expect.stringContaining("with what its backup has up to position");
    expect(c.news).toEqual([expect.stringContaining("out of a backup"), begins]);
    for (const { news } of [a, b]) expect(news.join()).toContain("copy of before is kept in");
    await a.journal.append([eventOf(100)]);
    await cluster.settled();
    expect(numbersOf(b.heard)).toEqual([100]);
    // It is one as any other from now on.
    const { epoch } = c.shared;
    await c.close();
    expect((await cluster.open("c")).shared.epoch).toBe(epoch);
  }, 120_000);

  test("two that do not see each other begin one journal", async () => {
    await using cluster = await SharedCluster.start();
    const file = join(cluster.dirOf("a"), "..", "a.tar");
    const a = await cluster.open("a");
    await a.journal.append([eventOf(1)]);
    await backUp(a, file);
    await a.close();
    await cluster.server.restart();
    for (const id of ["a", "b"]) await restoreTo(cluster.dirOf(id), file);
    const deps = { members: () => [] };
    const nodes = await Promise.all(["a", "b"].map((id) => cluster.open(id, { deps })));
    await nodes[1].journal.append([eventOf(2)]);
    await cluster.settled();
    expect(nodes[0].shared.epoch).toBe(nodes[1].shared.epoch);
    for (const { journal } of nodes) expect(numbersOf((await contentOf(journal, [])).entries)).toEqual([1, 2]);
  }, 120_000);

  test("one alone waits for Redis, and one whose journal others do not have sets it aside", async () => {
    await using cluster = await SharedCluster.start();
    const file = join(cluster.dirOf("a"), "..", "a.tar");
    const a = await cluster.open("a");
    await a.journal.append([eventOf(1)]);
    await backUp(a, file);
    await a.close();
    await restoreTo(cluster.dirOf("a"), file);
    await cluster.server.kill();
    let isOpen = false;
    const opening = cluster.open("a").finally(() => (isOpen = true));
    await Bun.sleep(100);
    expect(isOpen).toBeFalse();
    await cluster.server.restart();
    expect(numbersOf((await contentOf((await opening).journal, [])).entries)).toEqual([1]);
    await restoreTo(cluster.dirOf("b"), file);
    const b = await cluster.open("b");
    expect(b.news.join()).toContain("copy of before is kept in");
  }, 120_000);
});
