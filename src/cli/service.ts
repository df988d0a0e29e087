/** `watchpost service`: the server as a service of systemd. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { WatchpostError } from "../model/errors.ts";
import { configOfFlags } from "./server-flags.ts";
import { systemdHost } from "./systemd/host.ts";
import { installService, serviceStatus, uninstallService, type ServiceStatus } from "./systemd/manage.ts";
import { unitText } from "./systemd/unit.ts";

const INSTALL_HELP = `
Writes /etc/systemd/system/watchpost.service for this executable, enables and starts it, and says each of these. The server
runs under an account that systemd makes, may write nothing but /var/lib/watchpost, and is restarted when it ends or
hangs. Installing again brings the unit of a newer version. Changes of your own go into systemctl edit watchpost.

Examples:
  watchpost service install --dry-run              print the unit, change nothing
  sudo watchpost service install
  sudo watchpost service install --config /etc/watchpost.toml
  sudo watchpost service install --data /srv/watchpost --user watchpost`;

const OTHERS_READ = 0o004;

interface InstallFlags {
  config?: string;
  data?: string;
  user?: string;
  start: boolean;
  dryRun?: boolean;
}

export function serviceCommand(): Command {
  const service = new Command("service")
    .summary("run the server as a service of systemd: install, uninstall, status")
    .description("Installs the server as a service of systemd, removes it, and tells how it stands.");
  service
    .command("install")
    .description("Writes the unit of this executable, enables and starts it.")
    .option("--config <file>", "TOML file with settings; it may be readable to root alone")
    .option("--data <dir>", "keep everything in this directory of --user (default: /var/lib/watchpost)")
    .option("--user <name>", "run under this account (default: one that systemd makes)")
    .option("--no-start", "do not start it now")
    .option("--dry-run", "print the unit and change nothing")
    .addHelpText("after", INSTALL_HELP)
    .action(install);
  service
    .command("uninstall")
    .description("Stops the server and removes its unit. What is stored stays.")
    .action(() => uninstallService(systemdHost(), console.log));
  service
    .command("status")
    .description("Tells what systemd knows of the server. Exit code 1 where it does not run.")
    .option("--json", "one JSON object")
    .action(status);
  return service;
}

function install({ dryRun, start, ...flags }: InstallFlags): void {
  const paths = { ...flags };
  if (flags.config !== undefined) paths.config = resolve(flags.config);
  if (flags.data !== undefined) paths.data = resolve(flags.data);
  const tlsKey = paths.config === undefined ? undefined : keyOfRoot(paths.config);
  const options = { executable: ownExecutable(), ...paths, ...(tlsKey !== undefined && { tlsKey }) };
  if (dryRun) process.stdout.write(unitText(options));
  else installService(systemdHost(), { ...options, start }, console.log);
}

/** The key of TLS in these settings, where root alone may read it. Throws where a server would not start with them. */
function keyOfRoot(config: string): string | undefined {
  const { key } = configOfFlags({ config }, {}).config.tls;
  if (key === undefined || !existsSync(key)) return undefined;
  const { uid, mode } = statSync(key);
  return uid === 0 && (mode & OTHERS_READ) === 0 ? resolve(key) : undefined;
}

function ownExecutable(): string {
  if (process.argv[1]?.endsWith(".ts") !== true) return process.execPath;
  const message =
    "service install writes a unit for the executable, and this runs from source; build one: bun run build";
  throw new WatchpostError("FAILED_PRECONDITION", message);
}

function status({ json }: { json?: boolean }): void {
  const told = serviceStatus(systemdHost());
  process.stdout.write(json ? `${JSON.stringify(told, null, 2)}\n` : serviceText(told));
  if (!told.isRunning) process.exitCode = 1;
}

/** systemd forgets why it was when the next start begins; its log does not. */
function whyOf({ restarts, result }: ServiceStatus): string {
  if (result !== "success") return `; it ended the last time with: ${result}`;
  return restarts === 0 ? "" : "; why: journalctl -u watchpost | grep 'Failed with'";
}

/** Lines for people. */
export function serviceText(status: ServiceStatus): string {
  const { isInstalled, isRunning, enabled, state, pid, restarts, text, since } = status;
  if (!isInstalled) return "watchpost is not installed as a service; watchpost service install does that\n";
  const color = isRunning ? pc.green : pc.red;
  const lines: [string, string][] = [
    ["State", `${color(state)}${isRunning && since !== "" ? ` since ${since}` : ""}`],
    ["Says", text === "" ? "-" : text],
    ["Starts", enabled === "enabled" ? "with the machine" : `not with the machine (${enabled})`],
    ["Process", pid === 0 ? "-" : String(pid)],
    ["Restarts", `${restarts}${whyOf(status)}`],
  ];
  const advice = isRunning ? "" : "What it said: journalctl -u watchpost -n 30; what may be wrong: watchpost doctor\n";
  return `${lines.map(([title, value]) => `${title.padEnd(8)}  ${value}\n`).join("")}${advice}`;
}
