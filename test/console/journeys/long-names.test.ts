/** Names as long as they may be, without a place to break them: every view keeps to the window. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { lookAtAll, tooWide, WORD } from "../all-views.ts";
import { CHROMIUM, Page } from "../browser.ts";
import { furnish, pageAddresses, type PageAddress } from "../furnish.ts";

/** As long as any name may be, and what all views are known by is in it. */
const LONG_WORD = WORD.padEnd(64, "W");
const test = testNeeding([CHROMIUM]);
const dir = tempDir("long-names");
let server: ServerProcess;
let page: Page;
let addresses: PageAddress[] = [];

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  addresses = pageAddresses(await furnish(`http://${server.http}`, LONG_WORD));
  page = new Page();
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

const tooWideViews = () => lookAtAll(page, server.http, addresses, true, tooWide);

test("on a desktop", async () => {
  await page.resize({ width: 1280, height: 800 });
  expect(await tooWideViews()).toEqual({});
});

test("on a tablet", async () => {
  await page.resize({ width: 768, height: 1024 });
  expect(await tooWideViews()).toEqual({});
});

test("on the smallest phone, or a desktop at 400 %", async () => {
  await page.resize({ width: 320, height: 640 }, true);
  expect(await tooWideViews()).toEqual({});
});

test("in a dialog that asks about one", async () => {
  await page.resize({ width: 390, height: 844 }, true);
  await page.go(addresses.find(({ name }) => name === "device")!.path);
  const button = "[...document.querySelectorAll('main button')].find((each) => each.textContent === 'Delete')";
  await page.until(() => page.ask(`${button} !== undefined`), "showed the device");
  await page.ask(`${button}.click()`);
  await page.until(() => page.ask("document.querySelector('dialog .actions') !== null"), "asked");
  const [wanted, width] = await page.ask<[number, number]>(
    "(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector('dialog'))",
  );
  expect(wanted).toBeLessThanOrEqual(width);
});
