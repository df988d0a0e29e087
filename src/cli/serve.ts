/** `watchpost serve`: runs the server until it is told to stop. */
import { resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { startServer, type RunningServer } from "../app.ts";
import type { LoadedConfig } from "../config/load.ts";
import { BUILD } from "../model/build-info.ts";
import { formatDurationMs } from "../model/duration.ts";
import type { Logger } from "../model/logger.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { calledAs } from "./called-as.ts";
import { createLogger, isPretty } from "./logger.ts";
import { addServerFlags, configOfFlags, type ServerFlags } from "./server-flags.ts";
import { onStopSignal } from "./stop-signals.ts";

const HELP = `
Examples:
  watchpost serve                                  data in ./watchpost-data, gRPC on 50051, HTTP on 8080
  watchpost serve --data /var/lib/watchpost --config /etc/watchpost.toml
  WATCHPOST_LOG_FORMAT=json watchpost serve        settings from the environment; see watchpost config

SIGTERM or Ctrl-C stops it: streams are ended, everything is sealed, exit code 0. Another signal a second later ends
it at once; what was acknowledged is kept in any case.`;

export function serveCommand(deps: { spawn: SpawnWorker }): Command {
  return addServerFlags(new Command("serve"))
    .summary("run the server")
    .description("Runs the server: takes points over gRPC, keeps them, shows them live, and raises alerts.")
    .addHelpText("after", HELP)
    .action(async (flags: ServerFlags) => {
      const stopped = stopSignals();
      const loaded = configOfFlags(flags);
      const { config } = loaded;
      const logger = await createLogger(config.log);
      const fatal = Promise.withResolvers<never>();
      fatal.promise.catch(() => {});
      const startedAtMs = performance.now();
      const server = await startServer(config, { spawn: deps.spawn, logger, onFatal: fatal.reject });
      announce(server, loaded, logger, performance.now() - startedAtMs);
      try {
        const signal = await Promise.race([stopped, fatal.promise]);
        logger.info({ signal }, "stopping: ending streams, sealing");
      } finally {
        await server.close();
      }
      logger.info({}, "stopped");
    });
}

/** Resolves with the first signal that asks to stop; see {@link onStopSignal}. */
export function stopSignals(): Promise<string> {
  return new Promise(onStopSignal);
}

function announce(server: RunningServer, { config, warnings }: LoadedConfig, logger: Logger, startMs: number): void {
  const { grpcAddress: grpc, httpAddress: http, series, replayedPoints } = server;
  for (const warning of [...warnings, ...warningsOf(config)]) logger.warn({}, warning);
  if (isPretty(config.log.format)) {
    process.stderr.write(startScreen({ grpc, http, data: resolve(config.data), series, startMs }));
    if (config.insecure) logger.warn({}, "--insecure: whoever reaches these addresses can read and write everything");
  } else {
    const { version, commit } = BUILD;
    const data = resolve(config.data);
    const startedInMs = Math.round(startMs);
    logger.info(
      { grpc, http, data, series, replayedPoints, version, commit, startedInMs, pid: process.pid },
      "serving",
    );
    if (config.insecure) logger.warn({}, "insecure: whoever reaches these addresses can read and write everything");
  }
}

function warningsOf({ store }: LoadedConfig["config"]): string[] {
  if (store.sync_interval === 0) return [];
  const interval = formatDurationMs(store.sync_interval);
  return [
    `store.sync_interval is ${interval}: an acknowledgement does not mean synced; a power cut can take what was acknowledged in the last ${interval} and the time of a sync; a crash of the process takes nothing`,
  ];
}

interface StartScreen {
  readonly grpc: string;
  readonly http: string;
  readonly data: string;
  readonly series: number;
  readonly startMs: number;
}

/** What a person sees once the server is up. */
export function startScreen({ grpc, http, data, series, startMs }: StartScreen): string {
  const known = series === 0 ? "no series yet" : `${series.toLocaleString("en-US")} series`;
  const watchpost = calledAs();
  const server = grpc.endsWith(":50051") ? "" : ` --server ${grpc}`;
  return `
  ${pc.bold("Watchpost")} ${BUILD.version} ${pc.dim(`(${BUILD.commit})`)}  up in ${Math.round(startMs)} ms

  gRPC   ${pc.cyan(grpc)}
  HTTP   ${pc.cyan(`http://${http}`)} ${pc.dim("(the console, in a browser)")}
  Data   ${data} ${pc.dim(`(${known})`)}

  Send   ${watchpost} upload readings.jsonl --source my-gateway${server}
  Watch  ${watchpost} watch '*'${server}
         curl -N 'http://${http}/live?metric=*'
  Check  curl http://${http}/metrics

  ${pc.dim("Ctrl-C stops it.")}

`;
}
