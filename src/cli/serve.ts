/** `watchpost serve`: runs the server until it is told to stop. */
import { resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import type { RunningServer } from "../app.ts";
import { shownRedisUrl } from "../cluster/redis/redis-url.ts";
import type { LoadedConfig } from "../config/load.ts";
import { BUILD } from "../model/build-info.ts";
import { formatAddress, parseAddress } from "../model/address.ts";
import { formatDurationMs } from "../model/duration.ts";
import type { Logger } from "../model/logger.ts";
import type { SpawnWorker } from "../model/spawn.ts";
import { timeOf, type ServerCertificate } from "../transport/server-certificate.ts";
import { calledAs } from "./called-as.ts";
import { createLogger, isPretty } from "./logger.ts";
import { addServerFlags, configOfFlags, type ServerFlags } from "./server-flags.ts";
import { startUnlessStopped } from "./start-unless-stopped.ts";
import { onHangup, onStopSignal } from "./stop-signals.ts";
import { supervisedBy } from "./systemd/supervised.ts";

const NAMES_SHOWN = 4;
const HELP = `
Examples:
  watchpost serve                                  data in ./watchpost-data, gRPC on 50051, HTTP on 8080
  watchpost serve --data /var/lib/watchpost --config /etc/watchpost.toml
  watchpost serve --redis redis://cache:6379       one of several nodes on that Redis, see docs/nodes.md
  WATCHPOST_LOG_FORMAT=json watchpost serve        settings from the environment; see watchpost config

Both ports speak TLS once tls.cert and tls.key name a certificate and its key (PEM; WATCHPOST_TLS_CERT, WATCHPOST_TLS_KEY).
Files that change, and a rules file, are read again within seconds, and at once on SIGHUP; streams go on. See docs/security.md.

SIGTERM or Ctrl-C stops it: streams are ended, everything is sealed, exit code 0. Another signal a second later ends
it at once; what was acknowledged is kept in any case. systemd hears when it is ready and that it is alive, see watchpost
service.`;

export function serveCommand(deps: { spawn: SpawnWorker }): Command {
  return addServerFlags(new Command("serve"))
    .summary("run the server")
    .description("Runs the server: takes points over gRPC, keeps them, shows them live, and raises alerts.")
    .addHelpText("after", HELP)
    .action(async (flags: ServerFlags) => {
      const stopped = stopSignals();
      const asked = new AbortController();
      void stopped.then(() => asked.abort());
      const loaded = configOfFlags(flags);
      const { config } = loaded;
      const logger = await createLogger(config.log);
      const supervised = await supervisedBy(process.env, (why) => logger.warn({}, why));
      const onReplayed = (points: number) => supervised?.replayed(points);
      const fatal = Promise.withResolvers<never>();
      fatal.promise.catch(() => {});
      const startedAtMs = performance.now();
      let server: RunningServer | undefined;
      const reload = async () => {
        logger.info({}, "SIGHUP reads certificates again, and the rules file");
        await server?.reload();
      };
      // Also while it starts: it would end the process.
      onHangup(config, () => (server && supervised ? supervised.reloading(reload) : reload()));
      const { signal } = asked;
      const starting = { ...deps, logger, log: logger, signal, onReplayed, onFatal: fatal.reject };
      server = await startUnlessStopped(config, starting);
      if (server === undefined) return logger.info({ signal: await stopped }, "stopped before it served");
      announce(server, loaded, logger, performance.now() - startedAtMs);
      supervised?.serving(server, `serving gRPC on ${server.grpcAddress}, HTTP on ${server.httpAddress}`);
      try {
        const signal = await Promise.race([stopped, fatal.promise]);
        logger.info({ signal }, "stopping: ending streams, sealing");
      } finally {
        supervised?.stopping(config.shutdown_grace);
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
  const { grpcAddress: grpc, httpAddress: http, series, replayedPoints, certificate } = server;
  const tls = certificate?.current;
  const redis = config.redis.url && shownRedisUrl(config.redis.url);
  for (const warning of [...warnings, ...warningsOf(config)]) logger.warn({}, warning);
  if (isPretty(config.log.format)) {
    process.stderr.write(startScreen({ grpc, http, data: resolve(config.data), series, startMs, tls, redis }));
    if (config.insecure) logger.warn({}, "--insecure: whoever reaches these addresses can read and write everything");
  } else {
    const { version, commit } = BUILD;
    const data = resolve(config.data);
    const startedInMs = Math.round(startMs);
    const until = tls && new Date(tls.notAfterMs).toISOString();
    logger.info(
      {
        ...{ grpc, http, data, series, replayedPoints, version, commit, startedInMs, pid: process.pid },
        ...(redis === undefined ? {} : { redis }),
        ...(tls === undefined ? {} : { tls: { names: tls.names, until, fingerprint: tls.fingerprint } }),
      },
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
  /** Of both ports, where they speak TLS. */
  readonly tls?: Pick<ServerCertificate, "names" | "notAfterMs"> | undefined;
  /** That it shares with other nodes, without its password. */
  readonly redis?: string | undefined;
}

/** What a person sees once the server is up. */
export function startScreen({ grpc, http, data, series, startMs, tls, redis }: StartScreen): string {
  const known = series === 0 ? "no series yet" : `${series.toLocaleString("en-US")} series`;
  const watchpost = calledAs();
  const server = serverFlag(grpc, tls);
  const url = tls === undefined ? `http://${http}` : `https://${asNamed(http, tls.names)}`;
  const secured = tls === undefined ? "" : certificateLine(tls);
  return `
  ${pc.bold("Watchpost")} ${BUILD.version} ${pc.dim(`(${BUILD.commit})`)}  up in ${Math.round(startMs)} ms

  gRPC   ${pc.cyan(grpc)}${tls === undefined ? "" : pc.dim(" (TLS)")}
  HTTP   ${pc.cyan(url)} ${pc.dim("(the console, in a browser)")}${secured}
  Data   ${data} ${pc.dim(`(${known})`)}${redis === undefined ? "" : `\n  Redis  ${redis} ${pc.dim(`(${watchpost} nodes${server} lists who shares it)`)}`}

  Send   ${watchpost} upload readings.jsonl --source my-gateway${server}
  Watch  ${watchpost} watch '*'${server}
         curl -N '${url}/live?metric=*'
  Check  curl ${url}/metrics

  ${pc.dim("Ctrl-C stops it.")}

`;
}

function serverFlag(grpc: string, tls: StartScreen["tls"]): string {
  if (tls !== undefined) return ` --server https://${asNamed(grpc, tls.names)}`;
  return grpc.endsWith(":50051") ? "" : ` --server ${grpc}`;
}

function certificateLine({ names, notAfterMs }: Pick<ServerCertificate, "names" | "notAfterMs">): string {
  const shown = names.length > NAMES_SHOWN ? `${names.slice(0, NAMES_SHOWN).join(", ")} …` : names.join(", ");
  return `\n  TLS    ${shown} ${pc.dim(`(until ${timeOf(notAfterMs)}; clients of a private authority: --ca FILE)`)}`;
}

/** With a host that the certificate is for, since clients refuse others. */
function asNamed(address: string, names: readonly string[]): string {
  const { host, port } = parseAddress(address);
  const name = names.includes(host) ? host : (names.find((one) => !one.includes("*")) ?? host);
  return formatAddress(name, port);
}
