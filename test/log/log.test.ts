/** The log through its worker: durability, failure, release, and who may have the directory. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { LogClient } from "../../src/log/log-client.ts";
import { frameOfRecord } from "../../src/log/record.ts";
import { testNeeding, working } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { openLog, readSegment, recordOf, spawn } from "./harness.ts";

function segmentsIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith(".wal"))
    .sort();
}

describe("append", () => {
  test("gives the record back when it is in the file; the next run goes on with the next sequence", async () => {
    using dir = tempDir("log");
    const { log, opened } = await openLog(dir.path);
    expect(opened).toMatchObject({ nextSeq: 0, series: [], segments: [], unclean: false });
    const back = await log.append(recordOf(0, [1, 2], [{ id: 1, key: "m\0s" }]));
    expect(frameOfRecord(back).values).toEqual(Float64Array.of(1, 2));
    expect(readSegment(join(dir.path, segmentsIn(dir.path)[0])).records).toEqual([{ seq: 0, values: [1, 2] }]);
    await Promise.all([log.append(recordOf(1, [3])), log.append(recordOf(2, [4]))]);
    await log.close();
    await log.close();
    const again = await openLog(dir.path);
    expect(again.opened).toMatchObject({ nextSeq: 3, series: [{ id: 1, key: "m\0s" }], unclean: false });
    expect(again.opened.segments.length).toBe(1);
    await again.log.close();
  });

  test("begins another segment when one is full", async () => {
    using dir = tempDir("log");
    const { log } = await openLog(dir.path, 4_096);
    for (let seq = 0; seq < 10; seq++) await log.append(recordOf(seq, new Array(100).fill(seq)));
    expect(segmentsIn(dir.path).length).toBe(5);
    expect(await log.stats()).toMatchObject({ segments: 5 });
    await log.close();
  });
});

describe("release", () => {
  test("waits for whoever holds segments", async () => {
    using dir = tempDir("log");
    const { log } = await openLog(dir.path, 4_096);
    for (let seq = 0; seq < 6; seq++) await log.append(recordOf(seq, new Array(100).fill(seq)));
    const [first, other] = [log.hold(), log.hold()];
    log.release(1);
    log.release(3);
    expect((await log.stats()).segments).toBe(3);
    first();
    first();
    expect((await log.stats()).segments).toBe(3);
    other();
    expect((await log.stats()).segments).toBe(1);
    log.release(5);
    expect((await log.stats()).segments).toBe(0);
    log.hold()();
    await log.close();
  });

  test("removes what is sealed and keeps the series and the sequence", async () => {
    using dir = tempDir("log");
    const { log } = await openLog(dir.path, 4_096);
    for (let seq = 0; seq < 6; seq++) {
      await log.append(recordOf(seq, new Array(100).fill(seq), [{ id: seq + 1, key: `m${seq}\0s` }]));
    }
    log.release(3);
    expect((await log.stats()).segments).toBe(1);
    log.release(5);
    expect(await log.stats()).toMatchObject({ segments: 0, segmentBytes: 0 });
    await log.append(recordOf(6, [1]));
    await log.close();
    const { log: next, opened } = await openLog(dir.path);
    expect(opened.nextSeq).toBe(7);
    expect(opened.series.map(({ key }) => key)).toEqual([0, 1, 2, 3, 4, 5].map((i) => `m${i}\0s`));
    expect(opened.segments.map((path) => readSegment(path).records)).toEqual([[{ seq: 6, values: [1] }]]);
    await next.close();
  });
});

describe("a crash", () => {
  test("leaves an unfinished record, which is cut off, and its sequence unused or higher", async () => {
    using dir = tempDir("log");
    const { log } = await openLog(dir.path);
    await log.append(recordOf(0, [1]));
    await log.append(recordOf(1, [2]));
    await log.close();
    const path = join(dir.path, segmentsIn(dir.path)[0]);
    truncateSync(path, statSync(path).size - 5);
    const { log: next, opened } = await openLog(dir.path);
    expect(opened.damage).toEqual([]);
    expect(opened.nextSeq).toBeGreaterThanOrEqual(1);
    expect(readSegment(path)).toEqual({ records: [{ seq: 0, values: [1] }], damage: [] });
    await next.append(recordOf(opened.nextSeq, [3]));
    await next.close();
    expect(
      segmentsIn(dir.path).flatMap((name) => readSegment(join(dir.path, name)).records.map((r) => r.values)),
    ).toEqual([[1], [3]]);
  });

  test("of the worker fails what waits and everything after, and is told once", async () => {
    using dir = tempDir("log");
    let worker: Worker | undefined;
    const { log } = await LogClient.open((role) => (worker = spawn(role)), { dir: dir.path, segmentBytesMax: 1 << 20 });
    const told: string[] = [];
    log.onCrash((error) => told.push(error.message));
    const waiting = log.append(recordOf(0, [1])).catch((error: Error) => error.message);
    await worker!.terminate();
    expect(String(await waiting)).toMatch(/the log worker is gone|\[object ArrayBuffer\]/);
    await expect(log.append(recordOf(1, [1]))).rejects.toMatchObject({ status: "UNAVAILABLE" });
    await expect(log.stats()).rejects.toMatchObject({ status: "UNAVAILABLE" });
    expect(told.length).toBe(1);
    await log.close();
  });
});

describe("the directory", () => {
  test("is refused to a second server by the number of the first", async () => {
    using dir = tempDir("log");
    const { log } = await openLog(dir.path);
    await expect(openLog(dir.path)).rejects.toThrow(`in use by another Watchpost, process ${process.pid}`);
    const other = Bun.spawnSync([
      process.execPath,
      join(import.meta.dir, "../../src/main.ts"),
      "serve",
      "--data",
      dir.path,
      "--grpc",
      "127.0.0.1:0",
      "--http",
      "127.0.0.1:0",
    ]);
    expect(other.exitCode).toBe(2);
    expect(other.stderr.toString()).toContain(`the data directory ${dir.path} cannot be used: it is in use by`);
    await log.close();
    await (await openLog(dir.path)).log.close();
  });

  test("may be left behind with the number of a dead process", async () => {
    using dir = tempDir("log");
    writeFileSync(join(dir.path, "watchpost.pid"), "1\n");
    const { log } = await openLog(dir.path);
    expect(readFileSync(join(dir.path, "watchpost.pid"), "utf8").trim()).toBe(String(process.pid));
    await log.close();
    expect(readdirSync(dir.path)).not.toContain("watchpost.pid");
  });

  test("that is a file, or holds another database, is refused in words", async () => {
    using dir = tempDir("log");
    const file = join(dir.path, "file");
    writeFileSync(file, "x");
    await expect(openLog(file)).rejects.toThrow(`the data directory ${file} cannot be used: it cannot be made`);
    const foreign = join(dir.path, "foreign");
    Bun.spawnSync(["mkdir", foreign]);
    writeFileSync(join(foreign, "state.db"), "no database at all, but long enough to be looked at ".repeat(100));
    await expect(openLog(foreign)).rejects.toThrow("its state.db cannot be opened");
    chmodSync(foreign, 0o700);
  });
});

describe("a full disk", () => {
  const mountable = working("permission to mount a tmpfs", ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]);
  testNeeding([mountable])("refuses records until there is room again, and loses none that it took", async () => {
    using dir = tempDir("log");
    Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "none", dir.path]);
    try {
      const { log } = await openLog(dir.path, 1 << 26);
      let seq = 0;
      const taken: number[] = [];
      let failure: Error | undefined;
      while (failure === undefined) {
        await log.append(recordOf(seq, new Array(2_000).fill(seq))).then(
          () => void taken.push(seq),
          (error: Error) => void (failure = error),
        );
        seq++;
      }
      expect(failure.message).toMatch(/the log cannot be written: .*(ENOSPC|no space)/i);
      const messageOf = (error: Error) => error.message;
      expect(await log.append(recordOf(seq, [1])).catch(messageOf)).toContain("the log cannot be written");
      const again = log.reopen().then(() => log.append(recordOf(seq + 1, new Array(2_000).fill(0))));
      expect(await again.catch(messageOf)).toContain("the log cannot be written");
      Bun.spawnSync(["mount", "-o", "remount,size=8m", dir.path]);
      const next = await log.reopen();
      expect(next).toBeGreaterThan(seq + 1);
      await log.append(recordOf(next, [42]));
      await log.close();
      const { log: reopened, opened } = await openLog(dir.path);
      const found = opened.segments.map((path) => readSegment(path));
      expect(found.flatMap(({ damage }) => damage)).toEqual([]);
      expect(found.flatMap(({ records }) => records.map((r) => r.seq))).toEqual([...taken, next]);
      await reopened.close();
    } finally {
      Bun.spawnSync(["umount", dir.path]);
    }
  });
});
