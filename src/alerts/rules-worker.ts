/** The thread that reads the rules file, and nothing else of the server: it needs YAML, which is large. */
import { readFileSync } from "node:fs";
import type { MessagePort } from "node:worker_threads";
import { z } from "zod";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { unknownPolicies } from "./escalation/escalation-config-input.ts";
import { problemsBehind, type Problem } from "./input/problem.ts";
import { NOTIFY_SECTIONS, notifySetupOf } from "./notify-setup.ts";
import type { Question, Reading } from "./read-rules-file.ts";
import { parseRulesFile } from "./rules-file.ts";

/** The worker's end: answers its one question, and is ended. */
export function startRulesWorker(port: MessagePort): void {
  port.once("message", (question: Question) => port.postMessage(readingOf(question)));
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
    const { escalation } = placed(() => notifySetupOf(sections, process.env), errorOf);
    const unknown = unknownPolicies(rules, escalation);
    if (unknown.length > 0) throw errorOf(unknown);
    return { rules, sections };
  } catch (error) {
    if (error instanceof WatchpostError) return { failure: inFile(path, error.message) };
    throw error;
  }
}

const SECTIONS = Object.fromEntries(NOTIFY_SECTIONS.map((key) => [key, z.unknown()]));

/** What is wrong in itself is told by line and column. */
function placed<T>(read: () => T, errorOf: (problems: readonly Problem[]) => WatchpostError): T {
  try {
    return read();
  } catch (error) {
    const problems = problemsBehind(error);
    throw problems === undefined ? error : errorOf(problems);
  }
}

/** What is wrong with rules says where already. */
function inFile(path: string, message: string): string {
  return message.includes(path) ? message : `${path} is wrong:\n  ${message.replaceAll("\n", "\n  ")}`;
}

function clashOf(name: string, i: number): Problem {
  const text = `is ${JSON.stringify(name)}; wanted a name that no rule put by a call has: delete that one, or rename this`;
  return { path: ["rules", i, "name"], text, isKey: false };
}
