/** No view keeps anybody out who has room: wide, and twice as large, full and empty. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { lookAtAll, WORD } from "./all-views.ts";
import { CHROMIUM, Page } from "./browser.ts";
import { furnish, pageAddresses, type PageAddress } from "./furnish.ts";

const DESKTOP = { width: 1280, height: 800 };
/** What is left of a desktop at 200 %. */
const ZOOMED = { width: 640, height: 400 };
const test = testNeeding([CHROMIUM]);
const dir = tempDir("accessibility-wide");
let [full, empty]: ServerProcess[] = [];
let page: Page;
let addresses: PageAddress[] = [];

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  const start = (name: string) => startServerProcess({ data: join(dir.path, name), binary: true });
  [full, empty] = await Promise.all([start("full"), start("empty")]);
  addresses = pageAddresses(await furnish(`http://${full.http}`, WORD));
  page = new Page();
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  for (const server of [full, empty]) {
    server?.kill();
    await server?.exited;
  }
  dir[Symbol.dispose]();
});

test("wide and light, with something everywhere", async () => {
  await page.resize(DESKTOP);
  await page.colours("light");
  expect(await lookAtAll(page, full.http, addresses, true)).toEqual({});
});

test("twice as large, with nothing anywhere", async () => {
  await page.resize(ZOOMED);
  await page.colours("dark");
  expect(await lookAtAll(page, empty.http, addresses, false)).toEqual({});
});
