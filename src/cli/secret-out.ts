/** Secrets on stdout, which are shown once. */
import { fstatSync } from "node:fs";
import pc from "picocolors";

const STDOUT = 1;
const OTHERS = 0o077;

/** One line. A file that it goes to and others can open, as a shell makes them by itself, is warned of. */
export function tellSecret(secret: string): void {
  console.log(secret);
  // Its files have no modes.
  if (process.platform === "win32") return;
  const { mode, isFile } = statOfStdout();
  if (!isFile || (mode & OTHERS) === 0) return;
  console.error(pc.yellow("others on this machine can open the file that this was written to: chmod 600 it"));
}

function statOfStdout(): { readonly mode: number; readonly isFile: boolean } {
  try {
    const stat = fstatSync(STDOUT);
    return { mode: stat.mode, isFile: stat.isFile() };
  } catch {
    // It is closed.
    return { mode: 0, isFile: false };
  }
}
