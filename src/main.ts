/** The entry of the executable: argv in, exit code out. */
import { Worker } from "node:worker_threads";
import type { WorkerRole } from "./model/spawn.ts";

/** Commands that run the server. */
const SERVING: ReadonlySet<string | undefined> = new Set(["serve", "demo"]);

const args = process.argv.slice(2);
const workerOf = (role: WorkerRole) => new Worker(new URL("./thread.ts", import.meta.url), { workerData: { role } });
// They load their code while this thread loads its own. Unless they are wanted they keep nothing alive.
const early = new Map<WorkerRole, Worker>(
  SERVING.has(args[0]) ? (["log", "store"] as const).map((role) => [role, workerOf(role)]) : [],
);
for (const worker of early.values()) worker.unref();
const spawn = (role: WorkerRole) => {
  const worker = early.get(role) ?? workerOf(role);
  early.delete(role);
  worker.ref();
  return worker;
};
const { runCli } = await import("./cli/program.ts");
process.exitCode = await runCli(args, { spawn });
