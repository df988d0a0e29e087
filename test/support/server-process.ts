/** A server in its own process: from source, or the compiled binary with the source tree hidden from it. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
export const BINARY = join(root, "dist/watchpost");

export interface ServerProcess {
  readonly grpc: string;
  readonly http: string;
  readonly pid: number;
  readonly exited: Promise<number>;
  /** Everything it logged so far, one JSON object a line. */
  log(): Record<string, unknown>[];
  /** Nothing where it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number>;
}

export interface ServerProcessOptions {
  readonly data: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What stands before the command: strace, faketime. */
  readonly wrapper?: readonly string[];
  /** Runs the compiled binary where it can see neither source nor node_modules. */
  readonly binary?: boolean;
  /** Another Watchpost than the one that is here. */
  readonly program?: readonly string[];
}

/**
 * For the environment of commands that live for a moment, which are those that are not {@link BUSY}. What would be compiled of them
 * is thrown away with them: without, such a command takes 0.15 CPU s in place of 0.25.
 */
export const BRIEF = { BUN_JSC_useJIT: "0" } as const;
/** Commands whose work takes longer than their start. */
export const BUSY: readonly string[] = ["serve", "demo", "simulate", "import", "export", "backup", "restore", "verify"];

/** A directory of the test's own, and what removes it. */
export function tempDir(name: string): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), `watchpost-${name}-`));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * The command that runs Watchpost: the binary with the tree hidden, or else from source. `bun run check` has built the binary,
 * which starts in a third of the time, and lets it stand for the source (WATCHPOST_TEST_PROGRAM).
 */
export function watchpostCommand(binary: boolean): string[] {
  if (!binary) {
    const program = process.env["WATCHPOST_TEST_PROGRAM"];
    return program === undefined ? [process.execPath, join(root, "src/main.ts")] : [program];
  }
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; run: bun run build`);
  if (!canHideTree()) return [BINARY];
  // The tree disappears under an empty file system, in a mount namespace of this process alone.
  const hide = 'exec 9<"$0" && mount -t tmpfs none "$1" && shift && exec /proc/self/fd/9 "$@"';
  return ["unshare", "-m", "sh", "-c", hide, BINARY, root];
}

let hides: boolean | undefined;

/** Whether this machine lets us unshare a mount namespace. */
export function canHideTree(): boolean {
  hides ??= Bun.spawnSync(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]).exitCode === 0;
  return hides;
}

export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { data, args = [], env = {}, wrapper = [], binary = false, program = watchpostCommand(binary) } = options;
  const command = [
    ...wrapper,
    ...program,
    "serve",
    "--data",
    data,
    "--grpc",
    "127.0.0.1:0",
    "--http",
    "127.0.0.1:0",
    "--log-format",
    "json",
    ...args,
  ];
  const child = Bun.spawn(command, {
    cwd: "/",
    // On a busy machine calls take long, which would be a warning among those that nobody expects.
    env: { PATH: process.env["PATH"] ?? "", WATCHPOST_SLOW_CALL: "1m", ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const lines: string[] = [];
  const serving = Promise.withResolvers<{ grpc: string; http: string; pid: number }>();
  serving.promise.catch(() => {});
  void readLines(child.stderr, (line) => {
    lines.push(line);
    const parsed = parseLine(line);
    if (parsed["msg"] === "serving") serving.resolve(parsed as never);
  }).then(() => serving.reject(new Error(`the server ended before it served:\n${lines.join("\n")}`)));
  const { grpc, http, pid } = await serving.promise;
  const runs = () => child.exitCode === null && child.signalCode === null;
  return {
    grpc,
    http,
    pid,
    exited: child.exited,
    log: () => lines.map(parseLine),
    kill(signal = "SIGKILL") {
      if (runs()) process.kill(pid, signal);
    },
    async stop() {
      if (runs()) process.kill(pid, "SIGTERM");
      return child.exited;
    },
  };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    parts.forEach(onLine);
  }
  if (rest !== "") onLine(rest);
}
