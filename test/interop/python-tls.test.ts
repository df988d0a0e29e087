/** Debian's python3-grpcio over TLS, showing a client certificate: another implementation of HTTP/2 and of TLS. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { pythonContractClient, pythonMissing } from "./python-client.ts";

const testPython = testNeeding([program("openssl"), pythonMissing]);
const dir = tempDir("python-tls");
let authority: TestAuthority;
let server: ServerProcess;

beforeAll(async () => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  const { cert, key } = authority.issue();
  const env = {
    ...{ WATCHPOST_TLS_CERT: cert, WATCHPOST_TLS_KEY: key, WATCHPOST_TLS_CLIENT_CA: authority.cert },
    ...{ WATCHPOST_AUTH_CERTIFICATES_ROLE: "operator", WATCHPOST_AUTH_CERTIFICATES_SCOPE: "everything" },
  };
  server = await startServerProcess({ data: join(dir.path, "data"), env });
});

afterAll(async () => {
  await server?.stop();
  dir[Symbol.dispose]();
});

testPython(
  "uploads, subscribes, cancels and hits deadlines",
  async () => {
    const device: TestCertificate = authority.issue({ commonName: "device-7", purpose: "clientAuth" });
    const address = `localhost${server.grpc.slice(server.grpc.lastIndexOf(":"))}`;
    const seen = await pythonContractClient(dir.path, [address, authority.cert, device.cert, device.key]);
    expect(seen.upload).toMatchObject({ processed: 5, failed: 1 });
    expect(seen.gzip).toMatchObject({ processed: 1000, failed: 0 });
    expect(seen.oversized.code).toBe("RESOURCE_EXHAUSTED");
    expect(seen.after_oversized).toMatchObject({ processed: 1 });
    expect(seen.first.names).toContain("py.ok:python");
    expect(seen).toMatchObject({
      cancelled: "CANCELLED",
      deadline: "DEADLINE_EXCEEDED",
      unimplemented: "UNIMPLEMENTED",
    });
  },
  120_000,
);
