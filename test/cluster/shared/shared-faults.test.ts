/** What becomes of appends and of the journal that nodes share where Redis is away, full, emptied, or loses its answers. */
import { describe, expect, test } from "bun:test";
import type { WatchpostError } from "../../../src/model/errors.ts";
import type { JournalEvent } from "../../../src/model/journal.ts";
import { changeOf, eventOf, numbersOf, upTo } from "../../log/journal-rig.ts";
import { hasRedis } from "../redis-server.ts";
import { FaultyRedis, lostAnswer } from "./faulty-redis.ts";
import { contentOf, recordOf, SharedCluster, type SharedNode, until } from "./shared-rig.ts";

const failure = (error: unknown) => error as WatchpostError;

/** Of all nodes the same, each once. */
async function expectNumbers(nodes: readonly SharedNode[], numbers: readonly number[]): Promise<void> {
  const contents = await Promise.all(nodes.map(({ journal }) => contentOf(journal, ["alerts"])));
  expect(numbersOf(contents[0].entries)).toEqual([...numbers]);
  for (const content of contents) expect(content).toEqual(contents[0]);
}

/** The next run of a script of that name goes as told; later ones as ever. */
function once(redis: FaultyRedis, name: string, how: (run: () => Promise<unknown>) => Promise<never>): void {
  redis.onRun = async (script, run) => {
    if (script.name !== name) return run();
    redis.onRun = (_, next) => next();
    return how(run);
  };
}

describe.skipIf(!hasRedis)("an append", () => {
  test("whose answer is lost came once, whether Redis did it or not", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    once(a.redis, "append", async (run) => {
      await run();
      throw lostAnswer();
    });
    expect(await a.journal.append([eventOf(0)], [changeOf("k", 0)])).toMatchObject([eventOf(0)]);
    once(a.redis, "append", async () => {
      throw lostAnswer();
    });
    await a.journal.append([eventOf(1)], [changeOf("k", 1)]);
    // As what is on its way still, over a connection of before.
    const late = Promise.withResolvers<() => Promise<unknown>>();
    once(a.redis, "append", async (run) => {
      late.resolve(run);
      throw lostAnswer();
    });
    await a.journal.append([eventOf(2)], [changeOf("k", 2)]);
    const came = (await (await late.promise)()) as Buffer[];
    expect(came.toString()).toBe("settled");
    await a.journal.append([eventOf(3)]);
    await cluster.settled();
    await expectNumbers([a, b], upTo(4));
  }, 120_000);

  test("that stood in the stream when the node was cut off is answered when it is back", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    once(a.redis, "append", async (run) => {
      a.redis.cut();
      await run();
      throw lostAnswer();
    });
    const append = a.journal.append([eventOf(0)]);
    await until(() => b.heard.length === 1, "the other node has it");
    a.redis.mend();
    expect(await append).toEqual(b.heard);
    await cluster.settled();
    await a.journal.append([eventOf(1)]);
    await cluster.settled();
    await expectNumbers([a, b], upTo(2));
  }, 120_000);

  test("is found in another node's copy, too, and one of documents alone is made again", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    const redis = await cluster.redis();
    const appendCutOff = async (events: readonly JournalEvent[], key: string) => {
      once(a.redis, "append", async (run) => {
        a.redis.cut();
        await run();
        throw lostAnswer();
      });
      const append = a.journal.append(events, [changeOf(key, 1)]);
      await until(() => b.heardChanges.some((change) => change.key === key), "the other node has it");
      await b.journal.append([eventOf(9)]);
      await redis.call("XTRIM", "{test}:journal", "MAXLEN", 1);
      a.redis.mend();
      const entries = await append;
      await cluster.settled();
      return entries;
    };
    expect(await appendCutOff([eventOf(0)], "with")).toMatchObject([eventOf(0)]);
    expect(await appendCutOff([], "without")).toEqual([]);
    await redis.close();
    await expectNumbers([a, b], [0, 9, 9]);
    expect(a.news.filter((line) => line.includes("was read from another node")).length).toBe(2);
  }, 120_000);

  test("that no node has any more is tried again", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    b.redis.cut();
    const came = Promise.withResolvers<unknown>();
    once(a.redis, "append", async (run) => {
      a.redis.cut();
      came.resolve(await run());
      throw lostAnswer();
    });
    const append = a.journal.append([eventOf(0)]);
    expect(String(await came.promise)).toStartWith("ok");
    const redis = await cluster.redis();
    await redis.call("FLUSHALL");
    await redis.close();
    a.redis.mend();
    b.redis.mend();
    expect(await append).toMatchObject([eventOf(0)]);
    await cluster.settled();
    await expectNumbers([a, b], [0]);
  }, 120_000);

  test("is refused while Redis is full, and nothing of it is kept", async () => {
    await using cluster = await SharedCluster.start(["--maxmemory", "3mb"]);
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    const redis = await cluster.redis();
    await a.journal.append([eventOf(0)]);
    let filled = 0;
    while ((await redis.call("SET", `fill-${filled}`, "x".repeat(100_000)).catch(() => null)) !== null) filled++;
    while ((await redis.call("SET", `fill-${filled}`, "x").catch(() => null)) !== null) filled++;
    const refused = await a.journal.append([eventOf(1)], [changeOf("k", 1)]).catch(failure);
    expect(refused).toMatchObject({ status: "RESOURCE_EXHAUSTED", retryAfterMs: expect.any(Number) });
    await redis.call("FLUSHDB").catch(() => null);
    await redis.close();
    await until(() => a.shared.trouble !== "", "they see it");
    await cluster.settled();
    await a.journal.append([eventOf(2)]);
    await cluster.settled();
    await expectNumbers([a, b], [0, 2]);
    expect(await b.journal.document("alerts", "k")).toBeUndefined();
  }, 120_000);
});

describe.skipIf(!hasRedis)("while Redis", () => {
  test("is away appends are refused at once and reads go on; empty, it goes on where the nodes are", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    await a.journal.append([eventOf(0)], [changeOf("k", 0)]);
    await b.journal.append([eventOf(1)]);
    await cluster.settled();
    const cursor = b.journal.cursorOf(b.journal.lastPosition);
    const { epoch } = a.journal;
    await cluster.server.kill();
    await until(() => [a, b].every(({ shared }) => shared.trouble !== ""), "they see it");
    const refused = await a.journal.append([eventOf(2)]).catch(failure);
    const message = expect.stringContaining("the journal that the nodes share cannot be written");
    expect(refused).toMatchObject({ status: "UNAVAILABLE", message, retryAfterMs: expect.any(Number) });
    await expectNumbers([a, b], [0, 1]);
    const c = await cluster.open("b-again", { isReady: false, signal: AbortSignal.timeout(300) }).catch(failure);
    expect(c).toMatchObject({ status: "CANCELLED" });
    await b.close();
    const again = await cluster.open("b", { isReady: false });
    await expectNumbers([a, again], [0, 1]);

    await cluster.server.restart();
    await until(() => a.shared.trouble === "", "it goes on");
    await a.journal.append([eventOf(3)]);
    await cluster.settled();
    await again.journal.append([eventOf(4)]);
    await cluster.settled();
    await expectNumbers([a, again], [0, 1, 3, 4]);
    expect([a.journal.epoch, again.journal.epoch]).toEqual([epoch, epoch]);
    const after = again.journal.positionOf(cursor);
    expect(numbersOf(await again.journal.read({ after, limit: 9 }))).toEqual([3, 4]);
    expect([...a.news, ...again.news].filter((line) => line.includes("it goes on behind position")).length).toBe(1);
  }, 120_000);

  test("stands still what was sent is not there twice when it goes on", async () => {
    await using cluster = await SharedCluster.start();
    const [a, b] = [await cluster.open("a"), await cluster.open("b")];
    await a.journal.append([eventOf(0)]);
    cluster.server.pause();
    const results = Promise.allSettled([a, b].map(({ journal }, i) => journal.append([eventOf(i + 1)])));
    await until(() => [a, b].every(({ shared }) => shared.trouble !== ""), "they see it");
    cluster.server.resume();
    const kept = (await results).flatMap(({ status }, i) => (status === "fulfilled" ? [i + 1] : []));
    await cluster.settled();
    await a.journal.append([eventOf(3)]);
    await cluster.settled();
    const { entries } = await contentOf(a.journal, []);
    const numbers = numbersOf(entries);
    expect(numbers).toEqual([...new Set(numbers)]);
    expect(numbers).toEqual(expect.arrayContaining([0, ...kept, 3]));
    await expectNumbers([b], numbers);
  }, 120_000);

  test("is emptied in the middle nothing that was acknowledged is lost, and nothing is there twice", async () => {
    await using cluster = await SharedCluster.start();
    const nodes = [await cluster.open("a"), await cluster.open("b"), await cluster.open("c")];
    const redis = await cluster.redis();
    const acked: number[] = [];
    let isOver = false;
    const write = async ({ journal }: SharedNode, from: number) => {
      for (let n = from; !isOver; n += 3) {
        await journal.append([eventOf(n)], [changeOf("last", n)]).then(
          () => acked.push(n),
          () => new Promise((resolve) => setTimeout(resolve, 10)),
        );
      }
    };
    const writing = nodes.map((node, i) => write(node, i));
    for (const _ of upTo(3)) {
      const before = acked.length;
      await until(() => acked.length > before + 5, "appends go on");
      await redis.call("FLUSHALL");
      await until(() => nodes.some(({ shared }) => shared.trouble !== ""), "they see it");
    }
    await until(() => nodes.every(({ shared }) => shared.trouble === ""), "it goes on");
    isOver = true;
    await Promise.all(writing);
    await redis.close();
    await cluster.settled();
    const numbers = numbersOf((await contentOf(nodes[0].journal, [])).entries);
    expect(numbers.length).toBe(new Set(numbers).size);
    expect(numbers).toEqual(expect.arrayContaining(acked));
    await expectNumbers(nodes, numbers);
    for (const { heard } of nodes) expect(numbersOf(heard)).toEqual(numbers);
  }, 120_000);

  test("has lost what one node alone has, that node brings it again where the others have gone on", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    let b = await cluster.open("b");
    await a.journal.append([eventOf(0)], [changeOf("k", 0)]);
    await cluster.settled();
    await b.close();
    await a.journal.append([eventOf(1)], [changeOf("k", 1)]);
    for (const n of [2, 4, 5, 6]) await a.journal.append([eventOf(n)]);
    await a.close();
    await cluster.server.restart();
    b = await cluster.open("b");
    await b.journal.append([eventOf(3)], [changeOf("k", 3)]);
    const again = await cluster.open("a");
    await until(() => again.troubles.length > 0, "it says so");
    await cluster.settled();
    await expectNumbers([again, b], [0, 3, 1, 2, 4, 5, 6]);
    expect(again.troubles).toEqual([expect.stringContaining("5 events of the shared journal were of this node alone")]);
    expect((await again.journal.document("alerts", "k"))?.value).toBe('{"n":3}');
    await again.close();
    const third = await cluster.open("a");
    await cluster.settled();
    await expectNumbers([third, b], [0, 3, 1, 2, 4, 5, 6]);
  }, 120_000);

  test("has an older state than the nodes, they set it again", async () => {
    await using cluster = await SharedCluster.start();
    const a = await cluster.open("a");
    const b = await cluster.open("b", { deps: { members: () => [recordOf("a", a.shared)] } });
    const redis = await cluster.redis();
    await a.journal.append([eventOf(0)]);
    await cluster.settled();
    b.redis.cut();
    const [head, stream] = await Promise.all([
      redis.call("DUMP", "{test}:journal:head"),
      redis.call("DUMP", "{test}:journal"),
    ]);
    await a.journal.append([eventOf(1)]);
    a.redis.cut();
    await redis.call("RESTORE", "{test}:journal:head", 0, head as Buffer, "REPLACE");
    await redis.call("RESTORE", "{test}:journal", 0, stream as Buffer, "REPLACE");
    await redis.close();
    b.redis.mend();
    await until(() => b.shared.trouble.includes("are setting it again"), "it waits for who has more");
    expect(await b.journal.append([eventOf(2)]).catch(failure)).toMatchObject({ status: "UNAVAILABLE" });
    a.redis.mend();
    await cluster.settled();
    await b.journal.append([eventOf(3)]);
    await cluster.settled();
    await expectNumbers([a, b], [0, 1, 3]);
  }, 120_000);
});
