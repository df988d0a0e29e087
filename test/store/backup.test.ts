/** What is frozen stays as it was when the backup began, while sealing and merging go on around it. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BackupListed } from "../../src/store/backup.ts";
import { ENDLESS_SLICE, runToEnd } from "../../src/store/slice.ts";
import { DECEMBER_US, Model, NOVEMBER_US, openStore, plain, randomOf, recordOf } from "./harness.ts";
import { SHORTEST_SLICE, type Opened, type Point } from "./harness.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { tempDir } from "../support/server-process.ts";

const SERIES = 12;
const seriesIds = Uint32Array.from({ length: SERIES }, (_, i) => i + 1);
const random = randomOf(3);
let seq = 0;

function write(open: Opened, model: Model, points = 400): void {
  const written: Point[] = Array.from({ length: points }, () => {
    const monthUs = random() < 0.3 ? DECEMBER_US : NOVEMBER_US;
    return [1 + Math.floor(random() * SERIES), monthUs + Math.floor(random() * 5e5) * 1e6, Math.floor(random() * 1e4)];
  });
  model.write(written);
  open.store.absorb(recordOf(++seq, written));
}

async function begin(open: Opened, base = new Map<string, string>()): Promise<BackupListed> {
  const begun = open.store.beginBackup();
  open.settle();
  await begun;
  return runToEnd(open.store.backup.list(base, ENDLESS_SLICE));
}

/** One more piece of a file; whether there are more. */
function copyPiece(open: Opened, name: string, dir: string): boolean {
  const piece = runToEnd(open.store.backup.read(name));
  if (piece === null) return false;
  writeFileSync(join(dir, name), piece.data, { flag: "a" });
  return piece.sha256 === null;
}

function answers(dir: string): unknown[] {
  using copy = openStore({ dir });
  expect(copy.opened.damage).toEqual([]);
  return plain(copy.range({ seriesIds }));
}

const wanted = (model: Model) => [...seriesIds].map((id) => model.points(id, 0, Infinity));

for (const how of ["set aside", "another part, where nothing can be set aside"]) {
  test(`holds exactly what was absorbed when it began, whatever comes in meanwhile: ${how}`, async () => {
    using folder = tempDir("store");
    using target = tempDir("store");
    const model = new Model();
    using open = openStore({ dir: folder.path });
    for (let i = 0; i < 6; i++) {
      write(open, model);
      if (i % 2 === 0) open.seal();
    }
    const then = model.copy();
    const { files } = await begin(open);
    expect(files.map(({ name, unchanged }) => [name, unchanged])).toEqual([
      ["points-2026-11.db", false],
      ["points-2026-12.db", false],
    ]);
    if (how !== "set aside") for (const { name } of files) mkdirSync(join(folder.path, `backup-${name}.aside`));
    for (const { name } of files) {
      do {
        write(open, model, 3_000);
        open.seal();
        open.compact();
      } while (copyPiece(open, name, target.path));
    }
    expect(open.trouble).toEqual([]);
    const parts = readdirSync(folder.path).filter((name) => /\.1\.db$/.test(name));
    expect(parts.length > 0).toBe(how !== "set aside");
    expect(answers(target.path)).toEqual(wanted(then));
    expect(plain(open.range({ seriesIds }))).toEqual(wanted(model));
    open.store.backup.end();
    expect(readdirSync(folder.path).filter((name) => name.endsWith(".aside"))).toEqual([]);
    // Merging takes up what it had left.
    const before = open.store.stats().blocks;
    open.compact();
    expect(open.store.stats().blocks).toBeLessThanOrEqual(before);
    expect(plain(open.range({ seriesIds }))).toEqual(wanted(model));
  });
}

test("merging leaves frozen files alone, and does its work when they are thawed", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  for (let i = 0; i < 3; i++) {
    write(open, model);
    open.seal();
  }
  await begin(open);
  const blocks = open.store.stats().blocks;
  open.compact();
  expect(open.store.stats()).toMatchObject({ blocks, rewrites: { merge: 0, purge: 0 } });
  open.store.backup.end();
  open.compact();
  expect(open.store.stats().blocks).toBeLessThan(blocks);
  expect(open.store.stats().rewrites.merge).toBeGreaterThan(0);
  expect(open.trouble).toEqual([]);
});

test("a file set aside in slices is not disturbed by the end of the backup", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  write(open, model, 5_000);
  await begin(open);
  write(open, model, 5_000);
  open.store.seal().catch(() => {});
  const work = open.store.maintain(SHORTEST_SLICE);
  while (!readdirSync(folder.path).some((name) => name.endsWith(".aside"))) work.next();
  open.store.backup.end();
  while (!work.next().done);
  expect(readdirSync(folder.path).filter((name) => /aside|\.1\.db/.test(name))).toEqual([]);
  expect(open.trouble).toEqual([]);
  expect(plain(open.range({ seriesIds }))).toEqual(wanted(model));
});

test("a file is left out of an increment only while it holds what it held", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  write(open, model);
  const first = await begin(open);
  open.store.backup.end();
  const base = new Map(first.files.map(({ name, identity }) => [name, identity]));
  const changed = async () => {
    const { files } = await begin(open, base);
    open.store.backup.end();
    return files.filter(({ unchanged }) => !unchanged).map(({ name }) => name);
  };
  expect(await changed()).toEqual([]);
  open.store.absorb(recordOf(++seq, [[1, DECEMBER_US, 1]]));
  expect(await changed()).toEqual(["points-2026-12.db"]);
});

test("files that count the same transactions and differ have different identities", async () => {
  const identities: string[] = [];
  for (const value of [1, 2]) {
    using folder = tempDir("store");
    using open = openStore({ dir: folder.path });
    open.store.absorb(recordOf(1, [[1, NOVEMBER_US, value]]));
    identities.push((await begin(open)).files[0].identity);
  }
  const [a, b] = identities.map((identity) => identity.split("-"));
  expect(a.slice(0, 2)).toEqual(b.slice(0, 2));
  expect(a[2]).not.toBe(b[2]);
});

test("one at a time; what is read after the end is refused; what cannot be sealed is no backup", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  write(open, model);
  const { files } = await begin(open);
  await expect(open.store.beginBackup()).rejects.toMatchObject({ status: "RESOURCE_EXHAUSTED" });
  open.store.backup.end();
  expect(() => runToEnd(open.store.backup.read(files[0].name))).toThrow("the backup was ended");
  // The next seal cannot make its file.
  mkdirSync(join(folder.path, "points-2027-01.db.new", "in the way"), { recursive: true });
  open.store.absorb(recordOf(++seq, [[1, Date.UTC(2027, 0, 5) * 1000, 1]]));
  const begun = open.store.beginBackup().catch((error: unknown) => error);
  open.settle();
  expect(await begun).toMatchObject({ status: "UNAVAILABLE" });
  expect(open.store.backup.isRunning).toBe(false);
});

test("a file that is gone before it is read is left out, one that shrinks while it is read ends the backup", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  for (let i = 0; i < 20; i++) write(open, model, 20_000);
  const { files } = await begin(open);
  rmSync(join(folder.path, "points-2026-12.db"));
  expect(runToEnd(open.store.backup.read("points-2026-12.db"))).toBeNull();
  expect(files[0].bytes).toBeGreaterThan(256 * 1024);
  expect(runToEnd(open.store.backup.read("points-2026-11.db"))?.sha256).toBeNull();
  writeFileSync(join(folder.path, "points-2026-11.db"), "");
  expect(() => runToEnd(open.store.backup.read("points-2026-11.db"))).toThrow(/changed while it was copied/);
});

test("a file that is gone before it is looked at is left out; what cannot be looked at ends the backup", async () => {
  using folder = tempDir("store");
  const model = new Model();
  using open = openStore({ dir: folder.path });
  write(open, model);
  const frozen = async () => {
    const begun = open.store.beginBackup();
    open.settle();
    await begun;
  };
  await frozen();
  rmSync(join(folder.path, "points-2026-12.db"));
  const listed = runToEnd(open.store.backup.list(new Map(), ENDLESS_SLICE));
  expect([listed.files.map(({ name }) => name), listed.leftOut]).toEqual([
    ["points-2026-11.db"],
    ["points-2026-12.db"],
  ]);
  open.store.backup.end();
  await frozen();
  rmSync(join(folder.path, "points-2026-11.db"));
  mkdirSync(join(folder.path, "points-2026-11.db"));
  expect(() => runToEnd(open.store.backup.list(new Map(), ENDLESS_SLICE))).toThrow();
  expect(open.store.backup.isRunning).toBe(false);
});

test("what a crash left of a backup goes, files that are no period files are named, empty markers belong to it", async () => {
  using folder = tempDir("store");
  const names = [
    "backup-points-2026-11.db.aside",
    "points-2025-01.1.db",
    "points-2026-01.db",
    "points-2025-01.db.dropped",
  ];
  for (const name of names) writeFileSync(join(folder.path, name), "");
  using open = openStore({ dir: folder.path });
  expect(readdirSync(folder.path)).not.toContain("backup-points-2026-11.db.aside");
  const { leftOut, markers } = await begin(open);
  expect([leftOut, markers]).toEqual([["points-2025-01.1.db", "points-2026-01.db"], ["points-2025-01.db.dropped"]]);
});

test("files that are given up and series that are deleted meanwhile stay in it, and go when it has ended", async () => {
  using folder = tempDir("store");
  using target = tempDir("store");
  const model = new Model();
  const clock = new ManualClock(DECEMBER_US / 1000 + 6 * 86_400_000);
  const retention = { rawMs: Infinity, rollup1mMs: Infinity, rollup1hMs: Infinity, budgetBytes: 1, freeFloor: 0 };
  using open = openStore({ dir: folder.path, clock, retention, lookAtDisk: () => disk });
  const disk = { usedBytes: 0, freeBytes: 1e9, totalBytes: 1e9 };
  write(open, model);
  const { files } = await begin(open);
  disk.usedBytes = 2;
  open.store.retire(Uint32Array.of(3));
  open.store.retain();
  open.settle();
  expect(open.dropped.map(({ file }) => file)).toContain("points-2026-11.db");
  expect(readdirSync(folder.path)).toContain("points-2026-11.db");
  for (const { name } of files) while (copyPiece(open, name, target.path));
  open.settle();
  expect(readdirSync(folder.path)).not.toContain("points-2026-11.db");
  expect(answers(target.path)).toEqual(wanted(model));
});

test("rollups are in it, and are not made while their files are copied", async () => {
  using folder = tempDir("store");
  using open = openStore({ dir: folder.path, rowPointsMin: 1 });
  const points = (fromS: number) =>
    Array.from({ length: 600 }, (_, i): Point => [1, NOVEMBER_US + (fromS + i) * 1e6, i]);
  open.store.absorb(recordOf(++seq, points(0)));
  open.seal();
  open.settle();
  const { files } = await begin(open);
  expect(files.map(({ name }) => name)).toEqual(["points-2026-11.db", "rollup-1m-2026-11.db"]);
  const rows = () => open.store.stats().tiers.find(({ name }) => name === "1m")!.blocks;
  const before = rows();
  open.store.absorb(recordOf(++seq, points(600)));
  open.seal();
  open.settle();
  expect(rows()).toBe(before);
  open.store.backup.end();
  open.settle();
  expect(rows()).toBeGreaterThan(before);
  expect(readdirSync(folder.path).filter((name) => /^rollup-1m.*\.1\.db$/.test(name))).toEqual([]);
});
