/** What operators do with charts, in a real browser against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page, straight } from "../browser.ts";

const dir = tempDir("console-explore");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const ingestion = createClient(DataIngestion, transport);
const alerts = createClient(Alerts, transport);
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;

const start = () => startServerProcess({ data: join(dir.path, "data"), args: ["--http", http], binary: true });

beforeAll(async () => {
  server = await start();
  const now = Date.now();
  for (const [i, device] of ["pump-1", "pump-2", "=fan"].entries()) {
    await send(
      "hall_pressure_bar",
      device,
      seconds(now - 120_000, 100).map((at) => [at, i + 1]),
      { site: `hall-${i}` },
    );
  }
  await send("hall_flow", "pump-1", [[now, 7]]);
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

function seconds(fromMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => fromMs + i * 1_000);
}

async function send(
  metricName: string,
  device: string,
  readings: readonly (readonly [atMs: number, value: number])[],
  tags: Record<string, string> = {},
): Promise<void> {
  const points = readings.map(([atMs, value]) => {
    return { metricName, value, timestamp: timestampOfMs(atMs), tags: { device, ...tags } };
  });
  await ingestion.uploadBatch({ source: "hall", points });
}

/** Waits until the first chart is drawn. */
async function chartOf(page: Page): Promise<void> {
  await page.until(() => page.ask("document.querySelector('.plot canvas') !== null"), "draws");
}

/** Drags over the values of the first chart, from one part of its width to another. */
function drag(page: Page, from: number, to: number, keys = "{}"): Promise<void> {
  return page.ask(`(() => {
    const over = document.querySelector(".plot .u-over");
    const box = over.getBoundingClientRect();
    const send = (type, part) => over.dispatchEvent(new PointerEvent(type, {
      bubbles: true, pointerId: 1, pointerType: "mouse", button: 0,
      clientX: box.left + part * box.width, clientY: box.top + 20, ...${keys},
    }));
    over.setPointerCapture = () => {};
    send("pointerdown", ${from});
    send("pointermove", ${to});
    send("pointerup", ${to});
  })()`);
}

/** Moves the pointer over the first chart. */
function point(page: Page, part: number): Promise<void> {
  return page.ask(`(() => {
    const over = document.querySelector(".plot .u-over");
    const box = over.getBoundingClientRect();
    const place = { clientX: box.left + ${part} * box.width, clientY: box.top + 20 };
    over.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, pointerId: 1, pointerType: "mouse", ...place }));
  })()`);
}

test("a metric is found by the middle of its name and filtered by a tag, with the keyboard alone, and the address says so", async () => {
  await using page = new Page();
  await page.open(`${base}/explore`);
  await page.shows("hall_flow");
  await page.press("/");
  await page.type("PRESS");
  await page.until(() => page.ask("document.querySelectorAll('[role=option]').length === 1"), "suggests it");
  await page.press("ArrowDown");
  await page.until(() => page.ask("document.querySelector('[aria-selected=true]') !== null"), "has it chosen");
  await page.press("Enter");
  await chartOf(page);
  await page.shows("pump-2");
  expect(await page.ask("[document.activeElement.dataset.hotkey, document.activeElement.value]")).toEqual(["/", ""]);
  await page.ask("document.querySelector('input[placeholder^=device]').focus()");
  await page.type("sit");
  await page.until(() => page.ask("document.querySelectorAll('[role=option]').length === 1"), "suggests the tag");
  await page.press("ArrowDown");
  await page.press("Enter");
  await page.until(
    () => page.ask("document.activeElement.placeholder?.startsWith('a value') === true"),
    "asks for a value",
  );
  await page.type("1");
  await page.until(() => page.ask("document.querySelectorAll('[role=option]').length === 1"), "suggests the value");
  await page.press("ArrowDown");
  await page.press("Enter");
  await page.until(async () => !(await page.text()).includes("pump-1"), "leaves others out");
  const isInFilter = "document.activeElement.placeholder?.startsWith('device') === true";
  await page.until(() => page.ask(isInFilter), "has the focus in the filters");
  expect(await page.ask("location.search")).toBe("?metric=hall_pressure_bar&tag.site=hall-1");
});

test("a range is drawn, moved and zoomed by pointer and keys, stands in the address, and is left for what is now", async () => {
  await using page = new Page();
  await page.open(`${base}/explore?metric=hall_pressure_bar`);
  await chartOf(page);
  const shownMs = () =>
    page.ask<number[]>("['from', 'to'].map((name) => Date.parse(new URL(location).searchParams.get(name)))");
  await drag(page, 0.25, 0.75);
  await page.shows("Back to live");
  const [fromMs, toMs] = await shownMs();
  expect(toMs - fromMs).toBeCloseTo(150_000, -4);
  await page.ask("document.querySelector('.plot').focus()");
  await page.press("+");
  await page.until(async () => (await shownMs())[1] < toMs, "came closer");
  const [zoomedFromMs, zoomedToMs] = await shownMs();
  expect(zoomedToMs - zoomedFromMs).toBeCloseTo(75_000, -4);
  await page.press("ArrowLeft");
  await page.until(async () => (await shownMs())[0] < zoomedFromMs, "moved");
  expect((await shownMs())[1] - (await shownMs())[0]).toBeCloseTo(75_000, -4);
  await drag(page, 0.2, 0.8, "{ shiftKey: true }");
  await page.until(async () => (await shownMs())[0] < zoomedFromMs - 30_000, "was pulled back");
  await page.press("0");
  await page.shows("Pause");
  expect(await page.ask("location.search")).toBe("?metric=hall_pressure_bar");
  await drag(page, 0.25, 0.75);
  await page.shows("Back to live");
  const middle = await page.middleOf(".plot .u-over");
  for (const count of [1, 2]) {
    await page.mouse("mousePressed", middle, count);
    await page.mouse("mouseReleased", middle, count);
  }
  await page.shows("Pause");
});

test("fingers move and zoom a chart, two taps lead back to what is now; a finger that goes down the chart scrolls the page", async () => {
  await using page = new Page();
  await page.resize({ width: 390, height: 600 }, true);
  await page.open(`${base}/explore?metric=hall_pressure_bar`);
  await chartOf(page);
  await page.ask("document.querySelector('.plot').scrollIntoView({ block: 'end' })");
  const range = () =>
    page.ask<[number, number]>("['from', 'to'].map((name) => Date.parse(new URL(location).searchParams.get(name)))");
  const isLive = () => page.ask<boolean>("!location.search.includes('from=')");
  const middle = () => page.middleOf(".plot .u-over");

  let [x, y] = await middle();
  const scrolledPx = await page.ask<number>("scrollY");
  await page.touch([straight([x, y], [x + 12, y + 90])]);
  await page.until(async () => (await page.ask<number>("scrollY")) < scrolledPx, "scrolled");
  expect(await isLive()).toBe(true);
  // Where the browser takes a finger over that had begun to move the chart.
  await page.ask(`(() => {
    const over = document.querySelector(".plot .u-over");
    over.setPointerCapture = () => {};
    for (const [type, clientX] of [["pointerdown", 200], ["pointermove", 260], ["pointercancel", 0]])
      over.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 7, pointerType: "touch", clientX, clientY: 300 }));
    delete over.setPointerCapture;
  })()`);
  expect(await isLive()).toBe(true);

  [x, y] = await middle();
  await page.touch([straight([x, y], [x + 90, y + 12])]);
  await page.until(async () => !(await isLive()), "was moved");
  const [fromMs, toMs] = await range();
  expect(toMs - fromMs).toBeCloseTo(300_000, -2);
  expect(toMs).toBeLessThan(Date.now() - 60_000);

  await page.ask("document.querySelector('.plot').scrollIntoView({ block: 'end' })");
  [x, y] = await middle();
  await page.touch([straight([x - 30, y], [x - 60, y]), straight([x + 30, y], [x + 60, y])]);
  await page.until(async () => (await range())[1] < toMs, "came closer");
  const [closeFromMs, closeToMs] = await range();
  expect((closeToMs - closeFromMs) / (toMs - fromMs)).toBeCloseTo(0.5, 1);

  const tappedMs = Date.now();
  await page.touch([[[x, y]]], { atMs: tappedMs });
  await page.touch([[[x + 9, y + 9]]], { atMs: tappedMs + 2_000 });
  await page.until(() => page.ask("document.querySelector('.plot-crosshair').hidden === false"), "shows a time");
  expect(await isLive()).toBe(false);
  await page.touch([[[x, y]]], { atMs: tappedMs + 2_200 });
  await page.until(isLive, "went back to what is now");
});

test("what is shown is read as a table and saved as CSV, in which no name is a formula", async () => {
  await using page = new Page();
  await page.open(`${base}/explore?metric=hall_pressure_bar&range=15m`);
  await page.shows("=fan");
  // The icon of the page is made of a blob, too.
  await page.ask(`(() => {
    const blobs = new Map();
    globalThis.saved = new Map();
    URL.createObjectURL = (blob) => (blobs.set("blob:" + blobs.size, blob), "blob:" + (blobs.size - 1));
    HTMLAnchorElement.prototype.click = function () { saved.set(this.download, blobs.get(this.href)) };
  })()`);
  const choose = async (item: string) => {
    await page.ask("document.querySelector('.plot-toolbar [aria-haspopup=menu]').focus()");
    await page.press("ArrowDown");
    await page.ask(
      `[...document.querySelectorAll("[role=menuitem]")].find((each) => each.textContent === "${item}").click()`,
    );
  };
  await choose("Save as CSV");
  const lines = (await page.ask<string>("saved.get('hall_pressure_bar.csv').text()")).split("\r\n");
  expect([lines[0].startsWith("time,"), lines[0].includes(`"'=fan`), lines.length]).toEqual([true, true, 102]);
  await choose("Save as PNG");
  await page.until(() => page.ask("saved.has('hall_pressure_bar.png')"), "makes a picture");
  expect(await page.ask("saved.get('hall_pressure_bar.png').type")).toBe("image/png");
  await choose("Show as table");
  await page.until(() => page.ask("document.querySelectorAll('dialog tbody tr').length > 20"), "has rows");
  const edge = (selector: string, name: string) =>
    page.ask<number>(`document.querySelector('dialog ${selector}').getBoundingClientRect().${name}`);
  expect(await edge("thead th", "bottom")).toBeLessThanOrEqual(await edge("tbody tr", "top"));
});

test("a chart goes on over a restart of the server without a hole, also with what came late", async () => {
  const now = Date.now();
  await send(
    "level",
    "tank",
    seconds(now - 60_000, 40).map((at) => [at, 1]),
  );
  await using page = new Page();
  await page.open(`${base}/explore?metric=level&range=15m`);
  await chartOf(page);
  server.kill("SIGKILL");
  await server.exited;
  await page.shows(/Not live/i);
  server = await start();
  // Both while nobody was told, and a late one between those that are shown.
  await send("level", "tank", [
    [now - 10_000, 2],
    [now - 5_000, 3],
    [now - 35_500, 9],
  ]);
  await page.until(
    async () => (await page.ask<string>("document.querySelector('.plot-legend').innerText")).includes("3"),
    "goes on",
  );
  const rows = () => page.ask<number>("document.querySelectorAll('dialog tbody tr').length");
  await page.until(async () => {
    await page.ask("document.querySelector('.dialog-close')?.click()");
    await page.ask("document.querySelector('.plot-toolbar [aria-haspopup=menu]').click()");
    await page.ask("[...document.querySelectorAll('[role=menuitem]')].at(-1).click()");
    return (await rows()) === 43;
  }, "has each point once");
});

test("with the pointer on a chart the alert that fires there is said, and values of that time", async () => {
  await alerts.putRule({ rule: { name: "high", metric: "load", condition: { threshold: { above: 2.5 } } } });
  await send(
    "load",
    "mill",
    seconds(Date.now() - 60_000, 50).map((at) => [at, 1]),
  );
  await using page = new Page();
  await page.open(`${base}/explore?metric=load&range=5m`);
  await chartOf(page);
  await send("load", "mill", [[Date.now(), 3]]);
  const tip = () => page.ask<string>("document.querySelector('.plot-tip').innerText");
  await page.until(
    async () => (await point(page, 0.999), (await tip()).includes("load of mill is 3")),
    "says the alert",
  );
  await point(page, 0.6);
  await page.until(
    () => page.ask("document.querySelector('.plot-legend b').innerText.trim() === '1'"),
    "says the value",
  );
  expect(await tip()).not.toContain("mill");
  // However much is to be said, it stays on the chart: a phone's page that became wider by it would jump from below the second of two taps.
  const text = "the mill is cleaned by the people of the night shift ".repeat(4);
  const [from, to] = [timestampOfMs(Date.now() - 3_600_000), timestampOfMs(Date.now() + 3_600_000)];
  await createClient(Collaboration, transport).createAnnotation({
    userId: "Ada",
    pin: { metric: "load" },
    from,
    to,
    text,
  });
  await page.resize({ width: 390, height: 700 }, true);
  await page.shows("1 note");
  await page.ask("document.querySelector('.plot').focus()");
  await page.press("ArrowLeft");
  await page.shows("Back to live");
  await page.ask("document.querySelector('.plot').scrollIntoView({ block: 'center' })");
  const [middle, atMs] = [() => page.middleOf(".plot .u-over"), Date.now()];
  await page.touch([[await middle()]], { atMs });
  await page.until(async () => (await tip()).includes("night shift"), "says the note");
  const right = (part: string) =>
    page.ask<number>(`document.querySelector(".plot ${part}").getBoundingClientRect().right`);
  expect(await right(".plot-tip")).toBeLessThanOrEqual(await right(".u-over"));
  await page.touch([[await middle()]], { atMs: atMs + 200 });
  await page.until(() => page.ask("!location.search.includes('from=')"), "went back to what is now");
});

test("a mistake in a question is said, and that nothing is stored", async () => {
  await using page = new Page();
  await page.open(
    `${base}/explore?metric=hall_pressure_bar&by=${Array.from({ length: 20 }, (_, i) => `k${i}`).join()}`,
  );
  await page.until(
    () => page.ask("document.querySelector('.suggest .field-error')?.innerText.includes('group_by') === true"),
    "says it at the field",
  );
  await page.open(`${base}/explore?metric=nothing_here`);
  await page.shows("There is no metric nothing_here. Those that there are");
  await page.open(`${base}/explore?metric=hall_pressure_bar&from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z`);
  await page.shows(/the latest point is of .*\d.* ago/);
  await page.open(`${base}/explore?metric=hall_pressure_bar&from=2000&to=1000`);
  await page.shows("to is 1000, no later than from, 2000");
});
