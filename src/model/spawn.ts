import type { Worker } from "node:worker_threads";

export type WorkerRole = "log" | "store";

/** Starts one of the two worker threads. Made in main.ts of thread.ts; tests pass their own. */
export type SpawnWorker = (role: WorkerRole) => Worker;
