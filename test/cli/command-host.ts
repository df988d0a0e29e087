/**
 * Runs commands one after the other in one process, each as main.ts does in a process of its own: starting a program and
 * loading its code costs many times what most commands do. command-runner.ts starts it.
 */
import { format } from "node:util";
import { runCli } from "../../src/cli/program.ts";
import type { Ended, HostedRequest } from "./command-runner.ts";

const out: Uint8Array[] = [];
const err: Uint8Array[] = [];

for (const [stream, chunks] of [
  [process.stdout, out],
  [process.stderr, err],
] as const) {
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    chunks.push(typeof chunk === "string" ? Buffer.from(chunk) : Uint8Array.from(chunk));
    const done = rest.find((one) => typeof one === "function");
    if (done !== undefined) queueMicrotask(() => done());
    return true;
  };
}
console.log = (...args: unknown[]) => void process.stdout.write(`${format(...args)}\n`);
console.error = (...args: unknown[]) => void process.stderr.write(`${format(...args)}\n`);
// What a command calls itself in lines that a person copies is the program's name.
process.argv.splice(1, 1, "watchpost");

process.on("message", async ({ args, env }: HostedRequest) => {
  const before = { ...process.env };
  Object.assign(process.env, env);
  process.exitCode = 0;
  let code = 1;
  try {
    code = await runCli(args, {
      spawn: () => {
        throw new Error(`${args.join(" ")} runs a server, which wants a process of its own`);
      },
    });
  } catch (error) {
    console.error(error);
  }
  // A command leaves its listeners to the end of its process.
  for (const event of ["SIGINT", "SIGTERM"]) process.removeAllListeners(event);
  process.stdout.removeAllListeners("error");
  for (const key of Object.keys(env)) delete process.env[key];
  Object.assign(process.env, before);
  process.exitCode = 0;
  const answer: Ended = { code, out: textOf(out), err: textOf(err) };
  process.send!(answer);
});

function textOf(chunks: Uint8Array[]): string {
  return Buffer.concat(chunks.splice(0)).toString();
}
