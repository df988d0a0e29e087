/** A gateway forwards over TLS, with a certificate of its own that is renewed. */
import { afterEach, expect } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { encodeBatch } from "../../../src/client/batch.ts";
import { Connection } from "../../../src/client/connection.ts";
import { getDelivery } from "../../../src/client/delivery.ts";
import { uploadAll } from "../../../src/client/upload.ts";
import { TestAuthority, type TestCertificate } from "../../support/certificates.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";

const testTls = testNeeding([program("openssl")]);
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function started(options: Parameters<typeof startServerProcess>[0]): Promise<ServerProcess> {
  const server = await startServerProcess(options);
  opened.push(async () => {
    server.kill();
    await server.exited;
  });
  return server;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(20);
}

function rig() {
  const dir = tempDir("upstream-tls");
  opened.push(() => dir[Symbol.dispose]());
  const authority = new TestAuthority(dir.path);
  const own = { cert: join(dir.path, "gateway.pem"), key: join(dir.path, "gateway.key") };
  const put = ({ cert, key }: TestCertificate) => {
    copyFileSync(cert, own.cert);
    copyFileSync(key, own.key);
  };
  return { dir: dir.path, authority, own, put };
}

/** A gateway that tries again at once, and what connects to it. */
async function startGateway(dir: string, address: string, env: Readonly<Record<string, string>>) {
  const often = { WATCHPOST_UPSTREAM_BACKOFF_MIN: "50ms", WATCHPOST_UPSTREAM_BACKOFF_MAX: "100ms" };
  const gateway = await started({
    data: join(dir, "gateway"),
    env: { WATCHPOST_UPSTREAM_ADDRESS: address, ...often, ...env },
  });
  const connection = new Connection(gateway.grpc);
  opened.push(() => connection.close());
  return { gateway, connection };
}

function said({ log }: ServerProcess, text: string): boolean {
  return log().some(({ msg }) => String(msg).includes(text));
}

testTls("its certificate is read anew at each connection: one that was renewed is used", async () => {
  const { dir, authority, own, put } = rig();
  const centreOwn = authority.issue();
  const centre = await started({
    data: join(dir, "centre"),
    env: {
      WATCHPOST_TLS_CERT: centreOwn.cert,
      WATCHPOST_TLS_KEY: centreOwn.key,
      WATCHPOST_TLS_CLIENT_CA: authority.cert,
      WATCHPOST_AUTH_CERTIFICATES_SCOPE: "everything",
    },
  });
  put(authority.issue({ purpose: "clientAuth", until: new Date(Date.now() - 1_000) }));
  const { gateway, connection } = await startGateway(dir, centre.grpc, {
    WATCHPOST_UPSTREAM_TLS: "true",
    WATCHPOST_UPSTREAM_CA_FILE: authority.cert,
    WATCHPOST_UPSTREAM_CERT_FILE: own.cert,
    WATCHPOST_UPSTREAM_KEY_FILE: own.key,
  });
  await uploadAll(connection, [encodeBatch([{ metric: "m", value: 1, timeUs: Date.now() * 1_000 }], "gw")]);
  await until(() => said(gateway, "or another certificate of this node (upstream.cert_file)?"));
  put(authority.issue({ purpose: "clientAuth" }));
  await until(async () => (await getDelivery(connection)).upstreams[0]?.sources[0]?.ackedPoints === 1n);
});

testTls("an upstream that is not believed gets nothing, and it is said why", async () => {
  const { dir, authority } = rig();
  const [good, stranger] = [authority.issue(), new TestAuthority(dir, "stranger")];
  const env = { WATCHPOST_TLS_CERT: good.cert, WATCHPOST_TLS_KEY: good.key };
  const centre = await started({ data: join(dir, "centre"), env });
  const ca = join(dir, "ca.pem");
  copyFileSync(stranger.cert, ca);
  const { gateway, connection } = await startGateway(dir, centre.grpc, {
    WATCHPOST_UPSTREAM_TLS: "true",
    WATCHPOST_UPSTREAM_CA_FILE: ca,
  });
  await until(() => said(gateway, "the upstream is not believed to be who it says (upstream.ca_file)"));
  await uploadAll(connection, [encodeBatch([{ metric: "m", value: 1, timeUs: Date.now() * 1_000 }], "gw")]);
  expect((await getDelivery(connection)).upstreams[0]?.queuedPoints).toBe(1n);
  copyFileSync(authority.cert, ca);
  await until(async () => (await getDelivery(connection)).upstreams[0]?.queuedPoints === 0n);
});

testTls("files that cannot be used stop the start", async () => {
  const { dir, authority, own, put } = rig();
  put({ cert: authority.issue({ purpose: "clientAuth" }).cert, key: authority.issue({ purpose: "clientAuth" }).key });
  const starting = startServerProcess({
    data: join(dir, "gateway"),
    env: {
      WATCHPOST_UPSTREAM_ADDRESS: "127.0.0.1:1",
      WATCHPOST_UPSTREAM_TLS: "true",
      WATCHPOST_UPSTREAM_CERT_FILE: own.cert,
      WATCHPOST_UPSTREAM_KEY_FILE: own.key,
    },
  });
  const failure = await starting.then(() => "it started", String);
  expect(failure).toContain("upstream.cert_file");
  expect(failure).toContain("the key is not that of the client's certificate");
});
