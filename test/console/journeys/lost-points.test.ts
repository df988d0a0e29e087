/** What a gateway had to give up while its centre was away, on the centre's page: two of the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, expect } from "bun:test";
import { join } from "node:path";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const [HOUR_MS, DAY_MS] = [3_600_000, 86_400_000];
const test = testNeeding([CHROMIUM]);
const dir = tempDir("console-lost");
const grpc = `127.0.0.1:${ownPort()}`;
const running: ServerProcess[] = [];

afterAll(async () => {
  for (const each of running) {
    each.kill();
    await each.exited;
  }
  dir[Symbol.dispose]();
});

async function start(name: string, args: string[], env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({ data: join(dir.path, name), args, env, binary: true });
  running.push(server);
  return server;
}

const startCentre = () => start("centre", ["--grpc", grpc]);
const startGateway = (retention: string) => {
  const env = {
    WATCHPOST_UPSTREAM_ADDRESS: grpc,
    WATCHPOST_UPSTREAM_NAME: "hall-3",
    WATCHPOST_UPSTREAM_BACKOFF_MIN: "100ms",
  };
  return start("gateway", [], { ...env, WATCHPOST_RETENTION_RAW: retention });
};

const ingestionOf = ({ http }: ServerProcess) => {
  return createClient(DataIngestion, createConnectTransport({ baseUrl: `http://${http}` }));
};

/** An hour from one to the next. */
async function send(gateway: ServerProcess, fromDaysAgo: number, toDaysAgo: number): Promise<void> {
  const [fromMs, toMs] = [fromDaysAgo, toDaysAgo].map((days) => Date.now() - days * DAY_MS);
  const points = Array.from({ length: (toMs - fromMs) / HOUR_MS }, (_, i) => {
    return { metricName: "level", value: i, timestamp: timestampOfMs(fromMs + i * HOUR_MS), tags: { device: "tank" } };
  });
  await ingestionOf(gateway).uploadBatch({ source: "hall", points });
}

/** Waits until the gateway knows that the centre has so many points of it. */
async function acknowledged(gateway: ServerProcess, wanted: number): Promise<void> {
  for (;;) {
    const [{ sources, queuedPoints }] = (await ingestionOf(gateway).getDelivery({})).upstreams;
    if (queuedPoints === 0n && Number(sources[0]?.ackedPoints ?? 0) === wanted) return;
    await Bun.sleep(20);
  }
}

test("of two gaps the one in which the gateway gave points up is lost, which the page says with how many and when", async () => {
  let centre = await startCentre();
  let gateway = await startGateway("keep");
  await send(gateway, 80, 74);
  await send(gateway, 72, 66);
  await acknowledged(gateway, 2 * 6 * 24);
  await centre.stop();
  await send(gateway, 65, 62);
  await gateway.stop();
  // What it takes has not been sent.
  gateway = await startGateway("20d");
  await send(gateway, 6, 0);
  centre = await startCentre();
  await acknowledged(gateway, 3 * 6 * 24);

  await using page = new Page();
  await page.open(`http://${centre.http}/explore?metric=level&range=90d`);
  await page.shows("lost: it was given up, and does not come");
  await page.shows("silent: nothing was sent");
  const saidAt = (daysAgo: number) =>
    page.ask<string>(`(() => {
      const over = document.querySelector(".plot .u-over");
      const box = over.getBoundingClientRect();
      const place = { clientX: box.left + ${(90 - daysAgo) / 90} * box.width, clientY: box.top + 20 };
      over.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, pointerId: 1, pointerType: "mouse", ...place }));
      return document.querySelector(".plot-tip").innerText;
    })()`);
  await page.until(async () => (await saidAt(73)).includes("silent: nothing was sent"), "says the silence");
  await page.until(
    async () => /lost: hall-3 gave up 72 points of this source, of .+ to /.test(await saidAt(63.5)),
    "says what was given up",
  );
  expect(await saidAt(40)).toContain("silent: nothing was sent");
});
