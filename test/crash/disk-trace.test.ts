/** What a power cut may leave of a file, by what was synced; and what strace's lines say of that. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomOf } from "../support/random.ts";
import { tempDir } from "../support/server-process.ts";
import { readTrace, survivors, type DiskCall } from "./disk-trace.ts";

const CUTS = 5_000;
const FILE = "/data/a";

function create(path = FILE): DiskCall {
  return { kind: "create", path, atMs: 0 };
}

function write(at: number, text: string, path = FILE): DiskCall {
  return { kind: "write", path, at, bytes: new TextEncoder().encode(text), atMs: 0 };
}

function truncate(size: number): DiskCall {
  return { kind: "truncate", path: FILE, size, atMs: 0 };
}

function sync(path = FILE): DiskCall {
  return { kind: "sync", path, atMs: 0 };
}

function unlink(): DiskCall {
  return { kind: "unlink", path: FILE, atMs: 0 };
}

/** How often what was in the file after the last of these calls: zeros as dots; undefined: no file. */
function leftovers(...calls: DiskCall[]): Map<string | undefined, number> {
  const random = randomOf(5);
  const found = new Map<string | undefined, number>();
  for (let cut = 0; cut < CUTS; cut++) {
    const bytes = survivors(calls, random).get(FILE);
    const text = bytes && Buffer.from(bytes).toString("latin1").replaceAll("\0", ".");
    found.set(text, (found.get(text) ?? 0) + 1);
  }
  return found;
}

/** What may be there, without how often. */
function kinds(...calls: DiskCall[]): Set<string | undefined> {
  return new Set(leftovers(...calls).keys());
}

/** A file with a name of its own, and this in it. */
function durable(text: string): DiskCall[] {
  return [create(), sync("/data"), write(0, text), sync()];
}

describe("after a power cut", () => {
  test("what was synced is there", () => {
    expect(kinds(...durable("abc"), write(3, "d"), sync())).toEqual(new Set(["abcd"]));
  });

  test("each write that was not synced is there or not, whatever became of the others", () => {
    const found = leftovers(...durable("------"), write(0, "a"), write(2, "b"), write(4, "c"));
    const all = ["------", "----c-", "--b---", "--b-c-", "a-----", "a---c-", "a-b---", "a-b-c-"];
    expect([...found.keys()].sort()).toEqual(all.sort());
    // None and all are as likely as everything between them.
    for (const often of ["------", "a-b-c-"]) expect(found.get(often)).toBeGreaterThan(CUTS / 10);
    for (const one of all) expect(found.get(one)).toBeGreaterThan(CUTS / 100);
  });

  test("a write may be torn anywhere: its beginning, its end, or both without the middle", () => {
    const found = kinds(...durable("------"), write(0, "abcdef"));
    for (const part of ["------", "abcdef", "abc---", "---def", "ab--ef"]) expect(found).toContain(part);
    for (const part of found) expect(part).toMatch(/^[-a][-b][-c][-d][-e][-f]$/);
  });

  test("a file may have grown without what is in it, or have a hole", () => {
    const found = kinds(...durable(""), write(0, "ab"), write(2, "cd"));
    for (const part of ["", "abcd", "ab", "..cd", "ab..", "a.cd"]) expect(found).toContain(part);
  });

  test("names and sizes change in order, and writes stay with the file they went to", () => {
    const found = kinds(...durable("old"), unlink(), create(), write(0, "new"), truncate(1));
    for (const part of ["old", undefined, "", "n", "new"]) expect(found).toContain(part);
    for (const part of found) expect(part ?? "").toMatch(/^old$|^[n.]?[e.]?[w.]?$/);
  });

  test("a name is there once its directory was synced, and gone with it", () => {
    expect(kinds(create())).toEqual(new Set([undefined, ""]));
    expect(kinds(create(), sync("/data"))).toEqual(new Set([""]));
    expect(kinds(create(), write(0, "abc"), sync())).toEqual(new Set([undefined, "abc"]));
    expect(kinds(...durable("abc"), unlink())).toEqual(new Set([undefined, "abc"]));
    expect(kinds(...durable("abc"), unlink(), sync("/data"))).toEqual(new Set([undefined]));
  });

  test("a renamed file goes on under its other name", () => {
    const other = [create("/data/b"), sync("/data"), write(0, "abc", "/data/b"), sync("/data/b")];
    expect(kinds(...other, { kind: "rename", path: "/data/b", to: FILE, atMs: 0 })).toEqual(new Set(["abc"]));
  });
});

function hex(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

test("strace's lines are read: those that were interrupted joined, those that failed or lie elsewhere left out", () => {
  using folder = tempDir("trace");
  const [dir, file] = ["/data", `<${hex("/data/a")}>`];
  const lines = [
    `10  1.500000 openat(AT_FDCWD, "${hex("/data/a")}", O_RDWR|O_CREAT, 0600) = 7${file}`,
    `10  1.600000 openat(AT_FDCWD, "${hex("/data/a")}", O_RDONLY) = 8${file}`,
    `10  2.000000 pwrite64(7${file}, "${hex("abc")}", 3, 16 <unfinished ...>`,
    `11  2.100000 write(9<${hex("/tmp/x")}>, "${hex("no")}", 2) = 2`,
    `11  2.200000 fdatasync(7${file} <unfinished ...>`,
    `10  2.300000 <... pwrite64 resumed>) = 2`,
    `11  2.400000 <... fdatasync resumed>) = 0`,
    `11  2.500000 fsync(7${file}) = -1 EIO (Input/output error)`,
    `11  2.600000 ftruncate(7${file}, 4096) = 0`,
    `11  2.700000 rename("${hex("/data/a")}", "${hex("/data/b")}") = 0`,
    `11  2.800000 unlink("${hex("/data/b")}") = 0`,
    `11  2.900000 +++ exited with 0 +++`,
  ];
  const path = join(folder.path, "trace");
  writeFileSync(path, lines.join("\n"));
  expect(readTrace(path, dir)).toEqual([
    { kind: "create", path: FILE, atMs: 1_500 },
    { kind: "write", path: FILE, at: 16, bytes: new TextEncoder().encode("ab"), atMs: 2_300 },
    { kind: "sync", path: FILE, atMs: 2_400 },
    { kind: "truncate", path: FILE, size: 4_096, atMs: 2_600 },
    { kind: "rename", path: FILE, to: "/data/b", atMs: 2_700 },
    { kind: "unlink", path: "/data/b", atMs: 2_800 },
  ]);
});
