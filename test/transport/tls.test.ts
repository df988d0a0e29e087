/** Both ports over TLS: who is let in, what clients show, which protocols are spoken. */
import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import { copyFileSync, readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { ask } from "../../src/client/ask.ts";
import { Connection } from "../../src/client/connection.ts";
import { errorOf } from "../../src/wire/call-error.ts";
import { Dashboard } from "../../src/wire/gen/dashboard_pb.ts";
import { openssl, selfSigned, TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { program, testNeeding } from "../support/needs.ts";
import { tempDir } from "../support/server-process.ts";
import { outputOf, shownBy, startTlsRig, tlsSocket, type TlsRig, type TlsRigOptions } from "./tls-rig.ts";

const testTls = testNeeding([program("openssl")]);
const testCurl = testNeeding([program("openssl"), program("curl")]);
const dir = tempDir("tls");
const opened: AsyncDisposable[] = [];
let authority: TestAuthority;
let own: TestCertificate;

beforeAll(() => {
  if (program("openssl") !== false) return;
  authority = new TestAuthority(dir.path);
  own = authority.issue({ commonName: "server-one" });
});

afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
});

afterAll(() => dir[Symbol.dispose]());

async function start(options: Partial<TlsRigOptions> = {}): Promise<TlsRig> {
  const rig = await startTlsRig({ files: { ...own, clientCa: undefined }, ...options });
  opened.push(rig);
  return rig;
}

function withClientCa(isRequired: boolean): Promise<TlsRig> {
  return start({ files: { ...own, clientCa: authority.cert }, isRequired });
}

function connectionOf(address: string, shown: TestCertificate | undefined, ca = authority.cert): Connection {
  const own = shown === undefined ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  return new Connection(address, { tls: { ca: readFileSync(ca), ...own } });
}

/** "OK", or why not. */
function askedBy(...as: Parameters<typeof connectionOf>): Promise<string> {
  return told(connectionOf(...as));
}

async function told(connection: Connection): Promise<string> {
  return toldBy(connection).finally(() => connection.close());
}

/** The connection stays open. */
async function toldBy(connection: Connection): Promise<string> {
  try {
    await ask(connection, Dashboard.method.queryRange, { metric: "m" }, { deadlineMs: 5_000 });
    return "OK";
  } catch (error) {
    const { status, message } = errorOf(error);
    return `${status}: ${message.replace(connection.address, "HERE")}`;
  }
}

function addressAs(host: string, { address }: { readonly address: string }): string {
  return `${host}:${address.slice(address.lastIndexOf(":") + 1)}`;
}

testTls("gRPC is called over TLS by a name and by an address of the certificate", async () => {
  const { grpc, contexts } = await start();
  expect(await askedBy(addressAs("localhost", grpc), undefined)).toBe("OK");
  expect(await askedBy(addressAs("127.0.0.1", grpc), undefined)).toBe("OK");
  expect(contexts.map(({ certificate }) => certificate)).toEqual([undefined, undefined]);
});

testTls("a client says in words why it does not believe a server", async () => {
  const { grpc } = await start();
  const another = new TestAuthority(dir.path, "another");
  const notAccepted = "FAILED_PRECONDITION: HERE: its certificate is not accepted";
  expect(await askedBy(addressAs("localhost", grpc), undefined, another.cert)).toBe(
    `${notAccepted}: it is signed by an authority that is not trusted here`,
  );
  const elsewhere = authority.issue({ names: ["DNS:elsewhere.example", "DNS:*.plant"] });
  const named = await start({ files: { ...elsewhere, clientCa: undefined } });
  expect(await askedBy(addressAs("localhost", named.grpc), undefined)).toBe(
    `${notAccepted}: it is for other names: elsewhere.example, *.plant`,
  );
  expect(await askedBy(addressAs("127.0.0.1", named.grpc), undefined)).toBe(`${notAccepted}: it is for other names`);
  const pinned = selfSigned(dir.path);
  const alone = await start({ files: { ...pinned, clientCa: undefined } });
  expect(await askedBy(addressAs("localhost", alone.grpc), undefined)).toBe(
    `${notAccepted}: it is self-signed, and not among those trusted here`,
  );
  expect(await askedBy(addressAs("localhost", alone.grpc), undefined, pinned.cert)).toBe("OK");
});

testTls("who speaks without TLS to a port that wants it is told so, and the other way round", async () => {
  const { grpc, web } = await start();
  expect(await told(new Connection(addressAs("localhost", grpc)))).toBe(
    "UNAVAILABLE: HERE: it closed the connection before it spoke gRPC; does it want TLS?",
  );
  using plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  expect(await askedBy(`localhost:${plain.port}`, undefined)).toStartWith(
    "FAILED_PRECONDITION: HERE: what answers does not speak TLS",
  );
  expect(await askedBy(addressAs("localhost", web), undefined)).toStartWith(
    "FAILED_PRECONDITION: HERE: what answers does not speak gRPC",
  );
  expect(await plainAnswer(web.address)).not.toContain("200");
  expect(await fetch(`http://${web.address}/healthz`).catch(() => "refused")).toBe("refused");
});

/** What comes back on a connection on which HTTP is spoken without TLS. */
async function plainAnswer(address: string): Promise<string> {
  const [host, port] = address.split(":");
  const socket = connectPlain(Number(port), host);
  socket.on("error", () => {});
  socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

testTls("TLS before 1.2 is refused on both ports, also after a reload", async () => {
  const { grpc, web, source } = await start({ files: { ...copied("versions"), clientCa: undefined } });
  for (let round = 0; round < 2; round++) {
    for (const { address } of [grpc, web]) {
      const [, port] = /:(\d+)$/.exec(address)!;
      const spoken = async (version: string) => {
        const old = ["-cipher", "DEFAULT@SECLEVEL=0", "-alpn", "h2"];
        const output = await outputOf(["openssl", "s_client", "-connect", `127.0.0.1:${port}`, `-${version}`, ...old]);
        return /New, (\S+), Cipher is (?!\(NONE\))/.exec(output)?.[1] ?? "refused";
      };
      expect([await spoken("tls1"), await spoken("tls1_1")]).toEqual(["refused", "refused"]);
      expect([await spoken("tls1_2"), await spoken("tls1_3")]).toEqual(["TLSv1.2", "TLSv1.3"]);
    }
    copied("versions", authority.issue());
    await source.reload();
  }
});

/** A certificate of the server under paths of its own, which may be replaced. */
function copied(name: string, from = own): TestCertificate {
  const to = { cert: `${dir.path}/${name}.pem`, key: `${dir.path}/${name}.key` };
  openssl("x509", "-in", from.cert, "-out", to.cert);
  openssl("pkey", "-in", from.key, "-out", to.key);
  return to;
}

testTls("a method is told the certificate of its client", async () => {
  const { grpc, contexts } = await withClientCa(true);
  const names = ["DNS:device-7.plant", "DNS:d7", "URI:urn:device:7", "IP:10.0.0.7"];
  const shown = authority.issue({ commonName: "device-7", names, purpose: "clientAuth" });
  expect(await askedBy(addressAs("localhost", grpc), shown)).toBe("OK");
  const [, printed] = /Fingerprint=(.*)/.exec(openssl("x509", "-in", shown.cert, "-noout", "-fingerprint", "-sha256"))!;
  const [, serialNumber] = /serial=(\w+)/.exec(openssl("x509", "-in", shown.cert, "-noout", "-serial"))!;
  const [, until] = /notAfter=(.*)/.exec(openssl("x509", "-in", shown.cert, "-noout", "-enddate"))!;
  expect(contexts[0].certificate).toEqual({
    commonName: "device-7",
    dnsNames: ["device-7.plant", "d7"],
    fingerprint: printed.replaceAll(":", "").toLowerCase(),
    serialNumber,
    notAfterMs: Date.parse(until),
  });
});

testTls("names with what no name has are not taken apart", async () => {
  const { grpc, contexts } = await withClientCa(true);
  const names = ["DNS:good.plant", "URI:urn:x"];
  const shown = authority.issue({ commonName: "a, CN=b", names, purpose: "clientAuth" });
  expect(await askedBy(addressAs("localhost", grpc), shown)).toBe("OK");
  expect(contexts[0].certificate).toMatchObject({ commonName: "a, CN=b", dnsNames: ["good.plant"] });
});

/** Of clients that are none of the authority's: their certificate. */
function strangers(): [what: string, shown: TestCertificate][] {
  const justNow = new Date(Date.now() - 1_000);
  const stranger = new TestAuthority(dir.path, `strangers-${crypto.randomUUID()}`);
  return [
    ["another authority", stranger.issue({ commonName: "device-x", purpose: "clientAuth" })],
    ["expired", authority.issue({ commonName: "device-x", purpose: "clientAuth", until: justNow })],
    ["self-signed", selfSigned(dir.path, `own-${crypto.randomUUID()}`)],
    ["for servers", authority.issue({ commonName: "device-x", purpose: "serverAuth" })],
  ];
}

testTls("where certificates are required nobody else is let in, on either port", async () => {
  const { grpc, web, contexts } = await withClientCa(true);
  expect(await askedBy(addressAs("localhost", grpc), undefined)).toMatch(
    /^FAILED_PRECONDITION: HERE: it wants a certificate/,
  );
  for (const [what, shown] of strangers()) {
    const said = await askedBy(addressAs("localhost", grpc), shown);
    expect([what, said]).toEqual([what, expect.stringContaining("does it not accept the certificate of the client?")]);
    expect([what, await fetched(web.address, shown)]).toEqual([what, "refused"]);
  }
  expect(contexts).toEqual([]);
  expect(await fetched(web.address, undefined)).toBe("refused");
  expect(await fetched(web.address, authority.issue({ purpose: "clientAuth" }))).toBe("ok\n");
});

testTls("where they are optional none is somebody without one, and a wrong one is refused by name", async () => {
  const { grpc, web, contexts } = await withClientCa(false);
  expect(await askedBy(addressAs("localhost", grpc), undefined)).toBe("OK");
  expect(contexts.splice(0).map(({ certificate }) => certificate)).toEqual([undefined]);
  for (const [what, shown] of strangers()) {
    const said = await askedBy(addressAs("localhost", grpc), shown);
    expect([what, said]).toEqual([what, expect.stringMatching(/^UNAUTHENTICATED: the client's certificate \(/)]);
    expect(said.includes("it is not for clients")).toBe(what === "for servers");
  }
  expect(contexts).toEqual([]);
  expect(await askedBy(addressAs("localhost", grpc), authority.issue({ purpose: "clientAuth" }))).toBe("OK");
  expect(contexts[0].certificate?.commonName).toBe("server");
  expect(await fetched(web.address, undefined)).toBe("ok\n");
});

/** Of /healthz. */
async function fetched(address: string, shown: TestCertificate | undefined): Promise<string> {
  const own = shown === undefined ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  const tls = { ca: readFileSync(authority.cert), ...own };
  const options = { tls, keepalive: false } as RequestInit;
  const answer = await fetch(`https://${address}/healthz`, options).catch(() => undefined);
  return answer === undefined ? "refused" : await answer.text();
}

testTls(
  "authorities of clients are read again, too: who is signed by another one is out from the next connection on",
  async () => {
    const [before, after] = ["clients-before", "clients-after"].map((name) => new TestAuthority(dir.path, name));
    const clientCa = `${dir.path}/clients.pem`;
    copyFileSync(before.cert, clientCa);
    const { grpc, web, source } = await start({ files: { ...own, clientCa } });
    const [old, young] = [before, after].map((each) => each.issue({ purpose: "clientAuth" }));
    const address = addressAs("localhost", grpc);
    const kept = connectionOf(address, old);
    expect(await toldBy(kept)).toBe("OK");
    expect([await fetched(web.address, old), await fetched(web.address, young)]).toEqual(["ok\n", "refused"]);
    copyFileSync(after.cert, clientCa);
    await source.reload();
    expect(await askedBy(address, young)).toBe("OK");
    expect(await askedBy(address, old)).toContain("does it not accept the certificate of the client?");
    expect([await fetched(web.address, old), await fetched(web.address, young)]).toEqual(["refused", "ok\n"]);
    // What is connected has been let in.
    expect(await toldBy(kept)).toBe("OK");
    kept.close();
  },
);

testCurl("HTTP/2 is spoken to who asks for it, HTTP/1.1 to others, and to all where it is off", async () => {
  const { web } = await start();
  const url = `https://${addressAs("localhost", web)}/healthz`;
  const curl = (...flags: string[]) =>
    outputOf(["curl", "-sS", "--cacert", authority.cert, "-w", "%{http_version}", ...flags]);
  expect(await curl("--http2", url)).toBe("ok\n2");
  expect(await curl("--http1.1", url)).toBe("ok\n1.1");
  const off = await start({ hasHttp2: false });
  expect(await curl("--http2", `https://${addressAs("localhost", off.web)}/healthz`)).toBe("ok\n1.1");
  expect((await shownBy(web.address, authority.cert)).protocol).toBe("h2");
});

testCurl("calls and streams of Connect run over HTTP/2, as they come", async () => {
  const { web } = await start();
  const url = `https://${addressAs("localhost", web)}`;
  const curl = ["curl", "-sS", "--http2", "--cacert", authority.cert];
  const call = [...curl, "--json", '{"metric":"m"}', `${url}/analytics.Dashboard/QueryRange`];
  expect(JSON.parse(await outputOf(call))).toEqual({ pointsTotal: "7" });
  const child = Bun.spawn([...curl, "-N", `${url}/live?metric=*`], { stdout: "pipe", stderr: "ignore" });
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (text.includes('"value":5')) break;
  }
  child.kill();
  expect(text).toContain("data: ");
});

testTls("the tunnel of the console opens over TLS", async () => {
  const { web } = await start();
  const address = addressAs("localhost", web);
  const socket = new WebSocket(`wss://${address}/tunnel`, {
    tls: { ca: readFileSync(authority.cert) },
    headers: { origin: `https://${address}` },
  } as never);
  socket.binaryType = "arraybuffer";
  const first = await new Promise<number>((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve((data as ArrayBuffer).byteLength);
    socket.onerror = () => reject(new Error("it was refused"));
  });
  expect(first).toBeGreaterThan(0);
  socket.close();
});

testTls("who never ends the handshake is cut off", async () => {
  const { grpc } = await start({ limits: { handshakeMsMax: 100 } });
  const [, port] = /:(\d+)$/.exec(grpc.address)!;
  const silent = connectPlain(Number(port), "127.0.0.1");
  silent.on("error", () => {});
  await new Promise<void>((resolve) => silent.once("close", () => resolve()));
  expect(await askedBy(addressAs("localhost", grpc), undefined)).toBe("OK");
});

testTls("somebody who only opens connections keeps nobody out", async () => {
  const { grpc, web } = await start();
  const idle = [grpc, web].flatMap(({ address }) =>
    Array.from({ length: 50 }, () => {
      const [, port] = /:(\d+)$/.exec(address)!;
      return connectPlain(Number(port), "127.0.0.1").on("error", () => {});
    }),
  );
  expect(await askedBy(addressAs("localhost", grpc), undefined)).toBe("OK");
  expect(await fetched(web.address, undefined)).toBe("ok\n");
  const socket = await tlsSocket(web.address, authority.cert);
  socket.destroy();
  idle.forEach((each) => each.destroy());
});
