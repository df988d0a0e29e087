/** The entry of the worker threads, which load no more than their own code: a worker is this file with a role. */
import { parentPort, workerData } from "node:worker_threads";
import type { WorkerRole } from "./model/spawn.ts";

const SHRINK_AFTER_MS = 2_000;

const { role } = workerData as { role: WorkerRole };
if (role === "log") {
  const { startLogWorker } = await import("./log/log-worker.ts");
  startLogWorker(parentPort!);
} else if (role === "rules") {
  const { startRulesWorker } = await import("./alerts/rules-worker.ts");
  startRulesWorker(parentPort!);
} else {
  const { startStoreWorker } = await import("./store/store-worker.ts");
  startStoreWorker(parentPort!);
}
// Most of the code that a start runs is never run again.
setTimeout(() => Bun.shrink(), SHRINK_AFTER_MS).unref();
