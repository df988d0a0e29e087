/** The network between simulated devices and a server: every byte in order, late, slowly, or cut. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { startBadNetwork } from "../../src/cli/simulate/bad-network.ts";
import { PERFECT_NETWORK, type NetworkConditions } from "../../src/simulate/network.ts";
import { Random } from "../../src/simulate/random.ts";

/** Sends back what it gets. */
let echo: Server;
let address: string;

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(echo.address() as AddressInfo).port}`;
});

afterAll(() => void echo.close());

async function through(conditions: Partial<NetworkConditions>) {
  const network = await startBadNetwork(address, { ...PERFECT_NETWORK, ...conditions }, new Random("n"));
  return { ...network, heal: () => network.heal(), [Symbol.dispose]: () => network.close(), address: network.address };
}

function opened(to: string): Socket {
  const [host, port] = to.split(":");
  return connect({ host, port: Number(port), allowHalfOpen: true }).on("error", () => {});
}

/** What comes back of what is sent, and after how long the first and the last of it. */
async function echoed(to: string, bytes: Buffer) {
  const startedAtMs = performance.now();
  const socket = opened(to);
  socket.end(bytes);
  const parts: Buffer[] = [];
  let firstMs = Infinity;
  socket.on("data", (part: Buffer) => {
    firstMs = Math.min(firstMs, performance.now() - startedAtMs);
    parts.push(part);
  });
  await new Promise((resolve) => socket.on("close", resolve));
  return { bytes: Buffer.concat(parts), firstMs, lastMs: performance.now() - startedAtMs };
}

const random = new Random("bytes");
const bytesOf = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));

test("what is sent arrives whole and in order, more than the network holds too", async () => {
  using network = await through({ latencyMs: 20, jitterMs: 10, loss: 0.005 });
  const sent = bytesOf(1_000_000);
  const { bytes, firstMs } = await echoed(network.address, sent);
  expect(bytes.equals(sent)).toBe(true);
  expect(firstMs).toBeGreaterThanOrEqual(40);
}, 120_000);

test("a slow link takes as long as its bytes need, in each direction at once", async () => {
  using network = await through({ bytesPerSecond: 100_000 });
  const { bytes, lastMs } = await echoed(network.address, bytesOf(50_000));
  expect(bytes.length).toBe(50_000);
  expect(lastMs).toBeGreaterThanOrEqual(490);
});

test("what a cut connection had still to send takes no time of the others", async () => {
  using network = await through({ bytesPerSecond: 1_000, disconnectsPerHour: 3_600 });
  // What was cut would need minutes, long past the time of this test.
  await echoed(network.address, bytesOf(200_000));
  while ((await echoed(network.address, Buffer.from("x"))).bytes.toString() !== "x");
}, 120_000);

test("an outage cuts connections, lets none through while it lasts, and is over", async () => {
  using network = await through({ disconnectsPerHour: 36_000, outageMs: 200 });
  const cut = opened(network.address)
    .on("end", () => cut.destroy())
    .resume();
  await new Promise((resolve) => cut.on("close", resolve));
  const tries: boolean[] = [];
  while (!tries.includes(true) || !tries.includes(false)) {
    tries.push((await echoed(network.address, Buffer.from("x"))).bytes.length === 1);
    await Bun.sleep(5);
  }
}, 120_000);

test("healed, it lets what it held through at once, and breaks no more", async () => {
  using network = await through({ latencyMs: 50_000, disconnectsPerHour: 1 });
  const echoing = echoed(network.address, Buffer.from("held"));
  await Bun.sleep(100);
  network.heal();
  expect((await echoing).bytes.toString()).toBe("held");
  expect((await echoed(network.address, Buffer.from("new"))).bytes.toString()).toBe("new");
});
