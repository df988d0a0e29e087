/** Installs the server as a service of systemd, removes it, and tells how it stands; says each thing that it did. */
import { WatchpostError } from "../../model/errors.ts";
import type { SystemdHost } from "./host.ts";
import { unitText, type UnitOptions } from "./unit.ts";

export const UNIT = "watchpost.service";
export const UNIT_PATH = `/etc/systemd/system/${UNIT}`;
/** Where DynamicUser has what /var/lib/watchpost leads to. */
const STATE_DIRECTORY = "/var/lib/private/watchpost";

export type Say = (sentence: string) => void;

export interface InstallOptions extends UnitOptions {
  /** Whether the server is started now, too. */
  readonly start: boolean;
}

/** Writes the unit, enables it, and starts it unless it is told not to. Idempotent. */
export function installService(host: SystemdHost, { start, ...options }: InstallOptions, say: Say): void {
  const unit = unitText(options);
  refuseWithout(host, "install", "--dry-run prints the unit, for another machine or another service manager");
  const { config, data, user } = options;
  if (config !== undefined && host.read(config) === undefined) {
    throw refusal(`--config ${config}: there is no such file`);
  }
  if (data !== undefined && !host.isDirectory(data)) {
    throw refusal(`--data ${data}: there is no such directory; make it: install -d -m 700 -o ${user} ${data}`);
  }
  const before = host.read(UNIT_PATH);
  if (before === unit) say(`${UNIT_PATH} is as it should be`);
  else {
    host.write(UNIT_PATH, unit);
    say(`${before === undefined ? "wrote" : "wrote anew"} ${UNIT_PATH}`);
  }
  done(host, say, "daemon-reload", "told systemd to read its units");
  done(host, say, `enable ${UNIT}`, "it starts with the machine");
  if (!start) return say(`next: systemctl start ${UNIT}`);
  done(host, say, `restart ${UNIT}`, "it runs, and is ready");
  say(
    "next: watchpost status, journalctl -u watchpost; settings of your own: /etc/default/watchpost, systemctl edit watchpost",
  );
}

/** Stops the server and removes the unit. What is stored stays. Idempotent. */
export function uninstallService(host: SystemdHost, say: Say): void {
  refuseWithout(host, "uninstall", "nothing was changed");
  if (host.read(UNIT_PATH) === undefined) return say(`there is no ${UNIT_PATH}: nothing to do`);
  done(host, say, `disable --now ${UNIT}`, "it is stopped, and starts no more with the machine");
  host.remove(UNIT_PATH);
  say(`removed ${UNIT_PATH}`);
  done(host, say, "daemon-reload", "told systemd to read its units");
  const place = host.isDirectory(STATE_DIRECTORY) ? STATE_DIRECTORY : "the data directory";
  say(`what is stored stays in ${place}, and settings in /etc/default/watchpost; remove them where nobody wants them`);
}

export interface ServiceStatus {
  readonly isInstalled: boolean;
  readonly isRunning: boolean;
  /** "enabled": it starts with the machine. */
  readonly enabled: string;
  /** In systemd's words: "active (running)". */
  readonly state: string;
  readonly pid: number;
  /** Of starts after a failure. */
  readonly restarts: number;
  /** Why it ended the last time; "success" where nothing was wrong. */
  readonly result: string;
  /** What the server said last. */
  readonly text: string;
  /** When it started, in systemd's words; "" where it does not run. */
  readonly since: string;
}

const PROPERTIES =
  "LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,Result,StatusText,ActiveEnterTimestamp";

export function serviceStatus(host: SystemdHost): ServiceStatus {
  if (!host.hasSystemd) throw withoutSystemd("status", "watchpost status asks the server itself");
  const { code, text } = host.systemctl("show", UNIT, `--property=${PROPERTIES}`);
  if (code !== 0) throw refusal(`systemctl show ${UNIT} failed: ${text}`);
  const lines = text.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  const told = Object.fromEntries(lines) as Record<string, string | undefined>;
  const { LoadState = "", ActiveState = "", SubState = "", UnitFileState = "", ActiveEnterTimestamp = "" } = told;
  return {
    isInstalled: LoadState === "loaded",
    isRunning: ActiveState === "active" || ActiveState === "reloading",
    enabled: UnitFileState,
    state: `${ActiveState} (${SubState})`,
    pid: Number(told["MainPID"] ?? 0),
    restarts: Number(told["NRestarts"] ?? 0),
    result: told["Result"] ?? "",
    text: told["StatusText"] ?? "",
    since: ActiveEnterTimestamp,
  };
}

function refuseWithout(host: SystemdHost, what: string, advice: string): void {
  if (!host.hasSystemd) throw withoutSystemd(what, advice);
  if (!host.isRoot) throw refusal(`service ${what} changes the system and needs root: sudo watchpost service ${what}`);
}

function withoutSystemd(what: string, advice: string): WatchpostError {
  return refusal(`service ${what} needs systemd, which does not run this machine; ${advice}`);
}

function done(host: SystemdHost, say: Say, command: string, sentence: string): void {
  const { code, text } = host.systemctl(...command.split(" "));
  if (code === 0) return say(`${sentence} (systemctl ${command})`);
  const look = /start/.test(command) ? "; what the server said: journalctl -u watchpost -n 30" : "";
  throw refusal(`systemctl ${command} failed with code ${code}: ${text}${look}`);
}

function refusal(message: string): WatchpostError {
  return new WatchpostError("FAILED_PRECONDITION", message);
}
