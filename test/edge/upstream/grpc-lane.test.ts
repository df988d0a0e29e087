/** Streams over gRPC: encrypted, with a token, to whom they believe. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:http2";
import { join } from "node:path";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { grpcLanes, type UpstreamAccess } from "../../../src/edge/upstream/grpc-lane.ts";
import type { WatchpostError } from "../../../src/model/errors.ts";
import { program, testNeeding } from "../../support/needs.ts";
import { tempDir } from "../../support/server-process.ts";

const testTls = testNeeding([program("openssl")]);
const same = (bytes: Buffer) => bytes;

const dir = tempDir("grpc-lane");
let server: Server;
let address = "";
const seen: unknown[] = [];

function certificate(name: string): { key: Buffer; cert: Buffer } {
  const [key, cert] = [join(dir.path, `${name}.key`), join(dir.path, `${name}.pem`)];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
  Bun.spawnSync(["openssl", ...request, ...subject]);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

beforeAll(async () => {
  if (program("openssl") !== false) return;
  const { key, cert } = certificate("server");
  server = new Server();
  const echo = {
    path: "/analytics.DataIngestion/StreamData",
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ streamData: echo } as never, {
    streamData: (call: ServerDuplexStream<Buffer, Buffer>) => {
      const [token] = call.metadata.get("authorization");
      seen.push(token);
      call.on("data", (message: Buffer) => void call.write(message));
      call.on("end", () => call.end());
    },
  });
  const credentials = ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("localhost:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  address = `localhost:${port}`;
});

afterAll(() => {
  server?.forceShutdown();
  dir[Symbol.dispose]();
});

/** What comes back first: a message, or what ended the stream. */
function firstOf(access: UpstreamAccess): Promise<string> {
  return new Promise((resolve) => {
    const lane = grpcLanes(() => access)("live", {
      onMessage: (message) => {
        resolve(Buffer.from(message).toString());
        lane.close();
      },
      onDrain: () => {},
      onEnd: ({ status, message }: WatchpostError) => resolve(`${status}: ${message}`),
    });
    lane.write(Buffer.from("hello"));
  });
}

const access = (ca: Buffer): UpstreamAccess => ({
  ...{ address, token: "secret", gzip: true },
  tls: { ca },
});

testTls("a stream is encrypted and has a token", async () => {
  expect(await firstOf(access(readFileSync(join(dir.path, "server.pem"))))).toBe("hello");
  expect(seen).toEqual(["Bearer secret"]);
});

testTls("whose certificate is not believed is not talked to", async () => {
  const before = seen.length;
  expect(await firstOf(access(certificate("another").cert))).toStartWith(
    "FAILED_PRECONDITION: its certificate is not accepted: it is self-signed",
  );
  expect(seen.length).toBe(before);
});

testTls("without TLS nothing is said to one that wants it", async () => {
  const before = seen.length;
  expect(await firstOf({ address, token: "", gzip: false, tls: undefined })).toMatch(
    /^(UNAVAILABLE|FAILED_PRECONDITION|INTERNAL): /,
  );
  expect(seen.length).toBe(before);
});

/** Whether the first message of a stream is compressed, and its bytes on the wire. */
async function firstOnWire(gzip: boolean): Promise<{ isCompressed: boolean; bytes: number }> {
  const plain = createServer();
  const arrived = new Promise<{ isCompressed: boolean; bytes: number }>((resolve) => {
    plain.on("stream", (stream) => {
      let got = Buffer.alloc(0);
      stream.on("error", () => {});
      stream.on("data", (bytes: Buffer) => {
        got = Buffer.concat([got, bytes]);
        if (got.length < 5 || got.length < 5 + got.readUInt32BE(1)) return;
        resolve({ isCompressed: got[0] === 1, bytes: got.readUInt32BE(1) });
      });
    });
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  const { port } = plain.address() as { port: number };
  const to = { address: `127.0.0.1:${port}`, token: "", gzip, tls: undefined };
  const lane = grpcLanes(() => to)("live", { onMessage() {}, onDrain() {}, onEnd() {} });
  lane.write(new Uint8Array(10_000));
  const first = await arrived;
  lane.close();
  plain.close();
  return first;
}

test("messages are compressed where that is set", async () => {
  expect(await firstOnWire(false)).toEqual({ isCompressed: false, bytes: 10_000 });
  const { isCompressed, bytes } = await firstOnWire(true);
  expect(isCompressed).toBe(true);
  expect(bytes).toBeLessThan(1_000);
});
