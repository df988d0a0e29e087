/** The command line: argv in, exit code out. */
import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { BUILD } from "../model/build-info.ts";
import { WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { backupCommand } from "./backup.ts";
import { configCommand } from "./config.ts";
import { deleteCommand } from "./delete.ts";
import { demoCommand } from "./demo.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { queryCommand } from "./query.ts";
import { restoreCommand } from "./restore.ts";
import { seriesCommand } from "./series.ts";
import { serveCommand } from "./serve.ts";
import { statsCommand } from "./stats.ts";
import { topCommand } from "./top.ts";
import { uploadCommand } from "./upload.ts";
import { verifyCommand } from "./verify.ts";
import { watchCommand } from "./watch.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

export async function runCli(argv: readonly string[], deps: { spawn: SpawnWorker }): Promise<number> {
  const program = new Command("watchpost")
    .description("Real-time IoT monitoring in one executable.")
    .version(`watchpost ${BUILD.version} (${BUILD.commit})`, "-V, --version")
    .showHelpAfterError("Say --help after a command for what it takes.")
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false });
  const commands = [
    serveCommand(deps),
    uploadCommand(),
    watchCommand(),
    queryCommand(),
    exportCommand(),
    importCommand(),
    seriesCommand(),
    topCommand(),
    deleteCommand(),
    statsCommand(),
    backupCommand(),
    restoreCommand(),
    verifyCommand(),
    demoCommand(deps),
    configCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  overrideExits(program);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT_USAGE;
    }
    await program.parseAsync(argv, { from: "user" });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof WatchpostError)) throw error;
    console.error(`${pc.red("error:")} ${error.message}`);
    return error.status === "INVALID_ARGUMENT" || error.status === "FAILED_PRECONDITION" ? EXIT_USAGE : EXIT_FAILED;
  }
}

function overrideExits(command: Command): void {
  command.exitOverride();
  command.commands.forEach(overrideExits);
}
