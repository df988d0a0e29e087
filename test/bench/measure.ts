/** Numbers about samples, processes (from /proc) and directories. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

/** USER_HZ: fixed at 100 on every Linux that user space sees. */
const TICKS_PER_SECOND = 100;

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

/** Nearest rank; NaN without samples. */
export function percentile(samples: readonly number[], percent: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))];
}

/** Least squares: change of y per unit of x. */
export function slope(xs: readonly number[], ys: readonly number[]): number {
  const meanX = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const meanY = ys.reduce((sum, y) => sum + y, 0) / ys.length;
  let above = 0;
  let below = 0;
  for (let i = 0; i < xs.length; i++) {
    above += (xs[i] - meanX) * (ys[i] - meanY);
    below += (xs[i] - meanX) ** 2;
  }
  return above / below;
}

/** User and system time of all threads since the process began, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What this machine's processors have done since it began, for whomever, in seconds of one. */
export function machineCpuSeconds(): number {
  const [, ...ticks] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0].split(/\s+/);
  const [user, nice, system, , , irq, softirq, steal] = ticks.map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}

/** The share of this machine that was used over `ms`, 0 to 1. */
export async function machineBusy(ms: number): Promise<number> {
  const before = machineCpuSeconds();
  await Bun.sleep(ms);
  return (machineCpuSeconds() - before) / (ms / 1_000) / cpus().length;
}

export function rssBytes(pid: number): number {
  return statusBytes(pid, "VmRSS");
}

/** The highest RSS since the process began. */
export function rssPeakBytes(pid: number): number {
  return statusBytes(pid, "VmHWM");
}

function statusBytes(pid: number, key: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${key}:\\s+(\\d+) kB`).exec(status)![1]) * 1024;
}

/** Lengths of all files below a directory; files that vanish meanwhile count nothing. */
export function directoryBytes(dir: string): number {
  let sum = 0;
  for (const name of readdirSync(dir, { recursive: true, encoding: "utf8" })) {
    const stat = statSync(join(dir, name), { throwIfNoEntry: false });
    if (stat?.isFile()) sum += stat.size;
  }
  return sum;
}

/** Waits until the directory has kept its size for `stillMs`, at most `timeoutMs`; returns whether it has. */
export async function directorySettled(dir: string, stillMs: number, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  let bytes = directoryBytes(dir);
  let sinceMs = performance.now();
  while (performance.now() < deadlineMs) {
    await Bun.sleep(250);
    const now = directoryBytes(dir);
    if (now !== bytes) {
      bytes = now;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs >= stillMs) return true;
  }
  return false;
}
