/** Rules files as commands read them: what else the server's own file may have is passed over. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { NOTIFY_SECTIONS } from "../alerts/notify-setup.ts";
import { parseRulesFile, type RulesFile } from "../alerts/rules-file.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";

const OTHERS = Object.fromEntries(NOTIFY_SECTIONS.map((key) => [key, z.unknown()]));

/** A file's rules; `passedOver` names the sections it has beside them. */
export interface ReadRules extends RulesFile<{}> {
  readonly passedOver: readonly string[];
}

/** `path` "-": standard input. Throws FAILED_PRECONDITION with all that is wrong. */
export async function readRules(path: string): Promise<ReadRules> {
  const read = parseRulesFile(nameOf(path), await contentOf(path), OTHERS);
  return { ...read, passedOver: NOTIFY_SECTIONS.filter((key) => read.sections[key] !== undefined) };
}

/** What messages call it. */
export function nameOf(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** Throws FAILED_PRECONDITION where it cannot be read. */
export async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return path === "-" ? await Bun.stdin.bytes() : readFileSync(path);
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", `${path} cannot be read: ${messageOf(error)}`);
  }
}
