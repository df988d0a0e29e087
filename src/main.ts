/** The entry of the executable and of its worker threads: a worker is this same file with a role. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { WorkerRole } from "./model/spawn.ts";

if (isMainThread) {
  const { runCli } = await import("./cli/program.ts");
  const spawn = (role: WorkerRole) => new Worker(new URL(import.meta.url), { workerData: { role } });
  process.exitCode = await runCli(process.argv.slice(2), { spawn });
} else if (workerData.role === "log") {
  const { startLogWorker } = await import("./log/log-worker.ts");
  startLogWorker(parentPort!);
} else {
  const { startStoreWorker } = await import("./store/store-worker.ts");
  startStoreWorker(parentPort!);
}
