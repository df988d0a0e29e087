/** A gateway and its centre as processes, and what happens between them: afterwards the centre has what the gateway has. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { getDelivery } from "../../src/client/delivery.ts";
import { streamRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import type { SourceDelivery } from "../../src/wire/gen/forwarding_pb.ts";
import { ownPort } from "../support/own-port.ts";
import { randomOf } from "../support/random.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

const T = Date.UTC(2026, 0, 1) * 1_000;
const SOURCES = ["gw-1", "gw-2"];
const POINTS = 400;
const BACKOFF = { WATCHPOST_UPSTREAM_BACKOFF_MIN: "50ms", WATCHPOST_UPSTREAM_BACKOFF_MAX: "200ms" };
/** So that there is always something being sealed and merged. */
const SMALL = { WATCHPOST_STORE_HEAD_POINTS_MAX: "10000", WATCHPOST_STORE_SEAL_AGE: "1s" };

async function storedAt(server: ServerProcess): Promise<string[]> {
  const connection = new Connection(server.grpc);
  const rows: string[] = [];
  try {
    for await (const { series } of streamRange(connection, { metric: "m" })) {
      for (const { source, tags, timesMs, values } of series) {
        values.forEach((value, i) => rows.push(`${source}/${tags["n"]}@${Math.round(timesMs[i] * 1_000)}=${value}`));
      }
    }
  } finally {
    connection.close();
  }
  return rows.sort();
}

async function deliveryOf(server: ServerProcess) {
  const connection = new Connection(server.grpc);
  try {
    return await getDelivery(connection);
  } finally {
    connection.close();
  }
}

function counts(sources: readonly SourceDelivery[]) {
  return sources
    .map(({ source, ackedPoints, refusedPoints, droppedPoints }) => ({
      source,
      ackedPoints,
      refusedPoints,
      droppedPoints,
    }))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
}

test("killed, cut off, or both: the centre has every point as it stands at the gateway", async () => {
  using dir = tempDir("forwarding");
  const random = randomOf(20_261_129);
  const centreAddress = `127.0.0.1:${ownPort()}`;
  const edgeAddress = `127.0.0.1:${ownPort()}`;
  const proxy = await startTcpProxy(centreAddress);
  const startCentre = () =>
    startServerProcess({ data: join(dir.path, "centre"), args: ["--grpc", centreAddress], env: SMALL });
  const startEdge = () =>
    startServerProcess({
      data: join(dir.path, "edge"),
      args: ["--grpc", edgeAddress],
      env: { ...SMALL, ...BACKOFF, WATCHPOST_UPSTREAM_ADDRESS: proxy.address, WATCHPOST_UPSTREAM_NAME: "hall-3" },
    });
  let [centre, edge] = await Promise.all([startCentre(), startEdge()]);

  /** What stands, by place: batches are sent one after the other, and again until they are acknowledged. */
  const model = new Map<string, number>();
  let written = 0;
  let isOver = false;
  const connection = new Connection(edgeAddress);
  const send = async () => {
    const source = SOURCES[(written / POINTS) % SOURCES.length];
    const points = Array.from({ length: POINTS }, () => {
      const number = written++;
      // Some are late, and some of those are corrections.
      const back = random() < 0.2 ? Math.floor(random() * 5_000) : 0;
      return {
        metric: "m",
        value: number,
        timeUs: T + Math.max(0, number - back) * 1_000,
        tags: { n: String(number % 7) },
      };
    });
    await uploadAll(connection, [encodeBatch(points, source)]);
    for (const { value, timeUs, tags } of points) model.set(`${source}/${tags.n}@${timeUs}`, value);
  };
  const feeding = (async () => {
    while (!isOver) {
      await send();
      await Bun.sleep(5);
    }
  })();

  try {
    await Bun.sleep(700);
    // The upstream is killed.
    centre.kill();
    await centre.exited;
    await Bun.sleep(400);
    centre = await startCentre();
    await Bun.sleep(500);
    // The gateway is killed.
    edge.kill();
    await edge.exited;
    edge = await startEdge();
    await Bun.sleep(500);
    // The link is cut within a frame.
    for (const bytes of [1_000, 10, 3_333]) {
      proxy.cutAfter(bytes);
      await Bun.sleep(300);
    }
    // Both.
    proxy.cut();
    await Bun.sleep(300);
    centre.kill();
    edge.kill();
    await Promise.all([centre.exited, edge.exited]);
    [centre, edge] = await Promise.all([startCentre(), startEdge()]);
    proxy.mend();
    await Bun.sleep(500);
    // Long enough for seals.
    proxy.cut();
    await Bun.sleep(3_000);
    proxy.mend();
    await Bun.sleep(300);
  } finally {
    isOver = true;
    await feeding;
    connection.close();
  }

  try {
    for (;;) {
      const [delivery] = (await deliveryOf(edge)).upstreams;
      if (delivery.queuedPoints === 0n && delivery.queued.length === 0) break;
      await Bun.sleep(100);
    }
    const atEdge = await storedAt(edge);
    expect(atEdge).toEqual([...model].map(([place, value]) => `${place}=${value}`).sort());
    expect(await storedAt(centre)).toEqual(atEdge);
    const [sent, received] = await Promise.all([deliveryOf(edge), deliveryOf(centre)]);
    expect(received.origins.map(({ originName }) => originName)).toEqual(["hall-3"]);
    expect(counts(sent.upstreams[0].sources)).toEqual(counts(received.origins[0].sources));
    expect(sent.upstreams[0].sources.map(({ droppedPoints }) => droppedPoints)).toEqual(SOURCES.map(() => 0n));
    const acked = received.origins[0].sources.reduce((sum, { ackedPoints }) => sum + Number(ackedPoints), 0);
    // Values that were replaced before they were sent need not be.
    expect(acked).toBeGreaterThanOrEqual(model.size);
  } finally {
    proxy.close();
    await Promise.all([edge.stop(), centre.stop()]);
  }
}, 120_000);
