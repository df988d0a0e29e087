/**
 * What a test file costs: with WATCHPOST_TEST_COSTS, a line of JSON is added to that file after each test file, which says
 * the CPU time that its worker and all processes below this have taken so far, and how long the file took, in milliseconds.
 * `bun run check` makes a ranking of it.
 */
import { afterAll } from "bun:test";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const path = process.env["WATCHPOST_TEST_COSTS"];
if (path !== undefined && process.platform === "linux") {
  const startedAtMs = Date.now();
  afterAll(() => {
    const file = relative(process.cwd(), Bun.main);
    const line = { worker: process.pid, file, cpuMs: cpuMs(), wallMs: Date.now() - startedAtMs };
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  });
}

/** User and system time of this process, of those below it, and of those of them that have ended and were waited for. */
function cpuMs(): number {
  const stats = readdirSync("/proc").flatMap(statOf);
  const isBelow = new Set([process.pid]);
  // A browser lives on from file to file, with the processes of its pages.
  for (let known = 0; known < isBelow.size;) {
    known = isBelow.size;
    for (const { pid, parent } of stats) if (isBelow.has(parent)) isBelow.add(pid);
  }
  return stats.filter(({ pid }) => isBelow.has(pid)).reduce((sum, { ms }) => sum + ms, 0);
}

function statOf(pid: string): { pid: number; parent: number; ms: number }[] {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${Number(pid)}/stat`, "utf8");
  } catch {
    // No process, or one that has ended meanwhile.
    return [];
  }
  // After the name in parentheses, which may hold anything: the state, the parent, …
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  // The kernel counts in hundredths of a second.
  const ms = fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * 10;
  return [{ pid: Number(pid), parent: fields[1], ms }];
}
