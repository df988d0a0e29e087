/** `watchpost doctor`: whether a server can run well here, and what to do where it cannot. */
import { Command } from "commander";
import pc from "picocolors";
import type { LoadedConfig } from "../config/load.ts";
import { WatchpostError } from "../model/errors.ts";
import { counted } from "./counted.ts";
import { checkCertificate } from "./doctor/check-certificate.ts";
import { checkClock, clockOf } from "./doctor/check-clock.ts";
import { checkDirectory, checkFileSystem, checkSpace, placeOf, spaceOf } from "./doctor/check-directory.ts";
import { checkLimits } from "./doctor/check-limits.ts";
import { checkPort } from "./doctor/check-ports.ts";
import { checkRedis } from "./doctor/check-redis.ts";
import { checkSettings } from "./doctor/check-settings.ts";
import { checkStore, serverPidOf } from "./doctor/check-store.ts";
import { checkSync } from "./doctor/check-sync.ts";
import { findings, type Finding } from "./doctor/finding.ts";
import { addServerFlags, configOfFlags, type ServerFlags } from "./server-flags.ts";

const STORE_BUDGET_MS = 10_000;
const HELP = `
Looks at settings, data directory, file system, disk, sync, clock, certificate, limits, ports, Redis and what is stored, with a server
running or not; give it the flags of the server, and run it as its user. Nothing is changed; a file of 80 kB is written and removed.
Exit code 1 where there is a problem; warnings are none.

Examples:
  watchpost doctor
  sudo watchpost doctor --data /var/lib/watchpost --config /etc/watchpost.toml
  watchpost doctor --json | jq -r '.findings[] | select(.level != "ok") | .text'`;

interface DoctorFlags extends ServerFlags {
  json?: boolean;
}

export function doctorCommand(): Command {
  return addServerFlags(new Command("doctor"))
    .summary("find what keeps a server from running well, and say what to do")
    .description("Finds what keeps a server from running well here, and says what to do about it.")
    .option("--json", "one JSON object")
    .addHelpText("after", HELP)
    .action(doctor);
}

async function doctor({ json, ...flags }: DoctorFlags): Promise<void> {
  const found = await examine(flags);
  if (json) process.stdout.write(`${JSON.stringify({ findings: found }, null, 2)}\n`);
  else process.stdout.write(doctorText(found));
  if (found.some(({ level }) => level === "problem")) process.exitCode = 1;
}

async function examine(flags: ServerFlags): Promise<Finding[]> {
  let loaded: LoadedConfig;
  try {
    loaded = configOfFlags(flags);
  } catch (error) {
    if (!(error instanceof WatchpostError)) throw error;
    return [findings("settings").problem(error.message, "correct it; nothing else was looked at")];
  }
  const { data, grpc, http, retention } = loaded.config;
  const place = placeOf(data);
  const directory = checkDirectory(data, place);
  if (!place.isDirectory) return directory;
  const serverPid = place.exists ? serverPidOf(data) : undefined;
  return [
    ...checkSettings(loaded),
    ...directory,
    ...checkFileSystem(place.place),
    ...checkSpace(spaceOf(place.place, retention.free_floor)),
    ...checkSync(place.place),
    ...checkClock(clockOf(data)),
    ...checkCertificate(loaded.config, Date.now()),
    ...checkLimits(serverPid),
    checkPort("gRPC", grpc, serverPid),
    checkPort("HTTP", http, serverPid),
    ...(await checkRedis(loaded.config)),
    ...checkStore(data, serverPid, STORE_BUDGET_MS),
  ];
}

/** A line for each finding, what to do below it, and a verdict. */
export function doctorText(found: readonly Finding[]): string {
  const width = Math.max(...found.map(({ check }) => check.length));
  const paint = { ok: pc.green, warning: pc.yellow, problem: pc.red };
  const lines = found.map(({ check, level, text, advice }) => {
    const what = advice === "" ? "" : `${" ".repeat(width + 11)}-> ${advice}\n`;
    return `${paint[level](level.padEnd(7))}  ${check.padEnd(width)}  ${text}\n${what}`;
  });
  const count = (level: string) => found.filter((finding) => finding.level === level).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  const isWell = problems + warnings === 0;
  const verdict = isWell ? "nothing is wrong" : `${counted(problems, "problem")}, ${counted(warnings, "warning")}`;
  return `${lines.join("")}\n${verdict}\n`;
}
