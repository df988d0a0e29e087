/** What operators do, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../src/wire/gen/collaboration_pb.ts";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { CHROMIUM, Page } from "./browser.ts";

const HOSTILE = `<img src=x onerror="document.title='broken into'">`;
const dir = tempDir("console");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const ingestion = createClient(DataIngestion, transport);
const alerts = createClient(Alerts, transport);
const collaboration = createClient(Collaboration, transport);
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;

const start = () => startServerProcess({ data: join(dir.path, "data"), args: ["--http", http], binary: true });

beforeAll(async () => {
  server = await start();
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

async function send(metricName: string, value: number, device = "pump-1"): Promise<void> {
  const point = { metricName, value, timestamp: timestampOfMs(Date.now()), tags: { device } };
  await ingestion.uploadBatch({ source: "hall-3", points: [point] });
}

test("a metric is found and moves, its value beside the chart", async () => {
  await send("pressure", 4.25);
  await using page = new Page();
  await page.open(`${base}/explore?metric=pressure`);
  await page.shows("4.25");
  await page.until(() => page.ask("document.querySelector('.plot canvas') !== null"), "draws");
  await send("pressure", 7.75);
  await page.shows("7.75");
  expect(await page.text()).toContain("pump-1");
});

test("while the server is away the page says so, and goes on by itself when it is back", async () => {
  await using page = new Page();
  await page.open(`${base}/devices`);
  await page.shows("pump-1");
  await page.shows(/\blive\b/);
  server.kill("SIGKILL");
  await server.exited;
  await page.shows("not live");
  server = await start();
  await page.until(async () => !(await page.text()).includes("not live"), "was live again");
  await send("pressure", 1, "pump-2");
  await page.shows("pump-2");
});

test("names and chat from anywhere stay text", async () => {
  await send("pressure", 1, HOSTILE);
  await collaboration.sendMessage({ sessionId: "lobby", userId: "mallory", message: HOSTILE });
  await alerts.publishAlert({ rule: "odd", title: HOSTILE, severity: "low" });
  await using page = new Page();
  for (const path of ["/devices", "/alerts", "/", "/explore?metric=pressure", "/sessions/lobby"]) {
    await page.open(base + path);
    await page.shows(HOSTILE);
    expect(await page.ask("[document.title.includes('broken'), document.querySelectorAll('img').length]")).toEqual([
      false,
      0,
    ]);
  }
});
