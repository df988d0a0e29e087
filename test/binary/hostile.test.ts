/** Peers that mean harm, against the compiled executable: each is bounded, others are served meanwhile, and it runs on after. */
import { credentials, Client, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  CONTINUATION,
  END_HEADERS,
  GOAWAY,
  HEADERS,
  rawCallHeaders,
  rawFrame,
  rawHeader,
  RawHttp2,
  RST_STREAM,
} from "../support/raw-http2.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";

const MEBIBYTE = 1024 * 1024;
/** Above what it takes idle: two bodies of 64 MiB while they are joined, connections, and the collector's slack. */
const GROWTH_MAX = 300 * MEBIBYTE;
/** At once: more than a connection may send in ten seconds. */
const PINGS_TOO_MANY = 400;
const QUERY = "/analytics.Dashboard/QueryRange";
const UPLOAD = "/analytics.DataIngestion/UploadBatch";
const [PING, ENHANCE_YOUR_CALM, CANCEL] = [6, 11, 8];
const PER_ADDRESS_MAX = 1_200;
/** Another one of this machine, so that those who connect from it are told apart from everybody else. */
const OTHER_ADDRESS = "127.0.0.2";

const dir = tempDir("hostile");
const sockets = new Set<Socket>();
const dripping = new Set<Socket>();
let server: ServerProcess;
let client: Client;
let idleBytes = 0;

beforeAll(async () => {
  const env = {
    WATCHPOST_LIMITS_CONNECTIONS_PER_ADDRESS: String(PER_ADDRESS_MAX),
    WATCHPOST_MEMORY_BUDGET: "128MiB",
    WATCHPOST_SHUTDOWN_GRACE: "500ms",
  };
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true, env });
  client = new Client(server.grpc, credentials.createInsecure());
  await served();
  idleBytes = statusBytes("VmRSS");
  for (let i = 0; i < 200; i++) drip(socketTo(server.http));
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  client.close();
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

/** "VmRSS" now, "VmHWM" at most so far. */
function statusBytes(name: string): number {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) * 1024;
}

function socketTo(address: string, localAddress?: string): Socket {
  const [host, port] = address.split(":");
  const socket = connect({ host, port: Number(port), ...(localAddress === undefined ? {} : { localAddress }) });
  sockets.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
  return socket;
}

/** A few at a time: what the system holds back before they are accepted tries again after seconds, and more of them each time. */
async function silentSockets(address: string, count: number): Promise<Socket[]> {
  const silent: Socket[] = [];
  while (silent.length < count) {
    for (let i = 0; i < 50 && silent.length < count; i++) silent.push(socketTo(address, OTHER_ADDRESS));
    await Bun.sleep(10);
  }
  return silent;
}

function bytes(value: Uint8Array): Buffer {
  return Buffer.from(value);
}

/** What an honest client gets: by both ports, or it fails. */
async function served(): Promise<void> {
  const checked = new Promise<ServiceError | null>((resolve) =>
    client.makeUnaryRequest("/grpc.health.v1.Health/Check", bytes, bytes, new Uint8Array(0), (error) => resolve(error)),
  );
  const body = '{"source":"honest","points":[{"metricName":"honest.x","value":1}]}';
  const headers = { "content-type": "application/json" };
  const stored = await fetch(`http://${server.http}${UPLOAD}`, { method: "POST", body, headers });
  expect({ grpc: await checked, http: stored.status, ack: await stored.json() }).toEqual({
    ...{ grpc: null, http: 200 },
    ack: { batches: "1", pointsProcessed: "1" },
  });
}

/** Others are served while it goes on; the memory is bounded whatever it is. */
async function during<T>(attack: Promise<T>): Promise<T> {
  let goesOn = true;
  const done = attack.finally(() => (goesOn = false));
  done.catch(() => {});
  do await served();
  while (goesOn);
  expect(statusBytes("VmHWM") - idleBytes).toBeLessThan(GROWTH_MAX);
  return done;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await Bun.sleep(5);
}

/** Headers of a request, a few bytes at a time, for as long as the server takes them: it has the time of all other tests for that. */
function drip(socket: Socket): void {
  dripping.add(socket);
  socket.write(`POST ${QUERY} HTTP/1.1\r\nhost: localhost\r\n`);
  const timer = setInterval(() => socket.write("x-a: b\r\n"), 250);
  socket.on("close", () => clearInterval(timer));
}

/** Sends it again and again until the connection is closed; how often. */
async function flood(connection: RawHttp2, frames: () => Buffer): Promise<number> {
  let sent = 0;
  for (; !connection.isClosed; sent++) {
    connection.send(frames());
    await new Promise((resolve) => void setImmediate(resolve));
  }
  return sent;
}

function connection(): RawHttp2 {
  const made = new RawHttp2(server.grpc);
  sockets.add(made.socket);
  return made;
}

function many(count: number, frame: (i: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => frame(i)));
}

function uint32(value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return payload;
}

/** Bytes that become more than may be. */
const BOMB = gzipSync(Buffer.alloc(80 * MEBIBYTE), { level: 9 });

test("a gzip bomb over HTTP is refused by its size while it is unpacked", async () => {
  const post = async () => {
    const url = `http://${server.http}/write?db=x`;
    const answer = await fetch(url, { method: "POST", body: BOMB, headers: { "content-encoding": "gzip" } });
    return [answer.status, await answer.text()];
  };
  for (const [status, text] of await during(Promise.all([post(), post()]))) {
    // One of several at once may be refused for want of room instead.
    expect([413, 429]).toContain(status as number);
    expect(text).toMatch(/more than 64MiB unpacked|messages that have not arrived whole/);
  }
});

test("a gzip bomb over gRPC is refused", async () => {
  const session = connectHttp2(`http://${server.grpc}`);
  session.on("error", () => {});
  const headers = { ":method": "POST", ":path": UPLOAD, "content-type": "application/grpc", te: "trailers" };
  const post = () =>
    new Promise<unknown>((resolve) => {
      const stream = session.request({ ...headers, "grpc-encoding": "gzip" });
      stream.on("error", () => {});
      for (const event of ["response", "trailers"]) {
        stream.on(event, (given: Record<string, unknown>) => given["grpc-status"] && resolve(given["grpc-status"]));
      }
      stream.end(Buffer.concat([Buffer.of(1), uint32(BOMB.length), BOMB]));
    });
  expect(await during(Promise.all([post(), post()]))).toEqual(["8", "8"]);
  session.destroy();
});

test("a flood of pings is cut, and says by which limit", async () => {
  const pings = (count: number) => many(count, () => rawFrame(PING, 0, 0, Buffer.alloc(8)));
  await during(flood(connection(), () => pings(10)));
  // Whoever goes on sending while they are cut may lose what was said last: it is read where nothing more is sent.
  const attacker = connection();
  attacker.send(pings(PINGS_TOO_MANY));
  await until(() => attacker.isClosed);
  const [{ payload }] = attacker.of(GOAWAY);
  expect(payload.readUInt32BE(4)).toBe(ENHANCE_YOUR_CALM);
  expect(payload.subarray(8).toString()).toContain("sends more pings than it may (limits.pings_per_second is 20)");
});

test("calls that are begun and reset at once end the connection", async () => {
  const attacker = connection();
  let id = -1;
  const frames = () =>
    many(50, () => {
      id += 2;
      const begin = rawFrame(HEADERS, END_HEADERS, id, rawCallHeaders(QUERY));
      return Buffer.concat([begin, rawFrame(RST_STREAM, 0, id, uint32(CANCEL))]);
    });
  await during(flood(attacker, frames));
});

test("a header block without end ends the connection", async () => {
  const attacker = connection();
  attacker.send(rawFrame(HEADERS, 0, 1, rawCallHeaders(QUERY)));
  const frames = many(50, () => rawFrame(CONTINUATION, 0, 1, rawHeader("x-flood", "a".repeat(100))));
  await during(flood(attacker, () => frames));
});

test("calls that never say what they ask are refused past a bound", async () => {
  const attackers = [connection(), connection(), connection()];
  const begun = 900;
  for (const attacker of attackers) {
    attacker.send(many(begun, (i) => rawFrame(HEADERS, END_HEADERS, 2 * i + 1, rawCallHeaders(QUERY))));
  }
  const refused = () => attackers.reduce((sum, attacker) => sum + attacker.of(HEADERS).length, 0);
  await during(until(() => refused() >= attackers.length * begun - 2_000));
  for (const attacker of attackers) attacker.close();
});

test("connections past those of an address are refused, silent ones are held cheaply, and other addresses are served", async () => {
  const over = 200;
  const attack = Promise.all([
    silentSockets(server.grpc, PER_ADDRESS_MAX + over),
    silentSockets(server.http, PER_ADDRESS_MAX),
  ]);
  const limited = async () => {
    const metrics = await (await fetch(`http://${server.http}/metrics`)).text();
    return Number(/^watchpost_limited_total\{limit="connections_per_address"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
  };
  const refused = async () => {
    await attack;
    while ((await limited()) < over) await Bun.sleep(20);
  };
  await during(refused());
  expect(await limited()).toBe(over);
  const problems = server.log().map(({ msg }) => msg);
  expect(problems).toContain(
    `limits.connections_per_address (${PER_ADDRESS_MAX}) holds up the address ${OTHER_ADDRESS}`,
  );
  for (const socket of (await attack).flat()) socket.destroy();
});

test("headers that are too large are refused over HTTP", async () => {
  const large = await fetch(`http://${server.http}/healthz`, { headers: { "x-large": "a".repeat(40_000) } });
  expect(large.status).toBe(431);
  await served();
});

test("bytes that mean nothing, on both ports, with and without an honest beginning", async () => {
  let seed = 7;
  const noise = (length: number) => {
    const buffer = Buffer.alloc(length);
    for (let i = 0; i < length; i++) buffer[i] = (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) >> 16;
    return buffer;
  };
  const attack = async (i: number) => {
    if (i % 3 === 0) {
      const attacker = connection();
      attacker.send(noise(5_000));
      await Bun.sleep(5);
      return attacker.close();
    }
    const socket = socketTo(i % 3 === 1 ? server.grpc : server.http);
    socket.write(noise(5_000));
    await Bun.sleep(5);
    socket.destroy();
  };
  const all = async () => {
    for (let i = 0; i < 90; i++) await attack(i);
  };
  await during(all());
});

test("tens of thousands of tiny requests are all answered", async () => {
  const [connections, each] = [20, 1_000];
  const request = Buffer.from("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  let answered = 0;
  const senders = Array.from({ length: connections }, () => socketTo(server.http));
  for (const sender of senders) {
    let tail = "";
    sender.on("data", (data) => {
      const parts = (tail + data.toString("latin1")).split("HTTP/1.1 200 OK");
      answered += parts.length - 1;
      tail = parts.at(-1)!.slice(-15);
    });
    sender.write(Buffer.concat(Array.from({ length: each }, () => request)));
  }
  await during(until(() => answered === connections * each));
  for (const sender of senders) sender.destroy();
});

test.each([
  "/../../../../etc/passwd",
  "/..%2f..%2f..%2f..%2fetc%2fpasswd",
  "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
  "/..\\..\\..\\etc\\passwd",
  "/assets/../../../../etc/passwd",
  "//etc/passwd",
  "/etc/passwd%00.js",
  "/proc/self/environ",
  "file:///etc/passwd",
])("no path leads out of what is served: %s", async (path) => {
  const socket = socketTo(server.http);
  let answer = "";
  socket.on("data", (data) => (answer += data.toString("latin1")));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 (400|403|404) /);
  expect(answer).not.toContain("root:");
});

test("headers that never end are closed, also where some come all the time", async () => {
  while ([...dripping].some(({ destroyed }) => !destroyed)) {
    await served();
    await Bun.sleep(250);
  }
}, 120_000);

test("after all that it has told of no defect, and stops as always, with connections and calls left open", async () => {
  const attacker = connection();
  attacker.send(rawFrame(HEADERS, END_HEADERS, 1, rawCallHeaders(QUERY)));
  await served();
  const told = server.log().filter(({ level, err }) => err !== undefined || Number(level) >= 50);
  expect(told).toEqual([]);
  expect(await server.stop()).toBe(0);
}, 120_000);
