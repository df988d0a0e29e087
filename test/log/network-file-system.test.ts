/** A data directory on a network file system is refused: its locks and syncs do not keep their promises. */
import { expect, spyOn, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { StateDb } from "../../src/log/state-db.ts";
import { tempDir } from "../support/server-process.ts";

/** Types as statfs tells them (linux/magic.h); where a number has 32 bits and a sign, the highest is that. */
const REFUSED: readonly (readonly [name: string, type: number])[] = [
  ["NFS", 0x6969],
  ["CIFS", 0xff534d42],
  ["CIFS", 0xff534d42 | 0],
  ["SMB2", 0xfe534d42],
  ["SMB2", 0xfe534d42 | 0],
  ["SMB", 0x517b],
  ["9P", 0x01021997],
  ["AFS", 0x5346414f],
  ["Ceph", 0x00c36400],
];
const TAKEN: Readonly<Record<string, number>> = {
  ext4: 0xef53,
  xfs: 0x58465342,
  btrfs: 0x9123683e,
  f2fs: 0xf2f52010,
  zfs: 0x2fc12fc1,
  tmpfs: 0x01021994,
  overlay: 0x794c7630,
};

/** What opening a directory on it ends with; undefined where it is taken. */
function refusalOn(type: number, dir: string): unknown {
  const seen: unknown[] = [];
  const spy = spyOn(fs, "statfsSync").mockImplementation(((path: string) => {
    seen.push(path);
    return { type };
  }) as never);
  try {
    StateDb.open(dir).close();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    spy.mockRestore();
    expect(seen).toEqual([dir]);
  }
}

test("network file systems are refused by name, and nothing is written there", () => {
  for (const [name, type] of REFUSED) {
    using folder = tempDir("network");
    const dir = join(folder.path, "data");
    expect(refusalOn(type, dir)).toMatchObject({
      status: "FAILED_PRECONDITION",
      message: expect.stringContaining(`the data directory ${dir} cannot be used: it lies on ${name};`),
    });
    expect(fs.readdirSync(dir)).toEqual([]);
  }
});

test("the file systems of disks are taken, and whatever lies here", () => {
  for (const [name, type] of Object.entries(TAKEN)) {
    using folder = tempDir("network");
    expect([name, refusalOn(type, folder.path)]).toEqual([name, undefined]);
    expect(fs.readdirSync(folder.path)).toContain("state.db");
  }
  using folder = tempDir("network");
  StateDb.open(folder.path).close();
});
