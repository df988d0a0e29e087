/**
 * What a test file costs: with WATCHPOST_TEST_COSTS, a line of JSON is added to that file after each test file, which says
 * the CPU time that its worker and all processes below this took meanwhile, and how long that was, in milliseconds.
 * `bun run check` makes a ranking of it.
 */
import { afterAll } from "bun:test";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const path = process.env["WATCHPOST_TEST_COSTS"];
if (path !== undefined && process.platform === "linux") {
  const startedAtMs = Date.now();
  const before = cpuMs();
  afterAll(() => {
    const file = relative(process.cwd(), Bun.main);
    const line = { file, cpuMs: since(before), wallMs: Date.now() - startedAtMs };
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  });
}

/** One by one: what a browser took that ended with the file before would be missing in a sum. */
function since(before: ReadonlyMap<number, number>): number {
  return [...cpuMs()].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0);
}

/** By id: user and system time of this process and of those below it, each with those that it has waited for. */
function cpuMs(): Map<number, number> {
  const stats = readdirSync("/proc").flatMap(statOf);
  const isBelow = new Set([process.pid]);
  for (let known = 0; known < isBelow.size;) {
    known = isBelow.size;
    for (const { pid, parent } of stats) if (isBelow.has(parent)) isBelow.add(pid);
  }
  return new Map(stats.filter(({ pid }) => isBelow.has(pid)).map(({ pid, ms }) => [pid, ms]));
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
