/** `watchpost backup`: everything a running server keeps, in one file. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import pc from "picocolors";
import { backup } from "../client/backup.ts";
import { syncDirectory } from "../log/segment.ts";
import { manifestText } from "../model/backup-manifest.ts";
import { formatByteSize, parseByteSize } from "../model/byte-size.ts";
import { messageOf, WatchpostError } from "../model/errors.ts";
import { BackupArchive } from "../store/backup-archive.ts";
import { byteProgress } from "./byte-progress.ts";
import { addServerOption, connectTo, interruptSignal } from "./client-flags.ts";

const HELP = `
The server goes on taking and serving points. The backup holds everything that was acknowledged when it began. It is a tar
archive; watchpost restore makes a data directory of it, watchpost verify checks it. With --base only what has changed
since that backup is copied; restore needs both then.

Examples:
  watchpost backup monday.tar
  watchpost backup tuesday.tar --base monday.tar --rate 20MiB
  watchpost restore monday.tar tuesday.tar --data ./restored`;

interface BackupFlags {
  server: string;
  base?: string;
  rate: number;
  force?: boolean;
}

export function backupCommand(): Command {
  return addServerOption(new Command("backup"))
    .summary("copy everything a running server keeps into a file")
    .description("Copies everything a running server keeps into a file, while points go on coming in.")
    .argument("<file>", "the backup to make")
    .option("--base <backup>", "an older backup: only what has changed since is copied")
    .option("--rate <size>", "bytes a second at most, such as 20MiB; 0 is no limit", rateArgument, 0)
    .option("--force", "replace the file if it is there")
    .addHelpText("after", HELP)
    .action(run);
}

async function run(file: string, flags: BackupFlags): Promise<void> {
  const signal = interruptSignal();
  const baseManifest = flags.base === undefined ? "" : manifestOf(flags.base);
  const unfinished = `${file}.unfinished`;
  const fd = create(file, unfinished, flags.force === true);
  const connection = connectTo(flags.server);
  const progress = byteProgress();
  try {
    try {
      const request = { baseManifest, bytesPerSecond: BigInt(flags.rate) };
      for await (const { data, bytesTotal } of backup(connection, request, { signal })) {
        if (bytesTotal > 0n) progress.start(Number(bytesTotal));
        for (let written = 0; written < data.length;) written += writeSync(fd, data, written);
        progress.add(data.length);
      }
      fsyncSync(fd);
    } finally {
      progress.stop();
      connection.close();
      closeSync(fd);
    }
    const told = describe(unfinished, file);
    renameSync(unfinished, file);
    syncDirectory(dirname(resolve(file)));
    told();
  } catch (error) {
    rmSync(unfinished, { force: true });
    if (signal.aborted) {
      console.error("interrupted: no backup was made");
      process.exitCode = 130;
      return;
    }
    if (error instanceof WatchpostError) throw error;
    throw new WatchpostError("UNKNOWN", `${file} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

function create(file: string, unfinished: string, force: boolean): number {
  // Found before anything is asked of the server.
  if (!force && existsSync(file)) {
    throw new WatchpostError("FAILED_PRECONDITION", `${file} is there already; --force replaces it`);
  }
  try {
    return openSync(unfinished, "w", 0o600);
  } catch (error) {
    throw new WatchpostError("FAILED_PRECONDITION", `${file} cannot be made: ${messageOf(error)}`);
  }
}

function manifestOf(base: string): string {
  const archive = BackupArchive.open(base);
  archive.close();
  return manifestText(archive.manifest, (text) => new Bun.CryptoHasher("sha256").update(text).digest("hex"));
}

/** Reads what was written back, and returns what tells of it. */
function describe(unfinished: string, file: string): () => void {
  const archive = BackupArchive.open(unfinished);
  archive.close();
  const { manifest, bytes } = archive;
  const before = manifest.files.length - archive.own().length;
  const unchanged = before === 0 ? "" : `, ${before} files unchanged since the base`;
  return () => {
    console.error(`${file}: ${formatByteSize(bytes)}, ${manifest.series} series${unchanged}`);
    for (const name of manifest.leftOut) {
      console.error(pc.yellow(`${name} is not in it: the server could not read it, or dropped it meanwhile`));
    }
    for (const name of manifest.damaged ?? []) {
      console.error(
        pc.yellow(`${name} is damaged on the server: the backup says that it is there, not what stood in it`),
      );
    }
  };
}

function rateArgument(text: string): number {
  try {
    return parseByteSize(text);
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
