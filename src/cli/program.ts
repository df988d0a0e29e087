/** The command line: argv in, exit code out. */
import { Command, CommanderError } from "commander";
import pc from "picocolors";
import { BUILD } from "../model/build-info.ts";
import { WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { NOT_ACCEPTED, WANTS_CERTIFICATE } from "../wire/connect-fault.ts";

interface CliDeps {
  readonly spawn: SpawnWorker;
}

/** In the order of the help. Loaded one by one: a server needs nothing of what reads Parquet files. */
const COMMANDS: Readonly<Record<string, (deps: CliDeps) => Promise<Command>>> = {
  init: async () => (await import("./init.ts")).initCommand(),
  serve: async (deps) => (await import("./serve.ts")).serveCommand(deps),
  upload: async () => (await import("./upload.ts")).uploadCommand(),
  watch: async () => (await import("./watch.ts")).watchCommand(),
  query: async () => (await import("./query.ts")).queryCommand(),
  export: async () => (await import("./export.ts")).exportCommand(),
  import: async () => (await import("./import.ts")).importCommand(),
  series: async () => (await import("./series.ts")).seriesCommand(),
  top: async () => (await import("./top.ts")).topCommand(),
  delete: async () => (await import("./delete.ts")).deleteCommand(),
  rules: async () => (await import("./rules.ts")).rulesCommand(),
  alerts: async () => (await import("./alerts.ts")).alertsCommand(),
  ack: async () => (await import("./ack.ts")).ackCommand(),
  resolve: async () => (await import("./resolve.ts")).resolveCommand(),
  assign: async () => (await import("./assign.ts")).assignCommand(),
  comment: async () => (await import("./comment.ts")).commentCommand(),
  history: async () => (await import("./history.ts")).historyCommand(),
  silence: async () => (await import("./silence.ts")).silenceCommand(),
  receiver: async () => (await import("./receiver.ts")).receiverCommand(),
  policy: async () => (await import("./policy.ts")).policyCommand(),
  annotate: async () => (await import("./annotate.ts")).annotateCommand(),
  annotations: async () => (await import("./annotations.ts")).annotationsCommand(),
  issues: async () => (await import("./issues.ts")).issuesCommand(),
  issue: async () => (await import("./issue.ts")).issueCommand(),
  session: async () => (await import("./session.ts")).sessionCommand(),
  devices: async () => (await import("./devices.ts")).devicesCommand(),
  device: async () => (await import("./device.ts")).deviceCommand(),
  dashboard: async () => (await import("./dashboard.ts")).dashboardCommand(),
  mqtt: async () => (await import("./mqtt.ts")).mqttCommand(),
  upstream: async () => (await import("./upstream.ts")).upstreamCommand(),
  token: async () => (await import("./token.ts")).tokenCommand(),
  certificate: async () => (await import("./certificate.ts")).certificateCommand(),
  audit: async () => (await import("./audit.ts")).auditCommand(),
  whoami: async () => (await import("./whoami.ts")).whoamiCommand(),
  status: async () => (await import("./status.ts")).statusCommand(),
  slow: async () => (await import("./slow.ts")).slowCommand(),
  log: async () => (await import("./log.ts")).logCommand(),
  health: async () => (await import("./health.ts")).healthCommand(),
  changes: async () => (await import("./changes.ts")).changesCommand(),
  stats: async () => (await import("./stats.ts")).statsCommand(),
  backup: async () => (await import("./backup.ts")).backupCommand(),
  restore: async () => (await import("./restore.ts")).restoreCommand(),
  verify: async () => (await import("./verify.ts")).verifyCommand(),
  simulate: async () => (await import("./simulate.ts")).simulateCommand(),
  demo: async (deps) => (await import("./demo.ts")).demoCommand(deps),
  nodes: async () => (await import("./nodes.ts")).nodesCommand(),
  node: async () => (await import("./node.ts")).nodeCommand(),
  config: async () => (await import("./config.ts")).configCommand(),
  doctor: async () => (await import("./doctor.ts")).doctorCommand(),
  service: async () => (await import("./service.ts")).serviceCommand(),
};

/** What commands can do about it, by what is said. */
const HINTS = [
  [" came; wanted the header", "; WATCHPOST_TOKEN or --token-file FILE show it"],
  ["the node at ", "; where it is gone another one takes over within seconds"],
  ["ECONNREFUSED", "; does the server run? --server names another"],
  ["does it want TLS?", " --server https://host:port speaks it"],
  ["does it want a certificate of the client?", " --cert FILE --key FILE show one"],
  [WANTS_CERTIFICATE, "; --cert FILE --key FILE show one"],
  [`${NOT_ACCEPTED}: it is s`, "; --ca FILE names who signed it"],
] as const;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** They go on whoever reads what they say. */
const SERVERS: ReadonlySet<string> = new Set(["serve", "demo"]);

export async function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const program = new Command("watchpost")
    .description("Real-time IoT monitoring in one executable.")
    .version(`watchpost ${BUILD.version} (${BUILD.commit})`, "-V, --version")
    .showHelpAfterError("Say --help after a command for what it takes.")
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false });
  const [name = ""] = argv;
  if (!SERVERS.has(name)) endQuietlyOnClosedPipe();
  const wanted = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]] : Object.values(COMMANDS);
  for (const load of wanted) program.addCommand(inheriting(await load(deps), program));
  overrideExits(program);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT_USAGE;
    }
    if (name === "help" && argv.length > 2) {
      partAsked(program, argv.slice(1)).outputHelp();
      return 0;
    }
    await program.parseAsync(askedAboutUnknown(argv) ?? argv, { from: "user" });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!(error instanceof WatchpostError)) throw error;
    const hint = HINTS.find(([about]) => error.message.includes(about))?.[1] ?? "";
    console.error(`${pc.red("error:")} ${error.message}${hint}`);
    return error.status === "INVALID_ARGUMENT" || error.status === "FAILED_PRECONDITION" ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** Output into a pipe whose reader has left, as `| head`, is no failure. */
function endQuietlyOnClosedPipe(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

/** Of `help NAME` and `NAME --help` the name where there is no such command: help says nothing of that. */
function askedAboutUnknown([name = "", about = ""]: readonly string[]): [string] | undefined {
  const asked = name === "help" ? about : name;
  const isKnown = asked === "help" || asked === "" || asked.startsWith("-") || Object.hasOwn(COMMANDS, asked);
  return isKnown ? undefined : [asked];
}

/** The part of a command that is named behind `help`: commander's own goes one name deep. */
function partAsked(program: Command, names: readonly string[]): Command {
  return names.reduce((command, name) => {
    const part = command.commands.find((one) => one.name() === name);
    if (part !== undefined) return part;
    const parts = command.commands.map((one) => one.name()).join(", ");
    const wanted = parts === "" ? "it has no parts" : `wanted one of ${parts}`;
    return command.error(`error: unknown command '${name}' of ${nameOf(command)}; ${wanted}`);
  }, program);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** With the settings of what it is part of, and its parts with its own. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const part of command.commands) inheriting(part, command);
  return command;
}

function overrideExits(command: Command): void {
  command.exitOverride();
  command.commands.forEach(overrideExits);
}
