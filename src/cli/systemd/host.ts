/** What of the machine `watchpost service` touches: its units, and systemctl. */
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WatchpostError } from "../../model/errors.ts";

export interface Ran {
  readonly code: number;
  /** What it printed, on either stream. */
  readonly text: string;
}

export interface SystemdHost {
  readonly isRoot: boolean;
  /** systemd is what has started this machine. */
  readonly hasSystemd: boolean;
  systemctl(...args: readonly string[]): Ran;
  /** Undefined: there is no such file. */
  read(path: string): string | undefined;
  write(path: string, text: string): void;
  remove(path: string): void;
  isDirectory(path: string): boolean;
}

/** `root` stands before every path; tests have their own, and their own `program`. */
export function systemdHost(root = "/", program = "systemctl"): SystemdHost {
  const at = (path: string) => join(root, path);
  return {
    isRoot: process.getuid?.() === 0,
    hasSystemd: existsSync(at("/run/systemd/system")),
    systemctl(...args) {
      try {
        const { exitCode, stdout, stderr } = Bun.spawnSync([program, ...args], { stdin: "ignore" });
        return { code: exitCode, text: `${stdout.toString()}${stderr.toString()}`.trim() };
      } catch (error) {
        throw new WatchpostError("FAILED_PRECONDITION", `${program} cannot be run: ${messageOf(error)}`);
      }
    },
    read: (path) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : undefined),
    write: (path, text) => writeFileSync(at(path), text, { mode: 0o644 }),
    remove: (path) => rmSync(at(path)),
    isDirectory: (path) => statSync(at(path), { throwIfNoEntry: false })?.isDirectory() === true,
  };
}
