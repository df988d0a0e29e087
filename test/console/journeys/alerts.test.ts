/** What operators do about alerts, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const dir = tempDir("console-alerts");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const alerts = createClient(Alerts, createConnectTransport({ baseUrl: base }));
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;
let page: Page;

const start = () => startServerProcess({ data: join(dir.path, "data"), args: ["--http", http], binary: true });

beforeAll(async () => {
  server = await start();
  if (CHROMIUM !== false) return;
  page = new Page();
  await page.open(`${base}/`);
  await openAs("Ada", page, "/");
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

async function fire(rule: string, title: string, severity = "high"): Promise<string> {
  const { alert } = await alerts.publishAlert({ rule, title, severity, labels: { of: rule }, expiresAfter: "1h" });
  return alert!.id;
}

/** Pages of one test share what the browser keeps; each has the name that stood there when it was opened. */
async function openAs(name: string, opened: Page, path: string): Promise<void> {
  await opened.ask(`localStorage.setItem("watchpost.user", ${JSON.stringify(name)})`);
  await opened.open(base + path);
}

/** What the note in the header says, of which narrow windows show less. */
async function calls(wanted: string): Promise<void> {
  const said = "document.querySelector('.attention')?.ariaLabel";
  await page.until(async () => (await page.ask(said)) === `Alerts: ${wanted}`, `says ${wanted}`);
}

/** With the keyboard, which the page listens to once it is drawn. */
async function goToFirstLine(): Promise<void> {
  const isThere = () => page.ask<boolean>("document.activeElement.role === 'row'");
  await page.until(async () => (await isThere()) || (await page.press("j"), false), "goes to the first line");
}

/** May notifications be shown? A headless shell refuses them from the start. */
function notices(permission: "default" | "granted"): string {
  return `Object.defineProperty(Notification, "permission", { get: () => "${permission}", configurable: true })`;
}

/** In place of the browser's, which would really sound: what is asked for stands in `tones`, as hertz and when. */
const FAKE_AUDIO = `(() => {
  window.tones = [];
  class Sound { connect(to) { return to; } }
  class Param { value = 0; setValueAtTime() { return this; } linearRampToValueAtTime() { return this; } }
  window.GainNode = class extends Sound { gain = new Param(); };
  window.AudioContext = class extends EventTarget {
    state = "suspended"; currentTime = 0; destination = new Sound();
    async resume() { this.state = "running"; this.dispatchEvent(new Event("statechange")); }
    async close() {}
    createGain() { return new GainNode(); }
    createOscillator() {
      const frequency = new Param();
      return Object.assign(new Sound(), { frequency, stop() {}, start: (atS) => tones.push([frequency.value, atS]) });
    }
  };
})()`;

test("the page sounds by severity, not before somebody has clicked, which it says, and what the tab calls for", async () => {
  for (const source of [FAKE_AUDIO, notices("default")]) {
    await page.tell("Page.addScriptToEvaluateOnNewDocument", { source });
  }
  await fire("hum", "The transformer hums", "critical");
  await page.open(`${base}/alerts?severity=grave,critical`);
  await page.shows('Not shown as the address says: severity has "grave"');
  await page.shows("The transformer hums");
  await calls("sound not armed: click anywhere");
  await page.shows("click anywhere");
  await page.until(() => page.ask("document.querySelector('link[rel=icon]')?.href.startsWith('blob:')"), "has an icon");
  expect(await page.ask<number>("tones.length")).toBe(0);
  await page.click("h1");
  await calls("sound on");
  await page.until(() => page.ask("tones.length >= 6"), "asks for a tone");
  const asked = await page.ask<[number, number][]>("tones.slice(0, 6)");
  expect(asked.map(([hertz]) => hertz)).toEqual([988, 1319, 988, 1319, 988, 1319]);
  expect(asked.map(([, atS]) => atS)).toEqual(asked.map(([, atS]) => atS).toSorted((a, b) => a - b));
  await page.click(".attention");
  await page.shows("The browser has not been asked yet");
  await page.click("dialog .toolbar:last-of-type button");
  await page.shows("Muted until");
  await page.press("Escape");
  await calls("muted for 14 min");
});

test("an alert is acknowledged with the keyboard alone, and others see by whom, also when two do", async () => {
  const id = await fire("leak", "Water in hall 3", "critical");
  await using other = new Page();
  await other.open(`${base}/`);
  const both = [page, other];
  await openAs("Ada", page, "/alerts?text=water");
  await openAs("Ben", other, "/alerts?text=water");
  for (const each of both) await each.shows("Water in hall 3");
  await page.until(() => page.ask("/^[(][0-9]+[)] /.test(document.title)"), "counts what nobody takes care of");
  await goToFirstLine();
  await page.press("a");
  await page.until(() => page.ask("document.activeElement.closest('dialog') !== null"), "asks for a comment");
  await page.type("on my way");
  await page.press("Enter");
  for (const each of both) await each.shows("acknowledged by Ada");
  await page.until(() => page.ask("document.querySelector('dialog') === null"), "closes the dialog");
  const { alert } = await alerts.getAlertHistory({ id });
  expect([alert?.acknowledgedBy, alert?.acknowledgedComment]).toEqual(["Ada", "on my way"]);
  await alerts.acknowledgeAlert({ id, userId: "Ben" });
  for (const each of both) await each.shows("acknowledged by Ben, after Ada");
  // The focus is where it was, and leads to what happened.
  await page.press("Enter");
  await page.shows(/Ada acknowledged it\s*“?on my way/);
  await page.shows("Ben acknowledged it");
});

test("an incident is notified of once, and no longer when somebody looks after it", async () => {
  await page.tell("Page.addScriptToEvaluateOnNewDocument", { source: notices("granted") });
  await page.ask(`localStorage.setItem("watchpost.notifications", '{"isOn":true}')`);
  await fire("rain", "It rains");
  await page.open(`${base}/alerts`);
  await page.shows("It rains");
  // One tab notifies, and that of the test before may not be gone yet.
  const isAlone = "navigator.locks.query().then(({ held, pending }) => held.length === 1 && pending.length === 0)";
  await page.until(() => page.ask(isAlone), "is the only tab");
  // Nothing is shown of a page in front, and what was is not told to a test.
  await page.ask(`(document.hasFocus = () => false, window.told = [], window.Notification = class extends Notification {
    constructor(title, options) { super(title, options); told.push(title); }
    close() { told.push("closed"); super.close(); }
  }, 1)`);
  const id = await fire("flood", "The cellar is under water", "critical");
  await page.until(() => page.ask("told.includes('critical: The cellar is under water')"), "notifies");
  await alerts.acknowledgeAlert({ id, userId: "Ben" });
  await page.until(() => page.ask("told.includes('closed')"), "takes it away");
});

test("of three at once one is refused, which is told of that one alone", async () => {
  const ids = [];
  for (const name of ["north", "south", "west"]) ids.push(await fire(`gate-${name}`, `Gate ${name} is open`));
  await page.open(`${base}/alerts?text=gate`);
  await page.shows("Gate west is open");
  await goToFirstLine();
  for (const _ of ids) {
    await page.press("x");
    await page.press("j");
  }
  await page.shows("3 chosen");
  await page.press("r");
  await page.shows("It mutes nothing");
  await alerts.resolveAlert({ id: ids[1], userId: "Ben" });
  await page.press("Enter");
  await page.shows("2 of 3 done");
  await page.shows(/Gate south is open: .*(cleared|over|active)/);
  expect(await page.ask("document.querySelectorAll('dialog [role=alert] li').length")).toBe(1);
});

test("after the server was away the page goes on where it was: nothing is missing, nothing there twice", async () => {
  await fire("before", "It fired before");
  await page.open(`${base}/alerts?text=it+fired&group=none`);
  await page.shows("It fired before");
  server.kill("SIGKILL");
  await server.exited;
  await page.shows("not live");
  server = await start();
  const id = await fire("meanwhile", "It fired meanwhile");
  await alerts.acknowledgeAlert({ id, userId: "Ben" });
  await page.shows("acknowledged by Ben");
  await page.until(async () => !(await page.text()).includes("not live"), "is live again");
  const titles = "[...document.querySelectorAll('.alerts-title > a')].map((link) => link.textContent).sort()";
  expect(await page.ask(titles)).toEqual(["It fired before", "It fired meanwhile"]);
});
