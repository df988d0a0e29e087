/** Devices as an operator meets them, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { Devices } from "../../../src/wire/gen/devices_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const dir = tempDir("console-devices");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const ingestion = createClient(DataIngestion, transport);
const devices = createClient(Devices, transport);
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data: join(dir.path, "data"), args: ["--http", http], binary: true });
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

async function send(device: string, metricName: string, value: number): Promise<void> {
  const point = { metricName, value, timestamp: timestampOfMs(Date.now()), tags: { device } };
  await ingestion.uploadBatch({ source: "hall-3", points: [point] });
}

test("a device falls silent: list, overview and its own page show it, with its sensors", async () => {
  const sensors = [{ metricName: "pressure", unit: "kPa", validMax: 9 }];
  const limits = { expectedIntervalMs: 500n, lateAfterMs: 1_000n, offlineAfterMs: 2_000n };
  await devices.registerDevice({
    device: { deviceId: "pump-1", name: "Loud pump", site: "hall 3", sensors, ...limits },
  });
  await send("pump-1", "pressure", 4.25);
  await send("pump-1", "battery_pct", 81);
  await send("pump-2", "pressure", 1);
  await using page = new Page();
  await page.open(`${base}/devices?search=loud`);
  await page.shows(/Loud pump pump-1\s+○ offline for/);
  await page.shows(/1 device of 2[^]*81 %/);
  await page.click("tbody a");
  await page.shows("silent for");
  await page.until(() => page.ask("document.querySelector('.plot canvas') !== null"), "draws");
  await page.shows(/pressure\s+4.25 kPa/);
  const strip = "[...document.querySelectorAll('.device-strip span')].map((span) => span.dataset.status).join()";
  await page.until(async () => /online,(late,)?offline$/.test(await page.ask(strip)), "shows how it stood");
  await page.open(`${base}/?site=hall+3`);
  await page.shows(/1\s+○ offline[^]*Loud pump \(pump-1\) is offline, was (late|online): silent for/);
  expect(await page.text()).not.toContain("pump-2");
});

test("a device is registered, edited beside somebody else's change, and deleted", async () => {
  await using page = new Page();
  await page.open(`${base}/devices`);
  await page.shows("Register");
  await page.ask("[...document.querySelectorAll('button')].find((b) => b.textContent === 'Register').click()");
  await page.shows("Register a device");
  await page.ask("document.querySelector('dialog input').focus()");
  await page.type("press-7");
  await page.press("Enter");
  await page.shows("press-7 is registered");
  await page.open(`${base}/devices/press-7`);
  await page.shows("It has sent nothing yet");
  const press = (text: string) =>
    page.ask(
      `[...document.querySelectorAll('button')].findLast((b) => b.textContent === ${JSON.stringify(text)}).click()`,
    );
  await press("Edit");
  await page.shows("Edit press-7");
  await devices.updateDevice({
    device: { deviceId: "press-7", name: "Theirs", site: "hall 4" },
    fields: ["name", "site"],
  });
  await page.ask("document.querySelector('dialog input').focus()");
  await page.type("Mine");
  await press("Save");
  await page.shows("name: yours “Mine”, theirs “Theirs”");
  await press("Save");
  await page.shows("Mine is saved");
  await page.until(() => page.ask("document.querySelector('h1').textContent.startsWith('Mine')"), "has the new name");
  const { device } = await devices.getDevice({ deviceId: "press-7" });
  expect([device!.name, device!.site]).toEqual(["Mine", "hall 4"]);
  await press("Delete");
  await page.shows("Delete Mine?");
  await press("Delete Mine");
  await page.shows("Mine is deleted");
  await page.until(() => page.ask("location.pathname === '/devices'"), "went to the list");
});
