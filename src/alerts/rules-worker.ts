/** Reads the rules file in a thread of its own: a large one takes a second, and the event loop has none. */
import { readFileSync } from "node:fs";
import type { MessagePort, Worker } from "node:worker_threads";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { Rule } from "./rule.ts";
import { parseRulesFile } from "./rules-file.ts";

/** What a file says, or what is wrong with it. */
type Reading = { readonly rules: readonly Rule[] } | { readonly failure: string };

/** The worker's end: answers its one question, the path, and is ended. */
export function startRulesWorker(port: MessagePort): void {
  port.once("message", (path: string) => port.postMessage(readingOf(path)));
}

/** Rejects with FAILED_PRECONDITION that names file, line and column of everything that is wrong. */
export async function readRulesFile(path: string, spawn: SpawnWorker): Promise<readonly Rule[]> {
  const worker = spawn("rules");
  try {
    worker.postMessage(path);
    const reading = await answerOf(worker);
    if ("failure" in reading) throw new WatchpostError("FAILED_PRECONDITION", reading.failure);
    return reading.rules;
  } finally {
    await worker.terminate();
  }
}

function answerOf(worker: Worker): Promise<Reading> {
  const { promise, resolve, reject } = Promise.withResolvers<Reading>();
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", (code) => reject(new Error(`the thread that reads the rules file ended with code ${code}`)));
  return promise;
}

function readingOf(path: string): Reading {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    return { failure: `the rules file ${path} cannot be read: ${messageOf(error)}` };
  }
  try {
    return { rules: parseRulesFile(path, content).rules };
  } catch (error) {
    if (error instanceof WatchpostError) return { failure: error.message };
    throw error;
  }
}
