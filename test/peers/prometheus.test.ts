/** Debian's Prometheus scrapes itself and Watchpost, and writes what it scraped. */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openServer } from "../ingestion/doors/rig.ts";
import { program, testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { tempDir } from "../support/server-process.ts";

const WAIT_MS = 30_000;

testNeeding([program("prometheus") && "Debian's prometheus"])("Prometheus writes all that it scrapes", async () => {
  using dir = tempDir("prometheus");
  await using server = await openServer();
  const address = `127.0.0.1:${ownPort()}`;
  const config = join(dir.path, "prometheus.yml");
  mkdirSync(join(dir.path, "data"));
  writeFileSync(
    config,
    `global: { scrape_interval: 200ms, external_labels: { site: lab } }
scrape_configs:
  - { job_name: own, static_configs: [{ targets: ["${address}"] }] }
  - { job_name: watchpost, static_configs: [{ targets: ["${new URL(server.url).host}"] }] }
remote_write: [{ url: "${server.url}/api/v1/write", queue_config: { batch_send_deadline: 200ms } }]
`,
  );
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${dir.path}/data`, `--web.listen-address=${address}`];
  const child = Bun.spawn(["prometheus", ...flags], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const log = new Response(child.stderr).text();
  try {
    const wanted = [`up ${address} job=own site=lab@`, "watchpost_door_points_total", "go_gc_duration_seconds_count"];
    const deadlineMs = performance.now() + WAIT_MS;
    let stored: string[] = [];
    while (!wanted.every((start) => stored.some((point) => point.startsWith(start)))) {
      if (performance.now() > deadlineMs) throw new Error(`after ${WAIT_MS} ms there are ${stored.length} points`);
      await Bun.sleep(100);
      stored = await server.stored();
    }
    const ups = stored.filter((point) => point.startsWith("up ") && point.includes("job=own"));
    expect(ups.every((point) => point.endsWith("=1") || point.endsWith("=0"))).toBe(true);
  } finally {
    child.kill();
    await child.exited;
  }
  // A batch that was refused is told there.
  expect(await log).not.toMatch(/non-recoverable error|HTTP status 4/);
  expect(server.told.filter((sentence) => sentence.includes("another protocol"))).toEqual([]);
});
