/** `watchpost verify`: whether everything that was stored is what was written. */
import { statSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import { WatchpostError } from "../model/errors.ts";
import { ArchiveChain } from "../store/archive-chain.ts";
import { verifyArchives, verifyDirectory, type Verified } from "../store/verify.ts";
import { interruptSignal } from "./client-flags.ts";

const SLICE_MS = 50;
const HELP = `
Reads every record of the log, every block, every series, the journal, and that which several nodes share, and compares
all of them with their checksums. Nothing is written. Damage is printed, a line for each place; exit code 1 when there is any.

Examples:
  watchpost verify --data /var/lib/watchpost      of a server that is stopped
  watchpost verify monday.tar tuesday.tar         backups, the newest last`;

export function verifyCommand(): Command {
  return new Command("verify")
    .summary("check a data directory or a backup for damage")
    .description("Checks everything in the data directory of a stopped server, or in backups, for damage.")
    .argument("[file...]", "backups: those it adds to first, the one that is meant last")
    .option("--data <dir>", "a data directory that no server has open")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(files: string[], { data }: { data?: string }): Promise<void> {
  if ((data === undefined) === (files.length === 0)) {
    throw new WatchpostError("INVALID_ARGUMENT", "wanted either --data DIR or backups to verify");
  }
  for (const file of files) {
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    throw new WatchpostError("INVALID_ARGUMENT", `${file} is a directory, wanted a backup: --data ${file} checks it`);
  }
  const signal = interruptSignal();
  let damaged = 0;
  const onDamage = (sentence: string) => {
    damaged++;
    console.log(`${pc.red("damaged:")} ${sentence}`);
  };
  const chain = data === undefined ? ArchiveChain.open(files) : null;
  try {
    const work = chain === null ? verifyDirectory(data!, onDamage) : verifyArchives(chain, onDamage);
    const verified = await runSliced(work, signal);
    if (verified === null) {
      process.exitCode = 130;
      return console.error("interrupted: not everything was looked at");
    }
    tell(verified, data ?? files.join(", "), damaged);
  } finally {
    chain?.close();
  }
  if (damaged > 0) process.exitCode = 1;
}

/** Null when it was interrupted. */
async function runSliced(work: Generator<void, Verified>, signal: AbortSignal): Promise<Verified | null> {
  for (;;) {
    for (const endMs = performance.now() + SLICE_MS; performance.now() < endMs;) {
      const { done, value } = work.next();
      if (done) return value;
    }
    await new Promise((resolve) => setImmediate(resolve));
    if (!signal.aborted) continue;
    work.return(undefined as never);
    return null;
  }
}

function tell(verified: Verified, what: string, damaged: number): void {
  const { periodFiles, blocks, points, logRecords, logPoints, series, shared, notes } = verified;
  for (const note of notes) console.log(pc.yellow(`note: ${note}`));
  const count = (value: number, one: string) => `${value.toLocaleString("en-US")} ${one}${value === 1 ? "" : "s"}`;
  const sealed = `${count(periodFiles, "period file")}, ${count(blocks, "block")}, ${count(points, "stored value")}`;
  const log = logRecords === 0 ? "" : `, ${count(logRecords, "log record")} with ${count(logPoints, "more value")}`;
  const ofShared = shared === undefined ? "" : `, the shared journal with ${count(shared.entries, "event")}`;
  const verdict = damaged === 0 ? pc.green("nothing is damaged") : pc.red(`${count(damaged, "place")} damaged`);
  console.log(`${what}: ${series.toLocaleString("en-US")} series, ${sealed}${log}${ofShared}: ${verdict}`);
}
