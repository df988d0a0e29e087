/** Benches of single parts, each a script in this folder with its own figures. */
import { join } from "node:path";
import { killAtExit } from "./cleanup.ts";
import { say, type BenchRow, type Finding } from "./finding.ts";
import type { Figure } from "./part.ts";
import { linesOf } from "./sender-process.ts";

export const partRows: BenchRow[] = [
  partRow("codec", "the chunk codec by itself"),
  partRow("store", "the store by itself"),
  partRow("scan", "points read by the store by itself"),
];

function partRow(name: string, about: string): BenchRow {
  const script = join(import.meta.dir, `${name}.ts`);
  return {
    name,
    about,
    async run() {
      const findings: Finding[] = [];
      const command = [process.execPath, join(import.meta.dir, "part.ts"), script];
      const child = killAtExit(Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" }));
      for await (const line of linesOf(child.stdout)) {
        if (!line.startsWith('{"figures":')) {
          say(line);
          continue;
        }
        const { figures } = JSON.parse(line) as { figures: Figure[] };
        findings.push(...figures.map(({ name: what, value, ...rest }) => ({ what, ...rest, runs: [value] })));
      }
      const code = await child.exited;
      if (code !== 0) throw new Error(`${name}.ts ended with code ${code}`);
      return findings;
    },
  };
}
