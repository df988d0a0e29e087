/** Watchpost under load: a process of its own, the compiled binary where there is a fresh one. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { killAtExit } from "./cleanup.ts";
import { cpuSeconds } from "./measure.ts";
import { linesOf } from "./sender-process.ts";
import { METRIC_NAMES } from "./workload.ts";

const root = join(import.meta.dir, "../..");
const binary = join(root, "dist/watchpost");
let errorsLogged = 0;

/** How many errors servers have logged since the last call: figures beside them say little. */
export function takeErrorsLogged(): number {
  const taken = errorsLogged;
  errorsLogged = 0;
  return taken;
}

const LOG_LINES_KEPT = 40;
const COUNT_STEP_MS = 30 * 86_400_000;
const STOP_MS_MAX = 120_000;

/** What every server of a comparison can do, peers included. */
export interface BenchServer {
  readonly name: string;
  readonly pid: number;
  /** CPU seconds from the start of the process. */
  cpu(): number;
  /** How many points it holds. */
  stored(): Promise<number>;
  /** Asks it to stop and waits; resolves with its CPU seconds from start to end. */
  stop(): Promise<number>;
}

export interface WatchpostServer extends BenchServer {
  readonly grpc: string;
  readonly http: string;
  /** The last lines of its log. */
  log(): readonly string[];
}

let chosenBinary: string | undefined;

/** An executable to measure, whatever stands in dist/. */
export function useBinary(file: string): void {
  chosenBinary = resolve(file);
}

let decided: { command: string[]; what: string } | undefined;

/** The command that runs Watchpost, and what to call it: the same one to the end, whatever happens to the source. */
export function watchpostCommand(): { command: string[]; what: string } {
  return (decided ??= decide());
}

function decide(): { command: string[]; what: string } {
  if (chosenBinary !== undefined) return { command: [chosenBinary], what: `binary ${basename(chosenBinary)}` };
  if (existsSync(binary) && statSync(binary).mtimeMs >= newestSourceMs()) return { command: [binary], what: "binary" };
  const why = existsSync(binary) ? "the binary is older than the source" : "no binary: bun run build";
  return { command: [process.execPath, join(root, "src/main.ts")], what: `from source (${why})` };
}

function newestSourceMs(): number {
  const src = join(root, "src");
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return Math.max(...files.map((file) => statSync(join(src, file)).mtimeMs));
}

export interface WatchpostOptions {
  readonly data: string;
  readonly http?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Spawns it without waiting for its first answer. */
export function spawnWatchpost({ data, http = "127.0.0.1:0", env = {} }: WatchpostOptions) {
  const flags = ["serve", "--data", data, "--grpc", "127.0.0.1:0", "--http", http, "--log-format", "json"];
  const child = killAtExit(
    Bun.spawn([...watchpostCommand().command, ...flags], {
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    }),
  );
  return child;
}

export async function startWatchpost(options: WatchpostOptions): Promise<WatchpostServer> {
  const child = spawnWatchpost(options);
  const lines: string[] = [];
  const serving = Promise.withResolvers<{ grpc: string; http: string }>();
  void (async () => {
    for await (const line of linesOf(child.stderr)) {
      lines.push(line);
      if (lines.length > LOG_LINES_KEPT) lines.shift();
      const address = servingAddress(line);
      if (address !== undefined) serving.resolve(address);
      else if (/"level":(50|60)/.test(line)) {
        errorsLogged++;
        console.log(`  watchpost: ${line}`);
      }
    }
    serving.reject(new Error(`watchpost ended before it served:\n${lines.join("\n")}`));
  })();
  const { grpc, http } = await serving.promise;
  return {
    name: "Watchpost",
    pid: child.pid,
    grpc,
    http,
    cpu: () => cpuSeconds(child.pid),
    stored: () => countStored(http),
    stop: () => stopChild("watchpost", child),
    log: () => lines,
  };
}

/** Counts with queries, metric by metric. */
async function countStored(http: string): Promise<number> {
  let points = 0;
  for (const metric of METRIC_NAMES) {
    const response = await fetch(`http://${http}/analytics.Dashboard/QueryRange`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ metric, stepMs: String(COUNT_STEP_MS), function: "RANGE_FUNCTION_COUNT" }),
    });
    if (!response.ok) throw new Error(`QueryRange answered ${response.status}: ${await response.text()}`);
    const { series = [] } = (await response.json()) as { series?: { values: number[] }[] };
    for (const { values } of series) points += values.reduce((sum, value) => sum + value, 0);
  }
  return points;
}

function servingAddress(line: string): { grpc: string; http: string } | undefined {
  try {
    const entry = JSON.parse(line) as { msg?: string; grpc: string; http: string };
    return entry.msg === "serving" ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** SIGTERM, then SIGKILL when it takes too long, which is an error. */
export async function stopChild(name: string, child: Bun.Subprocess): Promise<number> {
  if (child.exitCode === null) child.kill("SIGTERM");
  const timer = setTimeout(() => {
    console.error(`  ${name} did not stop within ${STOP_MS_MAX / 1_000} s of SIGTERM`);
    child.kill("SIGKILL");
  }, STOP_MS_MAX);
  await child.exited;
  clearTimeout(timer);
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}; wanted 0`);
  return Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
}

/** Until what it has is written down, and it has done nothing for some seconds; or two minutes. */
export async function awaitRest(server: BenchServer): Promise<void> {
  let [cpu, still] = [server.cpu(), 0];
  for (let i = 0; i < 120 && still < 4; i++) {
    await Bun.sleep(1_000);
    const now = server.cpu();
    still = now - cpu < 0.05 ? still + 1 : 0;
    cpu = now;
  }
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = server;
  server.stop(true);
  return port;
}
