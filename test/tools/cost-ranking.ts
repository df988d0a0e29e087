/** The dearest test files of a run, of what test/support/cost.ts has written. */

interface Line {
  readonly worker: number;
  readonly file: string;
  /** Of the worker and all below it, so far. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** `lines` of JSON, in the order in which files ended; a table of the `count` that took most CPU time, and the sum of all. */
export function costRanking(lines: string, count: number): string {
  const before = new Map<number, number>();
  const costs = lines
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => {
      const { worker, file, cpuMs, wallMs } = JSON.parse(text) as Line;
      // A process that nobody has waited for is not in the sum any more.
      const ownMs = Math.max(0, cpuMs - (before.get(worker) ?? 0));
      before.set(worker, cpuMs);
      return { file, cpuMs: ownMs, wallMs };
    })
    .sort((a, b) => b.cpuMs - a.cpuMs);
  const allMs = costs.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const seconds = (ms: number) => (ms / 1_000).toFixed(1);
  const rows = costs.slice(0, count).map(({ file, cpuMs, wallMs }) => {
    const share = ((100 * cpuMs) / allMs || 0).toFixed(1);
    return `${seconds(cpuMs).padStart(8)} ${share.padStart(5)} % ${seconds(wallMs).padStart(8)}  ${file}`;
  });
  const head = `${"CPU s".padStart(8)}   share  clock s  (${costs.length} files, ${seconds(allMs)} CPU s)`;
  return [head, ...rows].join("\n");
}
