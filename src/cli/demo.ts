/** `watchpost demo`: a server with live data in it, from a recording of a machine on its way to failure. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import type { RunningServer } from "../app.ts";
import { newSecret } from "../access/secret.ts";
import { batchesOf, type Point } from "../client/batch.ts";
import { Connection } from "../client/connection.ts";
import { pointsOf } from "../client/point-file.ts";
import { rebased, replayBatches } from "../client/replay.ts";
import { uploadAll } from "../client/upload.ts";
import { WatchpostError } from "../model/errors.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { calledAs } from "./called-as.ts";
import { DEMO_DASHBOARD, saveDemoContent } from "./demo-content.ts";
import { playFleets } from "./demo-fleets.ts";
import { retryTeller, speedArgument } from "./client-flags.ts";
import recording from "./demo-data/machine.jsonl.gz" with { type: "file" };
import { createLogger } from "./logger.ts";
import { startUnlessStopped } from "./start-unless-stopped.ts";
import { stopSignals } from "./serve.ts";
import { addServerFlags, configOfFlags, type ServerFlags } from "./server-flags.ts";

const SOURCE = "demo";
const LOG_LEVEL = "warn";
const SPEED_DEFAULT = 300;
/** The recording goes on live from here: a day before the machine fails. */
const LIVE_FROM_US = Date.UTC(2014, 1, 7, 5) * 1_000;
const HELP = `
The recording is a machine's temperature every five minutes until it fails, and an office's air every hour (Numenta
Anomaly Benchmark, MIT). At ${SPEED_DEFAULT} times its speed a reading comes every second; the failure is five minutes away. Beside it stand simulated
machines and cold stores behind gateways, whose days pass in 24 minutes; some of them have faults.`;

interface DemoFlags extends ServerFlags {
  speed: number;
}

export function demoCommand(deps: { spawn: SpawnWorker }): Command {
  return addServerFlags(new Command("demo"), { data: "a temporary one", logLevel: LOG_LEVEL })
    .summary("run a server with live data in it")
    .description("Runs a server on a folder of its own, with a recording played into it as if it happened now.")
    .option("--speed <n>", "seconds of the recording a second", speedArgument, SPEED_DEFAULT)
    .addHelpText("after", HELP)
    .action((flags: DemoFlags) => demo(flags, deps));
}

async function demo(flags: DemoFlags, { spawn }: { spawn: SpawnWorker }): Promise<void> {
  const { speed } = flags;
  const stopped = stopSignals();
  // What is wrong with the settings is said before there is a folder to be left behind.
  const { config: settings } = configOfFlags({ data: tmpdir(), logLevel: LOG_LEVEL, ...flags });
  if (settings.tls.cert !== undefined) {
    const message = "demo plays its recording into a server without TLS; wanted no tls.cert, or serve instead of demo";
    throw new WatchpostError("FAILED_PRECONDITION", message);
  }
  const own = flags.data === undefined ? ownFolder() : undefined;
  const config = own === undefined ? settings : { ...settings, data: own.path };
  // Whoever has changed or deleted them keeps them so; and what was stored of the past stays what charts and alerts were made of.
  const isNew = !existsSync(join(config.data, "state.db"));
  const fatal = Promise.withResolvers<never>();
  fatal.promise.catch(() => {});
  const over = new AbortController();
  void stopped.then(() => over.abort());
  try {
    const { secret: token, hash } = newSecret();
    const logger = await createLogger(config.log);
    const asDemo = { own: { name: SOURCE, hash }, onFatal: fatal.reject };
    const server = await startUnlessStopped(config, { spawn, logger, log: logger, signal: over.signal, ...asDemo });
    if (server === undefined) return;
    // Goes on whatever tokens are made.
    const connect = () => new Connection(server.grpcAddress, { token });
    try {
      if (isNew) await saveDemoContent(connect);
      const playing = Promise.all([
        play(connect, { speed, isPast: isNew, signal: over.signal }, () => tell(server, config.data, speed)),
        playFleets(connect, isNew, over.signal),
      ]);
      await Promise.race([stopped, fatal.promise, playing]);
    } finally {
      over.abort();
      await server.close();
    }
  } finally {
    own?.remove();
  }
}

/** Goes with the process, also where a second signal ends that at once. */
function ownFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "watchpost-demo-"));
  const remove = () => rmSync(path, { recursive: true, force: true });
  process.once("exit", remove);
  return { path, remove };
}

interface Playing {
  readonly speed: number;
  /** The past is filled in first. */
  readonly isPast: boolean;
  readonly signal: AbortSignal;
}

/** Plays the end of the recording again and again. */
async function play(connect: () => Connection, { speed, isPast, signal }: Playing, onReady: () => void): Promise<void> {
  const points = (await Array.fromAsync(pointsOf("machine.jsonl.gz", Bun.file(recording).stream()))).filter(
    ({ timeUs }) => timeUs !== undefined,
  );
  const past = points.filter(({ timeUs }) => timeUs! < LIVE_FROM_US);
  const live = points.filter(({ timeUs }) => timeUs! >= LIVE_FROM_US);
  const connection = connect();
  const options = { signal, onRetry: retryTeller(connection.address) };
  try {
    const lengthUs = (LIVE_FROM_US - Math.min(...past.map(({ timeUs }) => timeUs!))) / speed;
    const history: Point[] = rebased(past, Math.floor(Date.now() * 1_000 - lengthUs), speed);
    if (isPast) await uploadAll(connection, batchesOf(history, SOURCE), options);
    onReady();
    while (!signal.aborted) {
      await uploadAll(
        connection,
        replayBatches(live, { source: SOURCE, speed, rebaseToMs: Date.now(), signal }),
        options,
      );
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    connection.close();
  }
}

function tell({ grpcAddress: grpc, httpAddress: http }: RunningServer, data: string, speed: number): void {
  const watchpost = calledAs();
  const server = grpc.endsWith(":50051") ? "" : ` --server ${grpc}`;
  process.stderr.write(`
  ${pc.bold("Watchpost demo")}: a machine on its way to failure, at ${speed} times its speed, and two simulated fleets

  gRPC   ${pc.cyan(grpc)}
  HTTP   ${pc.cyan(`http://${http}`)} ${pc.dim(`(the console, in a browser; a dashboard at /dashboards/${DEMO_DASHBOARD})`)}
  Data   ${data}

  Try, from another terminal:
    ${watchpost} watch '*'${server}
    ${watchpost} watch 'machine_*' --filter 'device=plant-machine-000?'${server}
    ${watchpost} query cooler_temperature_c --from -1h --step 1m${server}
    ${watchpost} query temperature_f --from -2h --step 5m${server}
    curl -N 'http://${http}/live?metric=*'
    curl --json '{"metric":"*","stepMs":600000}' http://${http}/analytics.Dashboard/QueryRange

  ${pc.dim("Ctrl-C stops it.")}

`);
}
