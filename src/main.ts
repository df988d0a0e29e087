/** The entry of the executable and of its worker threads: a worker is this same file with a role. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { WorkerRole } from "./model/spawn.ts";

/** Commands that run the server. */
const SERVING: ReadonlySet<string | undefined> = new Set(["serve", "demo"]);

if (isMainThread) {
  const args = process.argv.slice(2);
  const workerOf = (role: WorkerRole) => new Worker(new URL(import.meta.url), { workerData: { role } });
  // They load their code while this thread loads its own. Unless they are wanted they keep nothing alive.
  const early = new Map(SERVING.has(args[0]) ? (["log", "store"] as const).map((role) => [role, workerOf(role)]) : []);
  for (const worker of early.values()) worker.unref();
  const spawn = (role: WorkerRole) => {
    const worker = early.get(role) ?? workerOf(role);
    early.delete(role);
    worker.ref();
    return worker;
  };
  const { runCli } = await import("./cli/program.ts");
  process.exitCode = await runCli(args, { spawn });
} else if (workerData.role === "log") {
  const { startLogWorker } = await import("./log/log-worker.ts");
  startLogWorker(parentPort!);
} else {
  const { startStoreWorker } = await import("./store/store-worker.ts");
  startStoreWorker(parentPort!);
}
