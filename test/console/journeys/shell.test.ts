/** What is around every view, by keyboard alone, against the compiled executable. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const test = testNeeding([CHROMIUM]);
const dir = tempDir("shell");
let server: ServerProcess;
let page: Page;
let base = "";

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  base = `http://${server.http}`;
  page = new Page();
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

const heading = (text: string) =>
  page.until(
    () =>
      page.ask(
        `document.activeElement.matches("h1") && document.activeElement.textContent === ${JSON.stringify(text)}`,
      ),
    `went to ${text}`,
  );

test("two keys lead to a part, its heading has the focus, the title says where one is; typing is never a key", async () => {
  await page.open(`${base}/devices`);
  await page.shows("Devices");
  await page.press("g");
  await page.press("e");
  await heading("Explore");
  expect(await page.ask("document.title")).toBe("Explore · Watchpost");
  await page.press("/");
  await page.until(() => page.ask("document.activeElement.matches('[data-hotkey]')"), "searched");
  await page.press("g");
  await page.press("a");
  expect(await page.ask("[location.pathname, document.activeElement.value]")).toEqual(["/explore", "ga"]);
});

test("the first stop of the Tab key skips to what is shown; the help says all keys, and Escape leaves it", async () => {
  await page.open(`${base}/alerts`);
  await page.shows("Alerts");
  await page.press("Tab");
  await page.until(() => page.ask("document.activeElement.matches('.skip')"), "could skip");
  await page.press("Enter");
  await page.until(() => page.ask("document.activeElement.id === 'main'"), "skipped");
  await page.press("?");
  await page.shows("Go to Devices");
  await page.press("Escape");
  await page.until(() => page.ask("document.querySelector('dialog') === null"), "left the help");
});

test("what was chosen of colours and times, and the name, are kept; the version of the server is told", async () => {
  await page.open(`${base}/`);
  await page.shows("live");
  await page.click(".header-name");
  await page.shows("Settings");
  await page.type("Ada");
  // Each name enters the session one is in anew: none that is not whole is taken.
  expect(await page.ask("document.querySelector('.header-name').textContent")).toBe("Say your name");
  await page.press("Tab");
  await page.until(() => page.ask("document.querySelector('.header-name').textContent === 'Ada'"), "takes the name");
  await page.ask("document.querySelectorAll('dialog input[type=radio]')[2].click()");
  await page.shows(/Watchpost \d+\.\d+\.\d+ \(/);
  await page.open(`${base}/`);
  await page.shows("Ada");
  expect(await page.ask("getComputedStyle(document.documentElement).colorScheme")).toBe("dark");
});

test("an address that is none says so, and leads on", async () => {
  await page.open(`${base}/nowhere/%E0%A4%A`);
  await page.shows("No such page");
  await page.shows("Nothing is at /nowhere/%E0%A4%A");
  await page.click("main a[href='/devices']");
  await heading("Devices");
});
