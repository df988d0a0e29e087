/** `watchpost restore`: a data directory from a backup. */
import { Command } from "commander";
import pc from "picocolors";
import { hasShared } from "../model/backup-manifest.ts";
import { formatByteSize } from "../model/byte-size.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { ArchiveChain } from "../store/archive-chain.ts";
import { restore } from "../store/restore.ts";
import { byteProgress } from "./byte-progress.ts";
import { calledAs } from "./called-as.ts";
import { interruptSignal } from "./client-flags.ts";

const HELP = `
Of an incremental backup name the backups it adds to first and itself last. Everything is checked while it is copied; the
directory gets its name when it is whole. Run it as the user that runs the server.

Examples:
  watchpost restore monday.tar --data /var/lib/watchpost
  watchpost restore monday.tar tuesday.tar --data ./restored && watchpost serve --data ./restored`;

export function restoreCommand(): Command {
  return new Command("restore")
    .summary("make a data directory from a backup")
    .description("Makes a data directory from a backup. The directory must be empty or missing.")
    .argument("<file...>", "backups: those it adds to first, the one that is meant last")
    .requiredOption("--data <dir>", "the data directory to make")
    .option("--damaged", "take files of points that are damaged as they are: only their damaged blocks are lost")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(files: string[], { data, damaged }: { data: string; damaged?: boolean }): Promise<void> {
  const signal = interruptSignal();
  const chain = ArchiveChain.open(files);
  const progress = byteProgress();
  const { manifest } = chain;
  const found: string[] = [];
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  try {
    progress.start(bytes);
    await restore(chain, data, {
      onBytes: progress.add,
      pause: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        signal.throwIfAborted();
      },
      ...(damaged ? { onDamaged: (sentence: string) => void found.push(sentence) } : {}),
    });
  } catch (error) {
    if (signal.aborted) {
      process.exitCode = 130;
      return console.error("interrupted: nothing was restored");
    }
    if (error instanceof WatchpostError && error.status === "DATA_LOSS" && !damaged) {
      throw new WatchpostError("DATA_LOSS", `${error.message}; restore --damaged takes what is left of it`);
    }
    if (error instanceof WatchpostError) throw error;
    throw new WatchpostError("UNKNOWN", `${data} cannot be restored: ${messageOf(error)}`, { cause: error });
  } finally {
    progress.stop();
    chain.close();
  }
  console.error(`${data}: ${formatByteSize(bytes)}, ${manifest.series} series, as of ${manifest.createdAt}`);
  for (const sentence of found) console.error(pc.yellow(`${sentence}; it was taken as it is`));
  if (found.length > 0) process.exitCode = 1;
  for (const name of manifest.leftOut) console.error(pc.yellow(`${name} was not in the backup`));
  for (const name of manifest.damaged ?? []) {
    console.error(pc.yellow(`${name} was damaged when the backup was made, and is restored as a damaged one`));
  }
  if (!hasShared(manifest)) return console.error(`Serve it: ${calledAs()} serve --data ${data}`);
  console.error("It is of a node that shares a journal with others, which goes on where they are, or begins with it.");
  console.error(`Serve it: ${calledAs()} serve --data ${data} --redis URL`);
}
