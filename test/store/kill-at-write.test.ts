/**
 * A store that is killed at any of its writes: what is sealed and what the log still holds together are every acked point once.
 * What the files are then is made of what strace has seen of one that was not killed.
 */
import { expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { kill, readTrace, STRACE_CALLS, type DiskCall } from "../crash/disk-trace.ts";
import { TRACER } from "../support/failing-calls.ts";
import { testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { Model, openStore, plain } from "./harness.ts";
import { pointsOf, RECORDS, SERIES } from "./kill-at-write-process.ts";
import { segmentsIn } from "./kill-process.ts";

const CHILD = join(import.meta.dir, "kill-at-write-process.ts");
const PERIOD_FILE = /\/points-2026-1[12]\.db(\.new)?(-journal)?$/;
/** What a process that is killed leaves behind changes with these alone. */
const KINDS = ["write", "truncate", "rename", "unlink"] as const;

const contentOf = (dir: string) =>
  Object.fromEntries(readdirSync(dir).map((name) => [name, Bun.hash(readFileSync(join(dir, name)))]));

/** What the child calls for in `dir`; what it prints is in `acked` beside its folder. */
async function callsIn(dir: string): Promise<DiskCall[]> {
  const [trace, data] = [join(dir, "trace"), join(dir, "data")];
  mkdirSync(data);
  const strace = ["strace", "-f", "-y", "-ttt", "-xx", "-s", "4000000", "-e", `trace=${STRACE_CALLS}`, "-o", trace];
  const stdout = Bun.file(join(dir, "acked"));
  const child = Bun.spawn([...strace, process.execPath, CHILD, data], { stdout, stderr: "pipe" });
  const [err, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`the child ended with code ${code}: ${err}`);
  return readTrace(trace, dir);
}

function check(dir: string, acked: number): void {
  const model = new Model();
  const points = Array.from({ length: acked }, (_, i) => pointsOf(i + 1)).flat();
  model.write(points);
  const seriesIds = Uint32Array.from({ length: SERIES }, (_, i) => i + 1);
  using open = openStore({ dir, segments: segmentsIn(dir) });
  const stored = () => {
    const { headPoints, chunkPoints } = open.store.stats();
    return headPoints + chunkPoints;
  };
  expect([...open.opened.damage, stored()]).toEqual([points.length]);
  expect(plain(open.range({ seriesIds }))).toEqual([...seriesIds].map((id) => model.points(id, 0, Infinity)));
  open.seal();
  expect(stored()).toBe(points.length);
  expect(open.sealed.at(-1) ?? acked).toBe(acked);
  open.compact();
  expect(stored()).toBe(points.length);
}

testNeeding(TRACER)(
  "killed at every write, cut, rename and removal of a file of points",
  async () => {
    using folder = tempDir("store");
    const calls = await callsIn(folder.path);
    const kills = { write: 0, truncate: 0, rename: 0, unlink: 0 };
    for (const [i, { kind, path }] of calls.entries()) {
      if (!KINDS.some((one) => one === kind) || !PERIOD_FILE.test(path)) continue;
      using left = tempDir("killed");
      kill(calls, i, folder.path, left.path);
      const acked = readFileSync(join(left.path, "acked"), "utf8").split("\n").length - 1;
      check(join(left.path, "data"), acked);
      kills[kind as keyof typeof kills]++;
    }
    for (const kind of KINDS) expect(kills[kind]).toBeGreaterThan(1);
    expect(kills.write).toBeGreaterThan(100);

    // What is made of all calls is what the child has left.
    using whole = tempDir("killed");
    kill(calls, calls.length, folder.path, whole.path);
    expect(contentOf(join(whole.path, "data"))).toEqual(contentOf(join(folder.path, "data")));
    expect(readFileSync(join(whole.path, "acked"), "utf8").split("\n")).toHaveLength(RECORDS + 1);
  },
  240_000,
);
