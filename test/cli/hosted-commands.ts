/** Commands that share a process: see command-host.ts. */
import { join } from "node:path";
import type { Ended } from "./command-rig.ts";

export interface HostedRequest {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export type HostedAnswer = Ended;

export interface HostedCommands {
  /** Whether a command runs now: one that waits for another would wait forever. */
  readonly isBusy: boolean;
  run(request: HostedRequest): Promise<Ended>;
  close(): void;
}

export function hostCommands(cwd: string, env: Readonly<Record<string, string>>): HostedCommands {
  let running: PromiseWithResolvers<Ended> | undefined;
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "command-host.ts")], {
    cwd,
    env,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc: (answer: HostedAnswer) => running?.resolve(answer),
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
