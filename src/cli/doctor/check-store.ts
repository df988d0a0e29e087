/** What is stored: who has it, and as much of `watchpost verify` as a few seconds allow. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { formatDurationMs } from "../../model/duration.ts";
import { messageOf } from "../../model/errors.ts";
import { isTaken } from "../../store/offline-database.ts";
import { verifyDirectory } from "../../store/verify.ts";
import { counted } from "../counted.ts";
import { findings, type Finding } from "./finding.ts";

/** Places of damage that are told one by one. */
const TOLD_MAX = 5;

/** Of the server that has a data directory; undefined: none has. 0: it did not say. */
export function serverPidOf(data: string): number | undefined {
  if (!isTaken(join(data, "state.db"))) return undefined;
  const pidFile = join(data, "watchpost.pid");
  return existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8").trim()) || 0 : 0;
}

/** Goes on for `budgetMs`; what was not looked at by then is said. */
export function checkStore(data: string, serverPid: number | undefined, budgetMs: number): Finding[] {
  const { ok, problem } = findings("store");
  if (serverPid !== undefined) {
    return [ok(`a server has it, process ${serverPid || "unknown"}; watchpost status tells how it stands`)];
  }
  const damage: string[] = [];
  try {
    if (!isStored(data)) return [ok("nothing is stored yet")];
    const work = verifyDirectory(data, (sentence) => void damage.push(sentence));
    const endMs = performance.now() + budgetMs;
    let next = work.next();
    while (!next.done && performance.now() < endMs) next = work.next();
    if (!next.done) work.return(undefined as never);
    const advice = "restore a backup, or start the server: it serves the rest, and names what is damaged";
    const told = damage.slice(0, TOLD_MAX).map((sentence) => problem(sentence, advice));
    const more = damage.length - TOLD_MAX;
    if (more > 0) told.push(problem(`${more} more places are damaged`, `watchpost verify --data ${data}`));
    if (told.length > 0) return told;
    if (!next.done) {
      const text = `nothing is damaged of what ${formatDurationMs(budgetMs)} were enough for`;
      return [ok(`${text}; watchpost verify --data ${data} looks at all`)];
    }
    const { points, logPoints, series, shared } = next.value;
    const log = `${counted(logPoints, "more value")} in the log`;
    const ofShared = shared === undefined ? "" : `, ${counted(shared.entries, "event")} in the shared journal`;
    const stored = `${series.toLocaleString("en-US")} series, ${counted(points, "stored value")}, ${log}${ofShared}`;
    return [ok(`nothing is damaged: ${stored}`)];
  } catch (error) {
    return [problem(messageOf(error), `look into ${data}`)];
  }
}

function isStored(data: string): boolean {
  return existsSync(data) && readdirSync(data).some((name) => /\.(db|wal)$/.test(name));
}
