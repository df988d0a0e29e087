/** From a rule to whoever is told of it, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const MINUTE_MS = 60_000;
const dir = tempDir("console-rules");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const alerts = createClient(Alerts, transport);
const ingestion = createClient(DataIngestion, transport);
const test = testNeeding([CHROMIUM]);
const told: string[] = [];
const hook = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    told.push(await request.text());
    return new Response("ok");
  },
});
let server: ServerProcess;

beforeAll(async () => {
  const rules = join(dir.path, "rules.yaml");
  const settings = join(dir.path, "settings.toml");
  writeFileSync(
    rules,
    `route: { receiver: ops, group_wait: 1s }
receivers: [{ name: ops, webhook: { url: "${hook.url.origin}/t0ken" } }]
rules: [{ name: of-the-file, metric: pressure, condition: { threshold: { above: 100 } } }]
`,
  );
  writeFileSync(settings, `[alerts]\nrules_file = "${rules}"\n`);
  const args = ["--http", http, "--config", settings];
  server = await startServerProcess({ data: join(dir.path, "data"), args, binary: true });
});

afterAll(async () => {
  server.kill();
  await server.exited;
  await hook.stop(true);
  dir[Symbol.dispose]();
});

async function send(value: number, agoMs: number): Promise<void> {
  const timestamp = timestampOfMs(Date.now() - agoMs);
  const tags = { device: "press-1" };
  await ingestion.uploadBatch({ source: "hall-3", points: [{ metricName: "pressure", value, timestamp, tags }] });
}

test("a rule is written, tested on the chart and saved; it fires, is silenced, and whoever is told can be tested", async () => {
  for (let minute = 30; minute > 2; minute--) await send(minute > 12 && minute < 18 ? 9 : 5, minute * MINUTE_MS);
  await using page = new Page({ width: 1280, height: 1500 });
  await page.open(`${base}/`);
  await page.ask("localStorage.setItem('watchpost.user', 'Ada')");
  await page.open(`${base}/alerts/rules`);
  await page.shows("from file");
  await page.click("a.primary");

  const [name, metric, hold] = ["press-hot", "temperature_c, temp*", "at once"].map(
    (hint) => `input[placeholder="${hint}"]`,
  );
  const limit = ".rules-condition input[inputmode=decimal]";
  await page.shows("Choose a metric");
  await page.write(name, "of-the-file");
  await page.write(metric, "pressure");
  await page.press("Enter");
  await page.write(limit, "8 bar");
  await page.shows("Wanted a number");
  await page.write(limit, "8");
  await page.shows("It would have fired once, for 4 min, of one device");
  await page.shows("2 notifications: 2 to ops");

  await page.until(
    () => page.ask("document.querySelector('.plot-limit:not([hidden])') !== null"),
    "has a limit to drag",
  );
  await page.ask("document.querySelector('.plot-limit').focus()");
  await page.press("ArrowUp");
  await page.until(() => page.ask(`Number(document.querySelector('${limit}').value) > 8`), "moves the limit");
  await page.write(limit, "9.5");
  await page.shows("It would not have fired");
  await page.write(limit, "8");
  await page.write(hold, "soon");
  await page.shows("Wanted a duration");
  await page.write(hold, "0s");
  await page.shows("It would have fired once");

  await page.click(".rules-editor button.primary");
  await page.shows("There is a rule of-the-file already");
  await page.press("Escape");
  await page.write(name, "pressure-high");
  await page.click(".rules-editor button.primary");
  await page.shows("pressure-high is in force: bound to 1 series");
  const { info } = await alerts.getRule({ name: "pressure-high" });
  expect(info?.rule).toMatchObject({ metric: "pressure", for: "0s", severity: "medium", fromFile: false });
  expect(info?.rule?.condition?.threshold?.above).toBe(8);

  await send(9.25, 0);
  await page.go("/alerts");
  await page.shows("pressure of press-1 is 9.25");
  await page.go("/alerts/silences?new&matcher=device%3Dpress-1");
  await page.shows("Covers one alert that fires now");
  await page.write('input[placeholder="works on pump 1 until noon"]', "new seal");
  await page.click("dialog button.primary");
  await page.shows("holds back 1 alert that fires now");
  await page.shows(/new seal.*by Ada/);

  await page.go("/alerts/policies?label=device%3Dpress-1");
  await page.shows("Nobody now: 1 silence would hold it back");
  await page.go("/alerts/receivers");
  await page.shows(`${hook.url.origin}/<secret>`);
  await page.click(".receivers-card button");
  await page.shows("The test was taken");
  expect(told.at(-1)).toContain("Ada asked whether notifications get to the receiver ops");
});

test("what others save of a rule is lost to nobody: neither to a draft that was left, nor to a pause", async () => {
  const rule = { name: "shared", metric: "pressure", severity: "low", condition: { threshold: { above: 100 } } };
  await alerts.putRule({ rule });
  await using page = new Page({ width: 1280, height: 2000 });
  await page.open(`${base}/alerts/rules/shared`);
  const limit = ".rules-condition input[inputmode=decimal]";
  await page.shows("Fires when");
  await page.write(limit, "50");
  await page.go("/alerts/rules");
  await page.shows(/^Pause$/m);
  await alerts.putRule({ rule: { ...rule, severity: "critical" } });
  await page.go("/alerts/rules/shared");
  await page.shows("What you had changed before is still here. Somebody has saved the rule since.");
  await page.click(".rules-editor button.primary");
  await page.shows("shared was changed meanwhile");
  await page.press("Escape");
  await page.go("/alerts/rules");
  await page.shows(/^Pause$/m);
  await alerts.putRule({ rule: { ...rule, severity: "high" } });
  await page.click("button[aria-label='Pause shared']");
  await page.shows("shared is paused");
  const { info } = await alerts.getRule({ name: "shared" });
  expect(info?.rule).toMatchObject({ severity: "high", disabled: true });
});
