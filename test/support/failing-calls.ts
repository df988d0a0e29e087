/** A child process whose system calls fail, and what it says of that. */
import { program, working } from "./needs.ts";

/** What a test needs for {@link underFault}. */
export const TRACER = [program("strace"), working("leave to trace", ["strace", "-f", "-o", "/dev/null", "true"])];

/**
 * `command`, with calls on `paths` failing. `fault` as strace's inject takes it: `pwrite64:error=EIO:when=1..30+7`
 * fails every seventh of the first thirty.
 */
export function underFault(fault: string, paths: readonly string[], command: readonly string[]): string[] {
  const calls = fault.slice(0, fault.indexOf(":"));
  const trace = ["-e", `trace=${calls}`, "-e", `inject=${fault}`];
  return ["strace", "-f", "-qq", "-o", "/dev/null", ...paths.flatMap((path) => ["-P", path]), ...trace, ...command];
}

/** Runs a command to its end and reads the JSON it prints. */
export async function reportOf<T>(command: string[]): Promise<T> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with code ${code}: ${err}`);
  return JSON.parse(out) as T;
}
