/** Real Redis of several servers for a test: a Redis Cluster of three shards, and a master with a replica that a sentinel looks after. */
import { Redis as Client } from "ioredis";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownPort } from "../support/own-port.ts";
import { until } from "./until.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";

export interface RedisCluster extends AsyncDisposable {
  readonly url: string;
  readonly shards: readonly RedisServer[];
  /** Moves the slot of a key, with all that is in it, to the next shard; resolves with how many keys that were. */
  moveSlotOf(key: string): Promise<number>;
}

export interface WatchedRedis extends AsyncDisposable {
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** Whether the sentinel says so. */
  isReplicaMaster(): Promise<boolean>;
}

const SLOTS = 16_384;
/** With a certificate of a server, and who signed it: TLS on every way, plain ports beside that for those who ask by hand. */
export interface Secured {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Before a shard that is away is taken for dead; a sentinel takes a master for dead after it. */
const AWAY_MS = 1_000;

/** `port`: of whom is asked. Rejects with what it says in place of an answer. */
export function askRedis(port: number, command: string, ...rest: (string | number)[]): Promise<unknown> {
  return askOf({ port }, command, ...rest);
}

async function askOf(
  at: { port: number; password?: string },
  command: string,
  ...rest: (string | number)[]
): Promise<unknown> {
  const client = new Client({ ...at, host: "127.0.0.1", retryStrategy: () => null });
  client.on("error", () => {});
  try {
    return await client.call(command, ...rest);
  } finally {
    client.disconnect();
  }
}

export async function startRedisCluster(secured?: Secured): Promise<RedisCluster> {
  const stack = new AsyncDisposableStack();
  const busPorts = [0, 1, 2].map(() => ownPort());
  const tlsPorts = busPorts.map(() => ownPort());
  const shards = await Promise.all(
    busPorts.map(async (busPort, i) => {
      const tls = secured === undefined ? [] : [...tlsOf(secured, tlsPorts[i]), "--tls-cluster", "yes"];
      const announced = ["--cluster-announce-ip", "127.0.0.1", "--cluster-node-timeout", `${AWAY_MS}`];
      return stack.use(
        await startRedis(["--cluster-enabled", "yes", "--cluster-port", `${busPort}`, ...announced, ...tls]),
      );
    }),
  );
  // As `redis-cli --cluster create` does it, which waits for seconds in between.
  const share = Math.ceil(SLOTS / shards.length);
  for (const [i, { port }] of shards.entries()) {
    await askRedis(port, "cluster", "addslotsrange", i * share, Math.min((i + 1) * share, SLOTS) - 1);
    await askRedis(port, "cluster", "set-config-epoch", i + 1);
  }
  for (const [i, { port }] of shards.entries())
    if (i > 0) await askRedis(shards[0].port, "cluster", "meet", "127.0.0.1", port, busPorts[i]);
  for (const { port } of shards) await said(() => askRedis(port, "cluster", "info"), "cluster_state:ok");
  const idOf = (port: number) => askRedis(port, "cluster", "myid") as Promise<string>;
  return {
    url:
      secured === undefined
        ? clusterUrl(
            "redis",
            shards.map(({ port }) => port),
          )
        : clusterUrl("rediss", tlsPorts),
    shards,
    async moveSlotOf(key) {
      const [{ port: any }] = shards;
      const slot = Number(await askRedis(any, "cluster", "keyslot", key));
      const views = await Promise.all(shards.map(({ port }) => askRedis(port, "cluster", "nodes") as Promise<string>));
      const owner = views.findIndex((view) =>
        view.split("\n").some((line) => line.includes("myself") && hasSlot(line, slot)),
      );
      const [from, to] = [shards[owner].port, shards[(owner + 1) % shards.length].port];
      await askRedis(to, "cluster", "setslot", slot, "importing", await idOf(from));
      await askRedis(from, "cluster", "setslot", slot, "migrating", await idOf(to));
      let moved = 0;
      for (;;) {
        const keys = (await askRedis(from, "cluster", "getkeysinslot", slot, 1_000)) as string[];
        if (keys.length === 0) break;
        await askRedis(from, "migrate", "127.0.0.1", to, "", 0, 5_000, "keys", ...keys);
        moved += keys.length;
      }
      for (const port of [to, from]) await askRedis(port, "cluster", "setslot", slot, "node", await idOf(to));
      return moved;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** `secured`: sentinels want a password, too. */
export async function startWatchedRedis(secured?: Secured & { readonly password: string }): Promise<WatchedRedis> {
  const stack = new AsyncDisposableStack();
  const [masterTls, replicaTls, sentinelTls] = [ownPort(), ownPort(), ownPort()];
  const tls = (port: number) => (secured === undefined ? [] : [...tlsOf(secured, port), "--tls-replication", "yes"]);
  const master = stack.use(await startRedis(["--repl-diskless-sync-delay", "0", ...tls(masterTls)]));
  const [masterPort, replicaPort] = secured === undefined ? [master.port, undefined] : [masterTls, replicaTls];
  const replica = stack.use(await startRedis(["--replicaof", `127.0.0.1 ${masterPort}`, ...tls(replicaTls)]));
  await said(() => askRedis(replica.port, "info", "replication"), "master_link_status:up");
  const dir = mkdtempSync(join(tmpdir(), "watchpost-sentinel-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "sentinel.conf");
  const of = `sentinel monitor plant 127.0.0.1 ${masterPort} 1
sentinel down-after-milliseconds plant ${AWAY_MS}
sentinel failover-timeout plant 5000
`;
  writeFileSync(file, secured === undefined ? of : `${of}requirepass ${secured.password}\n`);
  const port = ownPort();
  const argv = ["--sentinel", "--port", `${port}`, "--bind", "127.0.0.1", "--dir", dir, ...tls(sentinelTls)];
  const sentinel = Bun.spawn(["redis-server", file, ...argv], { stdout: "ignore", stderr: "ignore" });
  stack.defer(async () => {
    sentinel.kill("SIGKILL");
    await sentinel.exited;
  });
  const login = { port, ...(secured && { password: secured.password }) };
  await said(() => askOf(login, "sentinel", "replicas", "plant"), `${replicaPort ?? replica.port}`);
  return {
    url:
      secured === undefined
        ? `redis+sentinel://127.0.0.1:${port}/plant`
        : `rediss+sentinel://127.0.0.1:${sentinelTls}/plant`,
    ...{ master, replica },
    async isReplicaMaster() {
      const [, at] = (await askOf(login, "sentinel", "get-master-addr-by-name", "plant")) as string[];
      return Number(at) === (replicaPort ?? replica.port);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function tlsOf({ ca, cert, key }: Secured, port: number): string[] {
  const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key];
  return ["--tls-port", `${port}`, ...files];
}

function clusterUrl(scheme: string, ports: readonly number[]): string {
  return `${scheme}+cluster://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
}

async function said(ask: () => Promise<unknown>, wanted: string): Promise<void> {
  const isSaid = (answer: unknown) => JSON.stringify(answer).includes(wanted);
  await until(`Redis says ${wanted}`, () => ask().then(isSaid, () => false));
}

/** `line`: of CLUSTER NODES, that ends with ranges of slots. */
function hasSlot(line: string, slot: number): boolean {
  return line
    .split(" ")
    .slice(8)
    .some((range) => {
      const [from, to = from] = range.split("-").map(Number);
      return from <= slot && slot <= to;
    });
}
