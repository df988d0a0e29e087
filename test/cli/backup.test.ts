/** backup, restore and verify as a user calls them, on servers of their own. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { encodeBatch, type Batch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { ArchiveChain } from "../../src/store/archive-chain.ts";
import { restore } from "../../src/store/restore.ts";
import { runToEnd } from "../../src/store/slice.ts";
import { verifyArchives } from "../../src/store/verify.ts";
import { BatchAckSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";
import { commandRunner } from "./command-runner.ts";

const BATCH_POINTS = 200;
const START_US = Date.UTC(2026, 2, 30) * 1_000;
/** So that points are sealed, and into several files, while a backup is made. */
const ENV = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000", WATCHPOST_STORE_SEGMENT_BYTES_MAX: "1MiB" };
const TIMEOUT_MS = 180_000;

/** Batch `number` of a test: its points are in no other one, and reach over the end of a month. */
function batchOf(number: number): Batch {
  const points = Array.from({ length: BATCH_POINTS }, (_, i) => ({
    metric: "m",
    value: number * 1_000 + i,
    timeUs: START_US + (number * BATCH_POINTS + i) * 7_000_000,
    tags: { n: String(i % 20) },
  }));
  return encodeBatch(points, "s");
}

function start(args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" };
  return Bun.spawn([...watchpostCommand(false), ...args], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

const runner = commandRunner("/", () => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" }));
const run = (...args: string[]) => runner.run(args);
afterAll(() => runner.close());

async function send(server: ServerProcess, from: number, to: number): Promise<void> {
  const connection = new Connection(server.grpc);
  async function* batches() {
    for (let number = from; number < to; number++) yield batchOf(number);
  }
  await uploadAll(connection, batches());
  connection.close();
}

async function storedValues(server: ServerProcess): Promise<number[]> {
  const connection = new Connection(server.grpc);
  try {
    const { series } = await queryRange(connection, { metric: "m" });
    return series.flatMap(({ values }) => values).sort((a, b) => a - b);
  } finally {
    connection.close();
  }
}

const valuesOf = (batches: number) =>
  Array.from({ length: batches * BATCH_POINTS }, (_, i) => Math.floor(i / BATCH_POINTS) * 1_000 + (i % BATCH_POINTS));

/** What a server on a directory answers. */
async function valuesIn(data: string): Promise<number[]> {
  const server = await startServerProcess({ data, env: ENV });
  try {
    expect(server.log().filter(({ damage }) => damage !== undefined)).toEqual([]);
    return await storedValues(server);
  } finally {
    await server.stop();
  }
}

test(
  "under load: everything acknowledged before is in it, once, and the server goes on",
  async () => {
    using dir = tempDir("backup");
    const server = await startServerProcess({ data: join(dir.path, "data"), env: ENV });
    const file = join(dir.path, "b.tar");
    const connection = new Connection(server.grpc);
    const call = connection.bidiStream(DataIngestion.method.streamData);
    let [acked, sent, wants] = [0, 0, true];
    const enough = Promise.withResolvers<void>();
    call.on("data", (bytes: Uint8Array) => {
      acked = Number(fromBinary(BatchAckSchema, bytes).batches);
      if (acked > 400) enough.resolve();
    });
    const ended = new Promise((resolve) => call.on("end", resolve));
    const pump = () => {
      if (!wants) return void call.end();
      if (sent - acked < 200) call.write(batchOf(sent++).bytes);
      setTimeout(pump, 0);
    };
    pump();
    await enough.promise;
    const before = acked;
    const made = await run("backup", file, "--rate", "400KiB", "--server", server.grpc);
    const after = acked;
    wants = false;
    await ended;
    connection.close();
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining("20 series") });
    // Points came in all the while.
    expect(after - before).toBeGreaterThan(50);
    expect(await storedValues(server)).toEqual(valuesOf(sent));
    expect(server.log().filter(({ trouble }) => trouble !== undefined)).toEqual([]);
    await server.stop();

    expect(await run("verify", file)).toMatchObject({ code: 0, out: expect.stringContaining("nothing is damaged") });
    const restored = join(dir.path, "restored");
    mkdirSync(restored);
    expect((await run("restore", file, "--data", restored)).code).toBe(0);
    expect(await run("verify", "--data", restored)).toMatchObject({ code: 0 });
    const values = await valuesIn(restored);
    const whole = values.length / BATCH_POINTS;
    expect(values).toEqual(valuesOf(whole));
    expect(whole).toBeGreaterThanOrEqual(before);
    expect(whole).toBeLessThan(sent);
    // What comes after the restore is kept beside what was restored.
    const again = await startServerProcess({ data: restored, env: ENV });
    await send(again, whole, whole + 100);
    again.kill();
    await again.exited;
    expect(await valuesIn(restored)).toEqual(valuesOf(whole + 100));
  },
  TIMEOUT_MS,
);

test(
  "increments: only what has changed is copied, and all of a chain is needed",
  async () => {
    using dir = tempDir("backup");
    const at = (name: string) => join(dir.path, name);
    const server = await startServerProcess({ data: at("data"), env: ENV });
    const backup = (file: string, ...args: string[]) => run("backup", at(file), ...args, "--server", server.grpc);
    await send(server, 0, 600);
    await backup("1.tar");
    await send(server, 600, 610);
    const second = await backup("2.tar", "--base", at("1.tar"));
    expect(second.err).toMatch(/[1-9]\d* files unchanged since the base/);
    await send(server, 610, 620);
    await backup("3.tar", "--base", at("2.tar"));
    expect(await backup("3.tar")).toMatchObject({ code: 2, err: expect.stringContaining("--force replaces it") });
    expect(await backup("4.tar", "--base", at("none"))).toMatchObject({
      code: 2,
      err: expect.stringContaining("none"),
    });
    await server.stop();
    expect(readFileSync(at("3.tar")).length).toBeLessThan(readFileSync(at("1.tar")).length);

    const restored = (to: string, ...files: string[]) => run("restore", ...files.map(at), "--data", at(to));
    expect(await restored("r", "3.tar")).toMatchObject({
      code: 2,
      err: expect.stringContaining("is in another backup"),
    });
    const wrongOrder = await restored("r", "3.tar", "2.tar", "1.tar");
    expect(wrongOrder).toMatchObject({ code: 2, err: expect.stringContaining("name the newest backup last") });
    expect(existsSync(at("r"))).toBe(false);
    expect((await restored("r", "1.tar", "2.tar", "3.tar")).code).toBe(0);
    expect(await restored("r", "1.tar")).toMatchObject({ code: 2, err: expect.stringContaining("it is not empty") });
    expect(await run("verify", at("1.tar"), at("2.tar"), at("3.tar"))).toMatchObject({ code: 0 });
    expect((await run("verify", at("3.tar"))).out).toContain("restore needs the backup made");
    expect(await valuesIn(at("r"))).toEqual(valuesOf(620));
    expect((await restored("r2", "1.tar", "2.tar")).code).toBe(0);
    expect(await valuesIn(at("r2"))).toEqual(valuesOf(610));

    // A restored server that goes on by itself has files that look alike; they are told apart.
    const twin = await startServerProcess({ data: at("r2"), env: ENV });
    await send(twin, 3_000, 3_010);
    expect((await run("backup", at("t.tar"), "--base", at("3.tar"), "--server", twin.grpc)).code).toBe(0);
    const wanted = await storedValues(twin);
    await twin.stop();
    expect((await restored("r3", "1.tar", "2.tar", "3.tar", "t.tar")).code).toBe(0);
    expect(await valuesIn(at("r3"))).toEqual(wanted);
  },
  TIMEOUT_MS,
);

test(
  "what is damaged or cut off is refused, and leaves nothing behind",
  async () => {
    using dir = tempDir("backup");
    const file = join(dir.path, "b.tar");
    const server = await startServerProcess({ data: join(dir.path, "data"), env: ENV });
    await send(server, 0, 100);
    await run("backup", file, "--server", server.grpc);
    await server.stop();
    const whole = readFileSync(file);
    const random = randomOf(5);
    const damaged = join(dir.path, "damaged.tar");
    const before = readdirSync(dir.path).sort();
    for (let round = 0; round < 120; round++) {
      let bytes = Buffer.from(whole);
      const at = Math.floor(random() * bytes.length);
      if (round % 3 === 0) bytes = bytes.subarray(0, at);
      else bytes[at] ^= 1 << Math.floor(random() * 8);
      writeFileSync(damaged, bytes);
      const refused = await restoreOf(damaged, join(dir.path, "r")).catch((error: unknown) => error);
      const found: string[] = [];
      let opened = true;
      try {
        const chain = ArchiveChain.open([damaged]);
        runToEnd(verifyArchives(chain, (sentence) => found.push(sentence)));
        chain.close();
      } catch {
        opened = false;
      }
      if (opened && found.length === 0) throw new Error(`byte ${at} of ${bytes.length}: verify found nothing`);
      expect(refused).toMatchObject({ message: expect.stringContaining(damaged) });
      expect(readdirSync(dir.path).sort()).toEqual([...before, "damaged.tar"].sort());
    }
    expect(await run("verify", damaged)).toMatchObject({ code: 1 });
    writeFileSync(damaged, "no archive");
    expect(await run("restore", damaged, "--data", join(dir.path, "r"))).toMatchObject({ code: 1 });
  },
  TIMEOUT_MS,
);

test(
  "of a damaged backup the rest is restored where that is asked for; queries and verify say what is missing",
  async () => {
    using dir = tempDir("backup");
    const file = join(dir.path, "b.tar");
    const server = await startServerProcess({ data: join(dir.path, "data"), env: ENV });
    await send(server, 0, 300);
    await run("backup", file, "--server", server.grpc);
    await server.stop();
    damageBlock(file);
    expect((await run("verify", file)).out).toMatch(/damaged: .*points-2026-0\d\.db, block/);
    const restored = join(dir.path, "restored");
    const refused = await run("restore", file, "--data", restored);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("restore --damaged takes what is left") });
    expect(existsSync(restored)).toBe(false);
    const taken = await run("restore", file, "--data", restored, "--damaged");
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining("it was taken as it is") });
    const again = await startServerProcess({ data: restored, env: ENV });
    const values = await storedValues(again);
    expect(values.length).toBeGreaterThan(0);
    expect(values.length).toBeLessThan(300 * BATCH_POINTS);
    expect(new Set(valuesOf(300)).isSupersetOf(new Set(values))).toBe(true);
    const told = await run("query", "m", "--from", "2026-03-01", "--csv", "--server", again.grpc);
    expect(told.err).toContain("is damaged: points may be missing");
    await again.stop();
  },
  TIMEOUT_MS,
);

/** Changes one byte of a block: of others verify says no block. */
function damageBlock(file: string): void {
  const whole = readFileSync(file);
  const from = whole.indexOf("points-2026-0");
  for (let at = from + 2_000; at < whole.length; at += 211) {
    const bytes = Buffer.from(whole);
    bytes[at] ^= 0xff;
    writeFileSync(file, bytes);
    const found: string[] = [];
    try {
      const chain = ArchiveChain.open([file]);
      runToEnd(verifyArchives(chain, (sentence) => found.push(sentence)));
      chain.close();
    } catch {
      continue;
    }
    if (found.some((sentence) => /\.db, block/.test(sentence))) return;
  }
  throw new Error("no byte is in a block");
}

async function restoreOf(file: string, to: string): Promise<void> {
  const chain = ArchiveChain.open([file]);
  try {
    await restore(chain, to);
  } finally {
    chain.close();
  }
}

/** Starts a backup that would take hours, and waits until some of it is there. */
async function slowBackup(server: ServerProcess, file: string) {
  const child = start(["backup", file, "--rate", "1KiB", "--server", server.grpc]);
  const unfinished = `${file}.unfinished`;
  while (!existsSync(unfinished) || readFileSync(unfinished).length < 1_024) await Bun.sleep(5);
  return child;
}

test(
  "a server that is killed in the middle of it loses nothing, and its reader says that there is no backup",
  async () => {
    using dir = tempDir("backup");
    const data = join(dir.path, "data");
    const file = join(dir.path, "b.tar");
    const server = await startServerProcess({ data, env: ENV });
    await send(server, 0, 300);
    const child = await slowBackup(server, file);
    const second = await run("backup", join(dir.path, "2.tar"), "--server", server.grpc);
    expect(second).toMatchObject({ code: 1, err: expect.stringContaining("another backup is being made") });
    // Sealed beside what is frozen.
    await send(server, 300, 600);
    server.kill();
    await server.exited;
    expect(await child.exited).toBe(1);
    expect(readdirSync(dir.path)).toEqual(["data"]);
    expect(await valuesIn(data)).toEqual(valuesOf(600));
    expect(readdirSync(data).filter((name) => name.includes("aside"))).toEqual([]);
    expect((await run("verify", "--data", data)).code).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "a backup that is interrupted leaves no file, and lets the next one begin",
  async () => {
    using dir = tempDir("backup");
    const server = await startServerProcess({ data: join(dir.path, "data"), env: ENV });
    await send(server, 0, 50);
    const child = await slowBackup(server, join(dir.path, "b.tar"));
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
    expect(await child.stderr.text()).toContain("interrupted: no backup was made");
    const next = () => run("backup", join(dir.path, "2.tar"), "--server", server.grpc);
    let made = await next();
    while (made.err.includes("another backup")) made = await next();
    expect(made.code).toBe(0);
    expect(readdirSync(dir.path).sort()).toEqual(["2.tar", "data"]);
    await server.stop();
  },
  TIMEOUT_MS,
);

for (const [args, sentence] of [
  [["backup"], "missing required argument 'file'"],
  [["backup", "b.tar", "--rate", "fast"], '"fast" is no size'],
  [["restore", "b.tar"], "required option '--data <dir>'"],
  [["restore", "none.tar", "--data", "d"], "none.tar cannot be opened"],
  [["verify"], "wanted either --data DIR or backups"],
  [["verify", "b.tar", "--data", "d"], "wanted either --data DIR or backups"],
  [["verify", import.meta.dir], "is a directory, wanted a backup: --data"],
] as const) {
  test(`what cannot be meant is said: ${args.join(" ")}`, async () => {
    expect(await run(...args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
  });
}
