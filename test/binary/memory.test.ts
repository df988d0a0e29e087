/** Peers that stop in the middle, against the compiled executable with little memory allowed: others go on. */
import { expect, test } from "bun:test";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { join } from "node:path";
import { batchesOf } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const MEBIBYTE = 1024 * 1024;
const SLOW_SENDERS = 80;
const SLOW_READERS = 60;
/** Half the budget for the senders, about a megabyte for each reader of so many series, and the collector's slack. */
const GROWTH_MAX = 200 * MEBIBYTE;
const SERIES = 2_000;
const POINTS = 400_000;

function* points(count: number) {
  for (let i = 0; i < count; i++) {
    yield { metric: "m", value: i, timeUs: 1_700_000_000_000_000 + i, tags: { n: String(i % SERIES) } };
  }
}

function request(path: string) {
  return { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
}

async function residentBytes(http: string): Promise<number> {
  const text = await (await fetch(`http://${http}/metrics`)).text();
  return Number(/^watchpost_resident_memory_bytes (.*)$/m.exec(text)![1]);
}

test("senders who stop in a message and readers who never read take bounded memory, and nobody's points", async () => {
  using dir = tempDir("memory");
  const env = { WATCHPOST_MEMORY_BUDGET: "96MiB", WATCHPOST_LIVE_INTERVAL_MIN: "20ms" };
  const server = await startServerProcess({ data: join(dir.path, "data"), binary: true, env });
  const connection = new Connection(server.grpc, { random: () => 0 });
  const leaving: (() => void)[] = [() => connection.close()];
  try {
    await uploadAll(connection, batchesOf(points(POINTS / 4), "before", 5_000));
    const before = await residentBytes(server.http);

    const part = Buffer.alloc(5 + 8 * MEBIBYTE);
    part.writeUInt32BE(49 * MEBIBYTE, 1);
    let refused = 0;
    let sent = 0;
    const senders = connectHttp2(`http://${server.grpc}`);
    senders.on("error", () => {});
    leaving.push(() => senders.destroy());
    for (let i = 0; i < SLOW_SENDERS; i++) {
      const stream = senders.request(request("/analytics.DataIngestion/UploadData"));
      stream.on("error", () => {});
      stream.on("response", (headers) => (refused += headers["grpc-status"] === "8" ? 1 : 0));
      stream.write(part, () => sent++);
    }
    for (let i = 0; i < SLOW_READERS; i++) {
      const [host, port] = server.http.split(":");
      const reader = connect(Number(port), host);
      reader.on("error", () => {});
      reader.write("GET /live?metric=*&interval=20ms HTTP/1.1\r\nHost: x\r\n\r\n");
      reader.pause();
      leaving.push(() => reader.destroy());
    }
    const { points: stored } = await uploadAll(connection, batchesOf(points(POINTS), "during", 5_000));
    expect(stored).toBe(POINTS);
    // All that the budget has room for stays; whatever is over it was refused.
    while (refused < SLOW_SENDERS - 8 && sent < SLOW_SENDERS) await Bun.sleep(20);
    expect(refused).toBeGreaterThan(SLOW_SENDERS / 2);
    // What was in use for a moment goes back to the system after a while; the limit of the test ends the wait.
    while ((await residentBytes(server.http)) - before > GROWTH_MAX) await Bun.sleep(100);
  } finally {
    for (const leave of leaving) leave();
    expect(await server.stop()).toBe(0);
  }
}, 120_000);
