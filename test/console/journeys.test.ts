/** What operators do, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DataIngestion } from "../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../src/wire/timestamp.ts";
import { testNeeding } from "../support/needs.ts";
import { ownPort } from "../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { CHROMIUM, Page } from "./browser.ts";
import { furnish, pageAddresses } from "./furnish.ts";

/** More than the connections that a browser opens. */
const TABS = 7;
/** Over HTTP/1.1, to one server. */
const CONNECTIONS_OF_A_BROWSER = 6;
const ESTABLISHED = "01";
const HOSTILE = `<img src=x onerror="document.title='broken into'">`;
const dir = tempDir("console");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const ingestion = createClient(DataIngestion, transport);
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

test("names and texts from anywhere stay text, whatever part of the console shows them", async () => {
  const furnished = await furnish(base, HOSTILE);
  await using page = new Page();
  await page.open(`${base}/nowhere`);
  await page.shows("live");
  for (const { path, shows = HOSTILE } of pageAddresses(furnished)) {
    await page.go(path);
    await page.until(
      () => page.ask(`document.querySelector("main").innerText.includes(${JSON.stringify(shows)})`),
      `showed ${shows} at ${path}`,
    );
    const harm = "[document.title.startsWith('broken'), document.querySelectorAll('img, [onerror]').length]";
    expect(await page.ask(harm)).toEqual([false, 0]);
  }
});

test("eight tabs are live at once, with a connection each beside the few that pages were loaded over", async () => {
  await using page = new Page();
  await page.open(`${base}/`);
  await page.shows("live");
  const before = openConnections();
  for (let i = 0; i < TABS; i++) await page.tell("Target.createTarget", { url: `${base}/alerts`, background: true });
  const titles = async () => {
    const { targetInfos } = await page.tell<{ targetInfos: { title: string }[] }>("Target.getTargets");
    return targetInfos.map(({ title }) => title);
  };
  // Only what came over the stream of alerts counts them.
  const live = /^\(\d+\) Alerts/;
  await page.until(async () => (await titles()).filter((title) => live.test(title)).length === TABS, "had live tabs");
  expect(openConnections() - before).toBeLessThanOrEqual(TABS + CONNECTIONS_OF_A_BROWSER);
});

/** From browsers to the server. */
function openConnections(): number {
  const port = Number(http.split(":")[1]).toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines.filter((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return local?.endsWith(`:${port}`) && state === ESTABLISHED;
  }).length;
}
