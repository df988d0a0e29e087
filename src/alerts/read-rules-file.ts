/** Has the rules file read in a thread of its own: a large one takes a second, and the event loop has none. */
import type { Worker } from "node:worker_threads";
import { WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import type { WrittenSections } from "./notify-setup.ts";
import type { Rule } from "./rule.ts";

export interface RulesFileContent {
  readonly rules: readonly Rule[];
  /** As written, and looked at: they hold secrets, which are no plain data. */
  readonly sections: WrittenSections;
}

/** What a file says, or what is wrong with it. */
export type Reading = RulesFileContent | { readonly failure: string };

export interface Question {
  readonly path: string;
  readonly taken: readonly string[];
}

/**
 * `taken`: names that rules of the file must not have. Rejects with FAILED_PRECONDITION that names file, line and column of
 * everything that is wrong.
 */
export async function readRulesFile(
  path: string,
  taken: readonly string[],
  spawn: SpawnWorker,
): Promise<RulesFileContent> {
  const worker = spawn("rules");
  try {
    worker.postMessage({ path, taken } satisfies Question);
    const reading = await answerOf(worker);
    if ("failure" in reading) throw new WatchpostError("FAILED_PRECONDITION", reading.failure);
    return reading;
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
