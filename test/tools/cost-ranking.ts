/** The dearest test files of a run, of what test/support/cost.ts has written. */

interface Line {
  readonly file: string;
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** `lines` of JSON, one for each file; a table of the `count` that took most CPU time, and the sum of all. */
export function costRanking(lines: string, count: number): string {
  const costs = lines
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text) as Line)
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
