/** What a bench leaves behind is removed however it ends: child processes are killed, temporary directories deleted. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Killable {
  readonly exitCode: number | null;
  kill(signal: NodeJS.Signals): void;
}

const children = new Set<Killable>();
const dirs = new Set<string>();
let parent = tmpdir();

process.on("exit", sweep);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    sweep();
    process.exit(130);
  });
}

/** Where {@link tempDir} makes its directories; a disk, not memory, for syncs to cost what they cost. */
export function useTempParent(dir: string): void {
  parent = dir;
}

export function killAtExit<T extends Killable>(child: T): T {
  for (const known of children) if (known.exitCode !== null) children.delete(known);
  children.add(child);
  return child;
}

export function tempDir(name: string): string {
  const dir = mkdtempSync(join(parent, `watchpost-bench-${name}-`));
  dirs.add(dir);
  return dir;
}

export function removeDir(dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  dirs.delete(dir);
}

function sweep(): void {
  for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  for (const dir of dirs) removeDir(dir);
}
