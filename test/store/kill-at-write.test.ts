/** A store that is killed at any of its writes: what is sealed and what the log still holds together are every acked point once. */
import { expect } from "bun:test";
import { join } from "node:path";
import { TRACER } from "../support/failing-calls.ts";
import { testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { Model, openStore, plain } from "./harness.ts";
import { pointsOf, SERIES } from "./kill-at-write-process.ts";
import { segmentsIn } from "./kill-process.ts";

const CHILD = join(import.meta.dir, "kill-at-write-process.ts");
/** What a process that is killed leaves behind changes with these alone. */
const CALLS = ["pwrite64", "ftruncate", "rename", "unlink"];
const FILES = ["points-2026-11.db", "points-2026-12.db"].flatMap((name) =>
  ["", "-journal", ".new", ".new-journal"].map((end) => name + end),
);
const AT_ONCE = 2;

/** Kills the child at its `nth` call of that kind on the period files. Null where it makes fewer, else what it acked last. */
async function killAt(call: string, nth: number, dir: string): Promise<number | null> {
  const paths = FILES.flatMap((name) => ["-P", join(dir, name)]);
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${nth}`];
  const strace = ["strace", "-f", "-qq", "-o", "/dev/null", ...paths, ...inject];
  const child = Bun.spawn([...strace, process.execPath, CHILD, dir], { stdout: "pipe", stderr: "pipe" });
  const [text, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return null;
  if (child.signalCode !== "SIGKILL") throw new Error(`the child ended by itself: ${err}`);
  return text.split("\n").length - 1;
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

for (const call of CALLS) {
  testNeeding(TRACER)(
    `killed at every ${call}`,
    async () => {
      let [next, kills, isOver] = [1, 0, false];
      const killAndCheck = async () => {
        while (!isOver) {
          using folder = tempDir("store");
          const acked = await killAt(call, next++, folder.path);
          if (acked === null) isOver = true;
          else check(folder.path, acked);
          kills += acked === null ? 0 : 1;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, killAndCheck));
      expect(kills).toBeGreaterThan(1);
    },
    480_000,
  );
}
