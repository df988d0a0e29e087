/** No view keeps anybody out on a phone, nor who has the system choose the colours. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { testNeeding } from "../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../support/server-process.ts";
import { lookAtAll, WORD } from "./all-views.ts";
import { CHROMIUM, Page } from "./browser.ts";
import { furnish, pageAddresses, type PageAddress } from "./furnish.ts";

const PHONE = { width: 390, height: 844 };
const test = testNeeding([CHROMIUM]);
const dir = tempDir("accessibility-narrow");
let server: ServerProcess;
let page: Page;
let addresses: PageAddress[] = [];

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  addresses = pageAddresses(await furnish(`http://${server.http}`, WORD));
  page = new Page();
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

test("narrow and dark, with something everywhere", async () => {
  await page.resize(PHONE, true);
  await page.colours("dark");
  expect(await lookAtAll(page, server.http, addresses, true)).toEqual({});
});

/** Of empty elements, whether they stand out from their ground by colour alone. */
const STANDING_OUT = `
  const solid = (each) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(each);
    return backgroundImage !== "none" ? backgroundImage : /, 0\\)$/.test(backgroundColor) ? undefined : backgroundColor;
  };
  const groundOf = (each) => each === null ? undefined : (solid(each) ?? groundOf(each.parentElement));
  const standsOut = (each) => solid(each) !== undefined && solid(each) !== groundOf(each.parentElement);
  const isMark = (each) => {
    const { width, height } = each.getBoundingClientRect();
    const isEmpty = each.childNodes.length === 0 && width > 0 && height > 0;
    return isEmpty && each.matches("main :is(div, span, i, b)") && getComputedStyle(each).borderStyle === "none";
  };`;

async function lostWithForcedColours(page: Page): Promise<string[]> {
  await page.colours("dark");
  await page.ask(`(() => {
    ${STANDING_OUT}
    globalThis.standingOut = [...document.querySelectorAll("main *")].filter((each) => isMark(each) && standsOut(each));
  })()`);
  await page.colours("dark", "forced");
  return page.ask(`(() => {
    ${STANDING_OUT}
    const lost = standingOut.filter((each) => each.isConnected && isMark(each) && !standsOut(each));
    return [...new Set(lost.map((each) => each.className || "in " + each.parentElement.className))];
  })()`);
}

test("what is told by a colour is still to be seen where the system forces its own, lines of charts too", async () => {
  await page.resize({ width: 1280, height: 800 });
  expect(await lookAtAll(page, server.http, addresses, true, lostWithForcedColours)).toEqual({});
  await page.go(addresses.find(({ name }) => name === "explore")!.path);
  // The chart is drawn in the colour that its legend has.
  const isDrawn = `(() => {
    const canvas = document.querySelector(".plot canvas");
    const key = document.querySelector(".plot-key");
    if (canvas === null || key === null) return false;
    const [r, g, b] = getComputedStyle(key).backgroundColor.match(/\\d+/g).map(Number);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4)
      if (Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 30 && data[i + 3] > 200) return true;
    return false;
  })()`;
  await page.until(() => page.ask(isDrawn), "drew its line in its colour");
});
