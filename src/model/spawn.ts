import type { Worker } from "node:worker_threads";

export type WorkerRole = "log" | "store" | "rules";

/** Starts one of the worker threads. Made in main.ts of thread.ts; tests pass their own. */
export type SpawnWorker = (role: WorkerRole) => Worker;
