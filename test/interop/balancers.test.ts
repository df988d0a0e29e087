/** The examples of deploy/balancers/ in Debian's nginx and haproxy, over two servers that ask for tokens. */
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CollaborationMessageSchema } from "../../src/wire/gen/collaboration_pb.ts";
import { DashboardDataSchema, MetricSubscriptionSchema } from "../../src/wire/gen/dashboard_pb.ts";
import { BatchDataSchema, UploadResponseSchema } from "../../src/wire/gen/ingestion_pb.ts";
import { testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, watchpostCommand, type ServerProcess } from "../support/server-process.ts";

const root = join(import.meta.dir, "../..");
const UPLOAD = "/analytics.DataIngestion/UploadData";
const SUBSCRIBE = "/analytics.Dashboard/SubscribeMetrics";
const JOIN = "/analytics.Collaboration/JoinSession";
const PATIENCE_MS = 60_000;
const UPLOADS = 40;
const LARGE_TAG = "x".repeat(500);

interface Balancer {
  readonly name: string;
  /** Debian has both where only root's PATH leads. */
  readonly program: string;
  readonly example: string;
  /** The arguments over a configuration, in a directory of its own. */
  command(dir: string, config: string): string[];
}

const BALANCERS: readonly Balancer[] = [
  {
    name: "nginx",
    program: "/usr/sbin/nginx",
    example: "deploy/balancers/nginx.conf",
    command(dir, config) {
      const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
      const paths = kinds.map((kind) => `${kind}_temp_path ${dir}/${kind};`);
      const http = `access_log off; ${paths.join(" ")} include ${config};`;
      const main = join(dir, "main.conf");
      const process = `daemon off; master_process off; error_log ${dir}/log; pid ${dir}/pid;`;
      writeFileSync(main, `${process} events {} http { ${http} }\n`);
      return ["-p", dir, "-e", join(dir, "log"), "-c", main];
    },
  },
  {
    name: "haproxy",
    program: "/usr/sbin/haproxy",
    example: "deploy/balancers/haproxy.cfg",
    command: (_, config) => ["-db", "-f", config],
  },
];

const dir = tempDir("balancers");
const servers: ServerProcess[] = [];
let token = "";

const start = (i: number, addresses: Pick<ServerProcess, "grpc" | "http">) =>
  startServerProcess({
    data: join(dir.path, `data${i}`),
    args: ["--grpc", addresses.grpc, "--http", addresses.http],
  });
const ownAddresses = () => ({ grpc: `127.0.0.1:${ownPort()}`, http: `127.0.0.1:${ownPort()}` });

beforeAll(async () => {
  // Both know the token: the second begins with a copy of what the first has.
  const first = await start(0, ownAddresses());
  const command = [...watchpostCommand(false), "token", "create", "me", "--role", "admin", "--server", first.grpc];
  const made = Bun.spawnSync(command);
  token = made.stdout.toString().trim();
  await first.stop();
  cpSync(join(dir.path, "data0"), join(dir.path, "data1"), { recursive: true });
  for (const i of [0, 1]) servers.push(await start(i, ownAddresses()));
}, 120_000);

afterAll(async () => {
  for (const server of servers) await server.stop();
  dir[Symbol.dispose]();
});

function bearer(secret: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${secret}`);
  return metadata;
}

/** The example with addresses of the test's own; its comments and all else as they are. */
function withAddresses(example: string, frontGrpc: string, frontHttp: string): string {
  const [a, b] = servers;
  const portOf = (address: string) => address.split(":")[1];
  const addresses: Record<string, string> = {
    ...{ "127.0.0.1:50051": a.grpc, "127.0.0.1:50052": b.grpc, "127.0.0.1:8080": a.http, "127.0.0.1:8081": b.http },
    ...{ "127.0.0.1:50050": frontGrpc, "127.0.0.1:8088": frontHttp },
    ...{ "check port 8080": `check port ${portOf(a.http)}`, "check port 8081": `check port ${portOf(b.http)}` },
  };
  const any = new RegExp(Object.keys(addresses).join("|"), "g");
  return readFileSync(join(root, example), "utf8").replaceAll(any, (address) => addresses[address]);
}

async function startBalancer({ name, program, example, command }: Balancer) {
  const own = join(dir.path, name);
  mkdirSync(own);
  const { grpc, http } = ownAddresses();
  const config = join(own, "config");
  writeFileSync(config, withAddresses(example, grpc, http));
  const child = Bun.spawn([program, ...command(own, config)], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const said = child.stderr.text();
  await until(`${name} answers`, async () => {
    if (child.exitCode !== null) throw new Error(await said);
    return (await fetch(`http://${http}/readyz`)).status === 200;
  });
  return {
    ...{ grpc, http },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (let last: unknown; ; await Bun.sleep(50)) {
    if (await Promise.resolve(isSo()).catch((error: unknown) => ((last = error), false))) return;
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${PATIENCE_MS} ms: ${String(last)}`);
  }
}

const same = (bytes: Buffer) => bytes;
const batch = (fields: MessageInitShape<typeof BatchDataSchema>) =>
  Buffer.from(toBinary(BatchDataSchema, create(BatchDataSchema, fields)));
const point = (value: number, tags: Record<string, string> = {}) => ({ metricName: "m", value, tags });

interface Outcome {
  readonly code: number;
  readonly details: string;
  readonly processed: number;
}

function upload(client: Client, points: readonly ReturnType<typeof point>[], metadata = bearer(token)) {
  return new Promise<Outcome>((resolve) => {
    const call = client.makeClientStreamRequest(UPLOAD, same, same, metadata, (error: ServiceError | null, answer) => {
      const processed = answer === undefined ? 0 : fromBinary(UploadResponseSchema, answer).pointsProcessed;
      resolve({ code: error?.code ?? 0, details: error?.details ?? "", processed });
    });
    call.write(batch({ source: "s", points: [...points] }));
    call.end();
  });
}

const someUploads = (client: Client) => Promise.all(Array.from({ length: 8 }, (_, i) => upload(client, [point(i)])));

async function metricOf({ http }: Pick<ServerProcess, "http">, sample: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  const lines = (await (await fetch(`http://${http}/metrics`, { headers })).text()).split("\n");
  return Number(
    lines
      .find((line) => line.startsWith(`${sample} `))
      ?.split(" ")
      .at(-1) ?? 0,
  );
}

const storedBy = (server: Pick<ServerProcess, "http">) => metricOf(server, 'watchpost_points_total{result="stored"}');

for (const balancer of BALANCERS) {
  const { name, program } = balancer;
  describe(name, () => {
    testNeeding([existsSync(program) ? false : `Debian's ${name}`])(
      "calls with a token are spread, streams of every kind go through, and a server that goes is gone without",
      async () => {
        await using front = await startBalancer(balancer);
        const client = new Client(front.grpc, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
        try {
          const bare = await upload(client, [point(1)], new Metadata());
          expect(bare).toMatchObject({ code: status.UNAUTHENTICATED, details: "a token is wanted in authorization" });
          const wrong = await upload(client, [point(1)], bearer("of-somebody-else"));
          expect(wrong).toMatchObject({ code: status.UNAUTHENTICATED });
          expect(wrong.details).not.toBe(bare.details);

          const before = await Promise.all(servers.map(storedBy));
          const all = Array.from({ length: UPLOADS }, (_, i) => upload(client, [point(i, { i: String(i) })]));
          for (const sent of await Promise.all(all)) expect(sent).toEqual({ code: 0, details: "", processed: 1 });
          const after = await Promise.all(servers.map(storedBy));
          const shares = after.map((stored, i) => stored - before[i]);
          expect(shares[0] + shares[1]).toBe(UPLOADS);
          expect(Math.min(...shares)).toBeGreaterThanOrEqual(UPLOADS / 4);

          // Five megabytes in one message, more than either keeps in memory by itself.
          const tags = (i: number) => ({ i: String(i % 100), large: LARGE_TAG });
          const points = Array.from({ length: 9_000 }, (_, i) => point(i, tags(i)));
          expect((await upload(client, points)).processed).toBe(points.length);

          const subscription = create(MetricSubscriptionSchema, { metricNames: ["m"] });
          const bytes = Buffer.from(toBinary(MetricSubscriptionSchema, subscription));
          const subscribed = client.makeServerStreamRequest(SUBSCRIBE, same, same, bytes, bearer(token));
          const ended = Promise.withResolvers<number>();
          let updates = 0;
          subscribed.on("data", (data: Buffer) => (updates += fromBinary(DashboardDataSchema, data).metrics.length));
          subscribed.on("error", ({ code }: ServiceError) => ended.resolve(code));
          subscribed.on("end", () => ended.resolve(status.OK));
          await until("a first update", () => updates > 0);

          const joined = client.makeBidiStreamRequest(JOIN, same, same, bearer(token));
          const events: string[] = [];
          joined.on("data", (data: Buffer) =>
            events.push(fromBinary(CollaborationMessageSchema, data).metadata["event"]),
          );
          joined.on("error", () => {});
          const message = (fields: object) =>
            Buffer.from(toBinary(CollaborationMessageSchema, create(CollaborationMessageSchema, fields)));
          joined.write(message({ userId: "ann", sessionId: name }));
          joined.write(message({ message: "it rattles", metadata: { client_message_id: "1" } }));
          await until("an answer to what was said", () => events.includes("confirmed"));
          joined.cancel();

          expect((await fetch(`http://${front.http}/`, { headers: { accept: "text/html" } })).status).toBe(200);
          const headers = { origin: `http://${front.http}`, authorization: `Bearer ${token}` };
          const socket = new WebSocket(`ws://${front.http}/tunnel`, { headers } as never);
          await new Promise((resolve, reject) => {
            socket.onmessage = resolve;
            socket.onerror = reject;
          });
          socket.close();

          // The server of the subscription goes: its stream ends with a status that clients try again, and calls go to the other.
          const held = await Promise.all(servers.map((server) => metricOf(server, "watchpost_subscriptions")));
          expect(held.toSorted()).toEqual([0, 1]);
          const gone = held.indexOf(1);
          servers[gone].kill("SIGKILL");
          await servers[gone].exited;
          const again = [status.UNAVAILABLE, status.INTERNAL, status.UNKNOWN, status.CANCELLED];
          expect(again).toContain(await ended.promise);
          await until("every call goes to the other one", async () => {
            return (await someUploads(client)).every(({ code }) => code === 0);
          });
          servers[gone] = await start(gone, servers[gone]);
          await until("it is given calls again", async () => {
            await someUploads(client);
            return (await storedBy(servers[gone])) > 0;
          });
        } finally {
          client.close();
        }
      },
      90_000,
    );
  });
}
