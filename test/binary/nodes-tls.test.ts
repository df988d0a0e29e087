/** Nodes as the compiled executable: a Redis over TLS that wants a certificate and a password, and TLS from node to node. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../../src/client/ask.ts";
import { Connection } from "../../src/client/connection.ts";
import { queryRange } from "../../src/client/query.ts";
import { createSession } from "../../src/client/sessions.ts";
import { BatchDataSchema, DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { Nodes } from "../../src/wire/gen/nodes_pb.ts";
import { startRedis } from "../cluster/redis-server.ts";
import { until } from "../cluster/until.ts";
import { TestAuthority } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, watchpostCommand } from "../support/server-process.ts";

testNeeding([program("openssl"), program("redis-server")])(
  "over TLS nodes are one system; who has another authority, password or certificate hears in words what is wrong",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = stack.use(tempDir("nodes-tls"));
    const [ours, others] = [new TestAuthority(dir.path, "ours"), new TestAuthority(dir.path, "others")];
    const [ofRedis, ofNode] = [ours.issue({ commonName: "redis" }), ours.issue({ commonName: "node" })];
    const ofClient = ours.issue({ commonName: "watchpost", purpose: "clientAuth" });
    const port = ownPort();
    const files = ["--tls-cert-file", ofRedis.cert, "--tls-key-file", ofRedis.key, "--tls-ca-cert-file", ours.cert];
    stack.use(
      await startRedis(["--tls-port", `${port}`, ...files, "--tls-auth-clients", "yes", "--requirepass", "pass"]),
    );

    const good = {
      WATCHPOST_REDIS_URL: `rediss://:pass@127.0.0.1:${port}`,
      WATCHPOST_REDIS_CA_FILE: ours.cert,
      WATCHPOST_REDIS_CERT_FILE: ofClient.cert,
      WATCHPOST_REDIS_KEY_FILE: ofClient.key,
      WATCHPOST_REDIS_PEER_CA_FILE: ours.cert,
      WATCHPOST_TLS_CERT: ofNode.cert,
      WATCHPOST_TLS_KEY: ofNode.key,
    };
    const envOf = (name: string) => ({ ...good, WATCHPOST_REDIS_NODE_NAME: name });
    const start = async (name: string) => {
      const node = await startServerProcess({ data: join(dir.path, name), env: envOf(name), binary: true });
      stack.defer(async () => {
        node.kill();
        await node.exited;
      });
      const connection = new Connection(node.grpc, { tls: { ca: readFileSync(ours.cert) } });
      stack.defer(() => connection.close());
      return { ...node, connection };
    };
    const a = await start("a");
    const b = await start("b");
    const listed = async ({ connection }: typeof a) =>
      (await ask(connection, Nodes.method.listNodes, {}, { deadlineMs: 5_000 })).nodes;
    await until("both know both, and the desk", async () => {
      const lists = await Promise.all([a, b].map(listed));
      return lists.every((nodes) => nodes.length === 2 && nodes.some(({ isDesk }) => isDesk));
    });
    const points = [{ metricName: "temperature", value: 21, timestamp: timestampFromMs(Date.now()) }];
    const batch = toBinary(BatchDataSchema, create(BatchDataSchema, { source: "gw", points }));
    await a.connection.unary(DataIngestion.method.uploadBatch, batch, { deadlineMs: 5_000 });
    await until("b has the point of a", async () => {
      const { series } = await queryRange(b.connection, { metric: "temperature", lastMs: 60_000n });
      return series.flatMap(({ values }) => values).join() === "21";
    });
    const desk = (await listed(a)).find(({ isDesk }) => isDesk)!.name;
    const elsewhere = desk === "a" ? b : a;
    expect((await createSession(elsewhere.connection, { sessionId: "press", title: "Press" })).id).toBe("press");

    // They wait for what somebody may mend, and serve nobody until then.
    const wrong: Record<string, Record<string, string>> = {
      "redis.ca_file names those": { WATCHPOST_REDIS_CA_FILE: others.cert },
      "the password of redis.url": { WATCHPOST_REDIS_URL: good.WATCHPOST_REDIS_URL.replace("pass", "guess") },
      "it wants a certificate: redis.cert_file": {
        WATCHPOST_REDIS_CERT_FILE: "none",
        WATCHPOST_REDIS_KEY_FILE: "none",
      },
      "signed by an authority that is not trusted here": { WATCHPOST_REDIS_PEER_CA_FILE: others.cert },
    };
    const heard = Object.entries(wrong).map(async ([words, settings], i) => {
      const data = join(dir.path, `wrong-${i}`);
      const listen = ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-format", "json"];
      const child = Bun.spawn([...watchpostCommand(true), "serve", "--data", data, ...listen], {
        ...{ cwd: "/", stdin: "ignore", stdout: "ignore", stderr: "pipe" },
        env: { PATH: process.env["PATH"] ?? "", ...envOf(`wrong-${i}`), ...settings },
      });
      stack.defer(async () => {
        child.kill("SIGKILL");
        await child.exited;
      });
      let said = "";
      for await (const chunk of child.stderr) {
        said += new TextDecoder().decode(chunk);
        if (said.includes(words)) return;
      }
      throw new Error(`it ended without ${words}: ${said}`);
    });
    await Promise.all(heard);
  },
  120_000,
);
