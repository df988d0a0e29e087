/**
 * No view keeps anybody out: axe-core finds nothing serious, and nothing is wider than the window; light and dark, wide, on a phone
 * and twice as large, empty and full.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { violations } from "./axe.ts";
import { CHROMIUM, Page } from "./browser.ts";
import { furnish, pageAddresses, type PageAddress } from "./furnish.ts";

const WORD = "pump";
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
/** What is left of a desktop at 200 %. */
const ZOOMED = { width: 640, height: 400 };
const test = testNeeding([CHROMIUM]);
const dir = tempDir("accessibility");
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

const mainText = () => page.ask<string>("document.querySelector('main')?.innerText ?? ''");

/** What makes one scroll sideways. */
function tooWide(): Promise<string[]> {
  return page.ask(`(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const over = [...document.body.querySelectorAll("*")].filter((each) => each.getBoundingClientRect().right > clientWidth + 1);
    return over.slice(0, 3).map((each) => "too wide by " + (scrollWidth - clientWidth) + " px: " + each.outerHTML.slice(0, 150));
  })()`);
}

async function violationsOfAll(server: ServerProcess, isFull: boolean): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  await page.open(`http://${server.http}/nowhere`);
  await page.shows("live");
  for (const { name, path, shows = WORD, showsEmpty } of addresses) {
    const wanted = isFull ? shows : showsEmpty;
    await page.go(path);
    await page.until(async () => (await mainText()).includes(wanted), `showed ${wanted} at ${path}`);
    const wrong = [...(await violations(page)), ...(await tooWide())];
    if (wrong.length > 0) found[name] = wrong;
  }
  return found;
}

test("wide and light, with something everywhere", async () => {
  await page.resize(DESKTOP);
  await page.colours("light");
  expect(await violationsOfAll(full, true)).toEqual({});
});

test("narrow and dark, with something everywhere", async () => {
  await page.resize(PHONE, true);
  await page.colours("dark");
  expect(await violationsOfAll(full, true)).toEqual({});
});

test("twice as large, with nothing anywhere", async () => {
  await page.resize(ZOOMED);
  await page.colours("dark");
  expect(await violationsOfAll(empty, false)).toEqual({});
});
