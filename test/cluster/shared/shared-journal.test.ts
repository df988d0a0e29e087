/** The journal that nodes share, over a real Redis: its order, who hears what, how nodes come to it, and what fences keep out. */
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { WatchpostError } from "../../../src/model/errors.ts";
import { openLog } from "../../log/harness.ts";
import { changeOf, eventOf, numbersOf, upTo } from "../../log/journal-rig.ts";
import { hasRedis } from "../redis-server.ts";
import { contentOf, SharedCluster, type SharedNode, until } from "./shared-rig.ts";

const COLLECTIONS = ["alerts", "token"];
const failure = (error: unknown) => error as WatchpostError;

async function expectEqual(nodes: readonly SharedNode[]): Promise<void> {
  const [first, ...others] = await Promise.all(nodes.map(({ journal }) => contentOf(journal, COLLECTIONS)));
  for (const other of others) expect(other).toEqual(first);
}

describe.skipIf(!hasRedis)("nodes", () => {
  test("have the same entries at the same positions, and hear of what others did", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const [b, c] = await Promise.all([cluster.open("b"), cluster.open("c")]);
    expect(new Set([a, b, c].map(({ journal }) => journal.epoch)).size).toBe(1);
    const heard: string[] = [];
    const told = a.journal.append([eventOf(-1)]).then(() => heard.push("told"));
    a.journal.follow((entries) => heard.push(`heard ${numbersOf(entries)}`));
    await told;
    expect(heard).toEqual(["heard -1", "told"]);
    const appended = await Promise.all(
      upTo(60).map((n) => [a, b, c][n % 3].journal.append([eventOf(n), eventOf(n + 100)], [changeOf(`k${n % 7}`, n)])),
    );
    await cluster.settled();
    const content = await contentOf(a.journal, COLLECTIONS);
    expect(content.entries.length).toBe(121);
    expect(content.entries).toEqual(expect.arrayContaining(appended.flat()));
    await expectEqual([a, b, c]);
    for (const { heard: all, heardChanges, errors, journal, shared } of [a, b, c]) {
      expect(all).toEqual(content.entries as never);
      // Its own changes it has made itself.
      expect(heardChanges.length).toBe(40);
      expect(errors).toEqual([]);
      expect(journal.lastPosition).toBe(shared.position);
      for (const { position } of content.entries)
        expect(journal.positionOf(a.journal.cursorOf(position))).toBe(position);
    }
  }, 120_000);

  test("begin with what the first has, but for what is of its points; others' own stays where it was", async () => {
    await using cluster = await SharedCluster.start();
    const cells = [
      changeOf("t", 1, "token"),
      changeOf("o", 1, "forwarding.origin"),
      changeOf("s", 1, "upstream.source"),
    ];
    for (const id of ["a", "b"]) {
      const { log } = await openLog(cluster.dirOf(id));
      await log.commitJournal([eventOf(1)], [...cells, changeOf("id", 1, "node"), changeOf(`of-${id}`, 1)]);
      await log.commitJournal([eventOf(2), eventOf(3)], []);
      await log.close();
    }
    const a = await cluster.open("a");
    const b = await cluster.open("b");
    await b.journal.append([eventOf(4)]);
    await cluster.settled();
    await expectEqual([a, b]);
    const { entries, documents } = await contentOf(b.journal, [...COLLECTIONS, "forwarding.origin", "node"]);
    expect(entries.map(({ position }) => position).slice(0, 3)).toEqual([1, 2, 3]);
    expect(numbersOf(entries)).toEqual(upTo(4, 1));
    expect(documents.map(({ key }) => key)).toEqual(["of-a", "t"]);
    expect(a.news).toEqual([expect.stringContaining("this node begins the journal")]);
    expect(b.news[0]).toContain("this node joins the journal of others");
    expect((await b.own.readDocument("alerts", "of-b")).documents.length).toBe(1);
  }, 120_000);

  test("that were away go on by the stream, or by another node's copy where that does not reach", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    let b = await cluster.open("b");
    await b.journal.append([eventOf(0)], [changeOf("kept", 0), changeOf("gone", 0), changeOf("changed", 0)]);
    await b.close();
    await a.journal.append([eventOf(1)], [changeOf("changed", 1)]);
    b = await cluster.open("b");
    await cluster.settled();
    await expectEqual([a, b]);
    expect(b.news).toEqual([]);

    b.redis.cut();
    expect(await b.journal.append([eventOf(9)]).catch(failure)).toMatchObject({ status: "UNAVAILABLE" });
    for (const n of upTo(20, 2)) await a.journal.append([eventOf(n)], [changeOf("changed", n)]);
    await a.journal.append([eventOf(22)], [changeOf("gone", null), changeOf("new", 1)]);
    const redis = await cluster.redis();
    await redis.call("XTRIM", "{test}:journal", "MAXLEN", 2);
    await redis.close();
    b.redis.mend();
    await cluster.settled();
    await expectEqual([a, b]);
    expect(b.news).toEqual([expect.stringContaining("was read from another node")]);
    expect(numbersOf(b.heard)).toEqual(upTo(21, 2));
    expect(b.heardChanges).toEqual([
      changeOf("changed", 21),
      { ...changeOf("gone", null), sort: 0 },
      changeOf("new", 1),
    ]);
  }, 120_000);

  test("that end without a close keep what was told, and their cursors", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const b = await cluster.open("b");
    const [{ position }] = await b.journal.append([eventOf(1)], [changeOf("k", 1)]);
    const cursor = b.journal.cursorOf(position);
    const crashed = `${cluster.dirOf("b")}-crashed`;
    cpSync(cluster.dirOf("b"), crashed, { recursive: true });
    await b.close();
    renameSync(crashed, cluster.dirOf("c"));
    const c = await cluster.open("c");
    expect(c.journal.positionOf(cursor)).toBe(position);
    const [next] = await c.journal.append([eventOf(2)]);
    expect(next.position).toBe(position + 1);
    await cluster.settled();
    await expectEqual([a, c]);
    expect(c.news).toEqual([]);
  }, 120_000);

  test("that are of another journal set theirs aside at a start, and append nothing until then", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    await a.journal.append([eventOf(1)]);
    const redis = await cluster.redis();
    const epoch = a.journal.epoch;
    await redis.call("HSET", "{test}:journal:head", "epoch", epoch === 7 ? 8 : 7);
    await until(() => a.shared.trouble.includes("of other nodes"), "it is estranged");
    expect(await a.journal.append([eventOf(2)]).catch(failure)).toMatchObject({ status: "UNAVAILABLE" });
    expect(a.troubles).toEqual([expect.stringContaining("a restart of this node joins them")]);
    await a.close();
    mkdirSync(join(cluster.dirOf("a"), `shared-${epoch}`));
    await redis.call("DEL", "{test}:journal:head", "{test}:journal");
    const b = await cluster.open("b");
    await b.journal.append([eventOf(3)]);
    const again = await cluster.open("a");
    await cluster.settled();
    await expectEqual([again, b]);
    expect(again.news[0]).toContain(`kept in ${join(cluster.dirOf("a"), `shared-${epoch}-2`)}`);
    expect(existsSync(join(cluster.dirOf("a"), `shared-${epoch}-2`, "state.db"))).toBe(true);
    await redis.close();
  }, 120_000);

  test("without a copy wait for Redis and for whoever has the journal, until they are told not to", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const nobody = async function* () {
      throw new WatchpostError("UNAVAILABLE", "nobody can be asked");
    };
    const troubles: string[] = [];
    const cancel = new AbortController();
    const deps = { readSharedState: nobody, onTrouble: (sentence: string) => void troubles.push(sentence) };
    const waiting = cluster.open("b", { signal: cancel.signal, deps }).catch(failure);
    await until(() => troubles.length > 0, "it says what it waits for");
    expect(troubles[0]).toContain("nobody can be asked");
    cancel.abort();
    expect(await waiting).toMatchObject({ status: "CANCELLED" });
    const b = await cluster.open("b");
    await a.journal.append([eventOf(1)]);
    await cluster.settled();
    await expectEqual([a, b]);
  }, 120_000);

  test("that begin at once are of one journal", async () => {
    await using cluster = await SharedCluster.start();
    const nodes = await Promise.all(upTo(4).map((n) => cluster.open(`n${n}`)));
    await Promise.all(nodes.map(({ journal }, n) => journal.append([eventOf(n)])));
    await cluster.settled();
    await expectEqual(nodes);
    expect(nodes.filter(({ news }) => news[0].includes("begins")).length).toBe(1);
    for (const { id } of nodes)
      expect(readdirSync(cluster.dirOf(id)).filter((name) => name.startsWith("shared"))).toEqual(["shared"]);
  }, 120_000);
});

describe.skipIf(!hasRedis)("a journal", () => {
  test("with a fence takes nothing once another one holds the lease, and waits while nobody does", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    const redis = await cluster.redis();
    const key = "{test}:desk";
    const first = a.shared.journal({ key, token: "first" });
    const second = b.shared.journal({ key, token: "second" });
    const later = await first.append([eventOf(0)]).catch(failure);
    expect(later).toMatchObject({ status: "UNAVAILABLE", retryAfterMs: expect.any(Number) });
    await redis.call("SET", key, "first");
    await first.append([eventOf(1)], [changeOf("k", 1)]);
    await redis.call("SET", key, "second");
    const refused = first.append([eventOf(2)]).catch(failure);
    expect(await refused).toMatchObject({
      status: "FAILED_PRECONDITION",
      message: expect.stringContaining("desk has moved"),
    });
    await b.shared.caughtUp(AbortSignal.timeout(30_000));
    expect(numbersOf(await second.read({ after: 0, limit: 9 }))).toEqual([1]);
    await second.append([eventOf(3)], [changeOf("k", 3)]);
    await redis.call("SET", key, "first");
    expect(await first.append([eventOf(4)]).catch(failure)).toMatchObject({ status: "FAILED_PRECONDITION" });
    await a.journal.append([eventOf(5)]);
    await cluster.settled();
    expect(numbersOf(a.heard)).toEqual([1, 3, 5]);
    await expectEqual([a, b]);
    await Promise.all([first.close(), second.close(), redis.close()]);
  }, 120_000);

  test("keeps the order of its appends, and hears of what others of its process did", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const other = a.shared.journal();
    const changes: string[] = [];
    other.followChanges((told) => changes.push(...told.map(({ key, value }) => `${key} ${value}`)));
    const order: number[] = [];
    await Promise.all(upTo(30).map((n) => a.journal.append([eventOf(n)]).then(() => order.push(n))));
    expect(order).toEqual(upTo(30));
    expect(numbersOf(a.heard)).toEqual(upTo(30));
    await a.journal.append([], [changeOf("k", 1)]);
    await other.append([], [changeOf("own", 1)]);
    await a.journal.append([eventOf(30)], [changeOf("k", null)]);
    expect(changes).toEqual(['k {"n":1}', "k null"]);
    expect(other.lastPosition).toBe(a.shared.position);
    await other.trim(10);
    expect([a.journal.firstPosition, other.firstPosition, a.shared.journal().firstPosition]).toEqual([11, 11, 11]);
    await other.close();
    await a.journal.append([], [changeOf("k", 2)]);
    expect(changes.length).toBe(2);
  }, 120_000);

  test("is read by one node at a time", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    await a.journal.append([eventOf(1)], [changeOf("k", 1)]);
    const reading = a.shared.readState(0);
    const { value: page } = await reading.next();
    expect(page!.documents.map((document: { key: string }) => document.key)).toEqual(["k"]);
    expect(await a.shared.readState(0).next().catch(failure)).toMatchObject({ status: "RESOURCE_EXHAUSTED" });
    await reading.return(undefined);
    for await (const _ of a.shared.readState(0));
  }, 120_000);
});
