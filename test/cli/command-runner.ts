/** Runs commands to their end. Starting the executable costs several times what most commands do: many share a process. */
import { join } from "node:path";
import { BRIEF, BUSY, watchpostCommand } from "../support/server-process.ts";

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandRunner {
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  close(): void;
}

/** What command-host.ts gets. */
export interface HostedRequest {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface CommandHost {
  /** Whether a command runs now: one that waits for another would wait forever. */
  readonly isBusy: boolean;
  run(request: HostedRequest): Promise<Ended>;
  close(): void;
}

/** Variables that are read anew by each command. */
const HOSTED_ENV = /^(WATCHPOST_\w+|USER)$/;
/** They start threads of their own. */
const SERVERS: ReadonlySet<string | undefined> = new Set(["serve", "demo"]);

/**
 * The first command is a process of its own, as are those with input; others share one. As programs most commands are also run
 * by test/docs. `environment`: of every command, asked for each time.
 */
export function commandRunner(cwd: string, environment: () => Readonly<Record<string, string>>): CommandRunner {
  let hasRun = false;
  let host: CommandHost | undefined;
  return {
    async run(args, { stdin = "", env = {} } = {}) {
      const canShare = stdin === "" && !SERVERS.has(args[0]) && Object.keys(env).every((key) => HOSTED_ENV.test(key));
      const isHosted = canShare && hasRun && host?.isBusy !== true;
      hasRun = true;
      if (!isHosted) return runAlone(args, { cwd, env: { ...environment(), ...env }, stdin });
      host ??= startHost(cwd, environment());
      return host.run({ args, env: { ...environment(), ...env } });
    },
    close: () => host?.close(),
  };
}

async function runAlone(
  args: readonly string[],
  { stdin, ...where }: { cwd: string; env: Record<string, string>; stdin: string },
): Promise<Ended> {
  const env = BUSY.includes(args[0]) ? where.env : { ...BRIEF, ...where.env };
  const options = { ...where, env, stdin: new Blob([stdin]), stdout: "pipe", stderr: "pipe" } as const;
  const child = Bun.spawn([...watchpostCommand(false), ...args], options);
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, err };
}

function startHost(cwd: string, env: Readonly<Record<string, string>>): CommandHost {
  let running: PromiseWithResolvers<Ended> | undefined;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "command-host.ts")], {
    ...{ cwd, env, stdin: "ignore", stdout: "inherit", stderr: "inherit" },
    ipc: (answer: Ended) => running?.resolve(answer),
    onExit: (_, code) => running?.reject(new Error(`the process of the commands has ended with code ${code}`)),
  });
  return {
    get isBusy() {
      return running !== undefined;
    },
    async run(request) {
      running = Promise.withResolvers();
      try {
        child.send(request);
        return await running.promise;
      } finally {
        running = undefined;
      }
    },
    close: () => child.kill("SIGKILL"),
  };
}
