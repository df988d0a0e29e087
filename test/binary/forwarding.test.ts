/** The compiled executable as gateway and as centre: what is loaded only where it forwards is in it, too. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeBatch } from "../../src/client/batch.ts";
import { Connection } from "../../src/client/connection.ts";
import { getDelivery } from "../../src/client/delivery.ts";
import { queryRange } from "../../src/client/query.ts";
import { uploadAll } from "../../src/client/upload.ts";
import { startServerProcess, tempDir } from "../support/server-process.ts";

const POINTS = 5_000;

test("a gateway forwards to a centre", async () => {
  using dir = tempDir("forwarding-binary");
  const centre = await startServerProcess({ data: join(dir.path, "centre"), binary: true });
  const env = { WATCHPOST_UPSTREAM_ADDRESS: centre.grpc, WATCHPOST_UPSTREAM_GZIP: "true" };
  const edge = await startServerProcess({ data: join(dir.path, "edge"), binary: true, env });
  const [toEdge, toCentre] = [new Connection(edge.grpc), new Connection(centre.grpc)];
  try {
    const points = Array.from({ length: POINTS }, (_, i) => {
      return { metric: "m", value: i, timeUs: 1_700_000_000_000_000 + i, tags: { n: String(i % 7) } };
    });
    await uploadAll(toEdge, [encodeBatch(points, "gw")]);
    for (;;) {
      const [{ queuedPoints, sources }] = (await getDelivery(toEdge)).upstreams;
      if (queuedPoints === 0n && sources[0]?.ackedPoints === BigInt(POINTS)) break;
      await Bun.sleep(20);
    }
    const { series } = await queryRange(toCentre, { metric: "m" });
    const values = series.flatMap((each) => each.values).sort((a, b) => a - b);
    expect(values).toEqual(points.map(({ value }) => value));
  } finally {
    for (const connection of [toEdge, toCentre]) connection.close();
    expect(await Promise.all([edge.stop(), centre.stop()])).toEqual([0, 0]);
  }
}, 120_000);
