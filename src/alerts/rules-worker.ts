/** Reads the rules file in a thread of its own: a large one takes a second, and the event loop has none. */
import { readFileSync } from "node:fs";
import type { MessagePort, Worker } from "node:worker_threads";
import { z } from "zod";
import { messageOf, WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { unknownPolicies } from "./escalation/escalation-config-input.ts";
import type { Problem } from "./input/problem.ts";
import { NOTIFY_SECTIONS, notifySetupOf, type WrittenSections } from "./notify-setup.ts";
import type { Rule } from "./rule.ts";
import { parseRulesFile } from "./rules-file.ts";

export interface RulesFileContent {
  readonly rules: readonly Rule[];
  /** As written, and looked at: they hold secrets, which are no plain data. */
  readonly sections: WrittenSections;
}

/** What a file says, or what is wrong with it. */
type Reading = RulesFileContent | { readonly failure: string };

interface Question {
  readonly path: string;
  readonly taken: readonly string[];
}

/** The worker's end: answers its one question, and is ended. */
export function startRulesWorker(port: MessagePort): void {
  port.once("message", (question: Question) => port.postMessage(readingOf(question)));
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

function readingOf({ path, taken }: Question): Reading {
  let content: Uint8Array;
  try {
    content = readFileSync(path);
  } catch (error) {
    return { failure: `the rules file ${path} cannot be read: ${messageOf(error)}` };
  }
  try {
    const { rules, sections, errorOf } = parseRulesFile(path, content, SECTIONS);
    const names = new Set(taken);
    const clashes = rules.flatMap(({ name }, i) => (names.has(name) ? [clashOf(name, i)] : []));
    if (clashes.length > 0) throw errorOf(clashes);
    const { escalation } = notifySetupOf(sections, process.env);
    const unknown = unknownPolicies(rules, escalation);
    if (unknown.length > 0) throw errorOf(unknown);
    return { rules, sections };
  } catch (error) {
    if (error instanceof WatchpostError) return { failure: inFile(path, error.message) };
    throw error;
  }
}

const SECTIONS = Object.fromEntries(NOTIFY_SECTIONS.map((key) => [key, z.unknown()]));

/** What is wrong with rules says where already. */
function inFile(path: string, message: string): string {
  return message.includes(path) ? message : `${path} is wrong:\n  ${message.replaceAll("\n", "\n  ")}`;
}

function clashOf(name: string, i: number): Problem {
  const text = `is ${JSON.stringify(name)}; wanted a name that no rule put by a call has: delete that one, or rename this`;
  return { path: ["rules", i, "name"], text, isKey: false };
}
