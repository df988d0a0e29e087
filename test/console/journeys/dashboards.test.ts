/** How a dashboard comes to be, and what happens where two edit it, against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { PanelKind, SavedDashboards } from "../../../src/wire/gen/saved_dashboards_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const HOSTILE = `<img src=x onerror="document.title='broken into'">`;
const test = testNeeding([CHROMIUM]);
const dir = tempDir("dashboards");
let server: ServerProcess;
let base = "";

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  base = `http://${server.http}`;
});

afterAll(async () => {
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

const dashboards = () => createClient(SavedDashboards, createConnectTransport({ baseUrl: base }));
const ingestion = () => createClient(DataIngestion, createConnectTransport({ baseUrl: base }));

async function send(metricName: string, value: number): Promise<void> {
  const tags = { device: "pump-1", site: "hall-3" };
  const point = { metricName, value, timestamp: timestampOfMs(Date.now()), tags };
  await ingestion().uploadBatch({ source: "gateway", points: [point] });
}

async function pageOf(name: string, path: string): Promise<Page> {
  const page = new Page();
  await page.open(`${base}/`);
  await page.ask(`localStorage.setItem("watchpost.user", ${JSON.stringify(name)})`);
  await page.open(base + path);
  return page;
}

/** A button or an entry of a menu, by what it says, once it is there. */
async function choose(page: Page, text: string): Promise<void> {
  const found = `[...document.querySelectorAll("button")].findLast((each) => each.checkVisibility() && !each.disabled
    && [each.textContent.replace("▾", "").trim(), each.ariaLabel].includes(${JSON.stringify(text)}))`;
  await page.until(() => page.ask(`((found) => (found?.click(), found !== undefined))(${found})`), `has ${text}`);
}

/** Where the panel stands: as in "1 / span 6, 1 / span 6". */
const placeOf = (page: Page, title: string) =>
  page.ask<string>(`(({ style }) => style.gridColumn + ", " + style.gridRow)
    (document.querySelector('.dash-panel[aria-label="${title}"]'))`);

test("a dashboard is made with two panels, one resized by the keyboard; the other browser sees it", async () => {
  await send("pressure", 4.25);
  await send("flow", 12.5);
  await using ada = await pageOf("Ada", "/dashboards");
  await ada.shows("No dashboards yet");
  await choose(ada, "New dashboard");
  await ada.until(() => ada.ask("document.activeElement.matches('dialog input')"), "asks for a title");
  await ada.type("Pumps");
  await ada.press("Enter");
  await ada.shows("No panels yet");
  for (const [kind, metric] of [
    ["Lines", "pressure"],
    ["Number", "flow"],
  ]) {
    await choose(ada, "Add panel");
    await choose(ada, kind);
    await ada.until(() => ada.ask("document.querySelector('dialog [role=combobox]') !== null"), "opens the editor");
    await ada.write("dialog [role=combobox]", metric);
    await ada.press("Enter");
    await ada.until(() => ada.ask(`document.querySelector("dialog h2").textContent.includes("${metric}")`), "has it");
    await choose(ada, "Apply");
    await ada.until(() => ada.ask("document.querySelector('dialog') === null"), "closes the editor");
  }
  await ada.shows("12.5");
  await ada.ask("document.querySelector('.dash-move').focus()");
  await ada.press("ArrowRight", "Shift");
  await ada.press("ArrowDown", "Shift");
  await ada.until(async () => (await placeOf(ada, "pressure")) === "1 / span 7, 1 / span 7", "is larger");
  expect(await ada.ask("document.querySelector('.unseen[aria-live]').textContent")).toContain("7 wide, 7 high");
  // Undone in the middle of it, the next key goes on from what is there.
  await ada.press("ArrowLeft", "Shift");
  await ada.press("z", "Control");
  await ada.until(async () => (await placeOf(ada, "pressure")) === "1 / span 6, 1 / span 6", "undid the gesture");
  await ada.press("ArrowRight", "Shift");
  await ada.press("ArrowDown", "Shift");
  await ada.until(async () => (await placeOf(ada, "pressure")) === "1 / span 7, 1 / span 7", "is larger again");
  await choose(ada, "Save");
  await ada.shows("Saved");
  await using bob = await pageOf("Bob", "/dashboards");
  await bob.shows("Pumps");
  await bob.ask("document.querySelector('.dash-list a').click()");
  await bob.shows("12.5");
  expect(await placeOf(bob, "pressure")).toBe("1 / span 7, 1 / span 7");
  expect(await placeOf(bob, "flow")).toBe("7 / span 3, 8 / span 4");
});

test("what another saves is shown where nothing is edited, and is a conflict where something is", async () => {
  const stat = { id: "a", kind: PanelKind.STAT, title: "Flow", width: 6, height: 4, queries: [{ metric: "flow" }] };
  const plant = { dashboardId: "plant", title: "Plant", panels: [stat] };
  const { dashboard } = await dashboards().putDashboard({ dashboard: plant, userId: "Ada" });
  await using ada = await pageOf("Ada", "/dashboards/plant?edit=1");
  await using bob = await pageOf("Bob", "/dashboards/plant");
  for (const page of [ada, bob]) await page.shows("Flow");
  await choose(ada, "What to do with Flow");
  await choose(ada, "Duplicate");
  const theirs = { ...plant, title: "Plant 2" };
  const { revision } = dashboard!;
  const second = await dashboards().putDashboard({ dashboard: theirs, revision, userId: "Carl" });
  await bob.shows("Plant 2");
  await bob.shows("Changed by Carl");
  await ada.shows(`Carl saved revision ${second.dashboard!.revision}`);
  await choose(ada, "What differs");
  await ada.shows('changed title to "Plant 2"');
  await choose(ada, "Close");
  await choose(ada, "Save");
  await ada.shows("Carl saved");
  await choose(ada, "Save mine over it");
  await ada.shows("Saved");
  await bob.until(() => bob.ask("document.querySelectorAll('.dash-panel').length === 2"), "has both panels");
  expect(await bob.ask("document.querySelector('h1').textContent")).toBe("Plant");
  expect((await ada.text()).includes("Carl saved")).toBe(false);
});

test("what the server refuses is said on the panel that it is about, and no longer once a save goes well", async () => {
  const stat = { id: "a", kind: PanelKind.STAT, title: "Flow", width: 6, height: 4, queries: [{ metric: "flow" }] };
  await dashboards().putDashboard({ dashboard: { dashboardId: "refused", title: "Refused", panels: [stat] } });
  await using page = await pageOf("Ada", "/dashboards/refused?edit=1");
  const saveWith = async (metric: string) => {
    await choose(page, "What to do with Flow");
    await choose(page, "Edit");
    await page.until(() => page.ask("document.querySelector('dialog [role=combobox]') !== null"), "opens the editor");
    await page.write("dialog [role=combobox]", metric);
    await page.press("Enter");
    await choose(page, "Apply");
    await choose(page, "Save");
  };
  await page.shows("Flow");
  await saveWith("$hall");
  await page.shows('It was not saved: panel "Flow", metric is "$hall"');
  expect(await page.ask("document.querySelector('.dash-panel .field-error').textContent")).toStartWith("metric is");
  await saveWith("flow");
  await page.shows("Saved");
  expect(await page.text()).not.toMatch(/It was not saved|metric is/);
});

test("a panel is dragged, the other makes room; undone, all is where it was; a finger does the same; leaving asks", async () => {
  const panels = ["Upper", "Lower"].map((title, i) => ({
    ...{ id: title, kind: PanelKind.DEVICE_GRID, title, y: 4 * i, width: 12, height: 4 },
  }));
  await dashboards().putDashboard({ dashboard: { dashboardId: "drag", title: "Drag", panels } });
  await using page = await pageOf("Ada", "/dashboards/drag?edit=1");
  await page.shows("Lower");
  const rows = async () =>
    [await placeOf(page, "Upper"), await placeOf(page, "Lower")].map((place) => place.split(", ")[1]);
  const middleOf = (part: string) =>
    page.ask<[number, number]>(`(({ left, top, width, height }) => [left + width / 2, top + height / 2])
      (document.querySelector('.dash-panel[aria-label="Upper"] ${part}').getBoundingClientRect())`);
  const mouse = (type: string, [x, y]: readonly [number, number]) =>
    page.tell("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: 1, clickCount: 1 });
  const [x, y] = await middleOf(".dash-move");
  await mouse("mousePressed", [x, y]);
  await mouse("mouseMoved", [x, y + 104]);
  await mouse("mouseMoved", [x, y + 208]);
  await page.until(async () => (await rows()).join() === "5 / span 4,1 / span 4", "changed places");
  await mouse("mouseReleased", [x, y + 208]);
  await page.press("z", "Control");
  await page.until(async () => (await rows()).join() === "1 / span 4,5 / span 4", "undid it");
  const touch = (type: string, touchPoints: readonly object[]) =>
    page.tell("Input.dispatchTouchEvent", { type, touchPoints });
  const [left, top] = await middleOf(".dash-resize");
  await touch("touchStart", [{ x: left, y: top }]);
  await touch("touchMove", [{ x: left, y: top + 52 }]);
  await touch("touchMove", [{ x: left, y: top + 104 }]);
  await page.until(async () => (await rows()).join() === "1 / span 6,7 / span 4", "is higher");
  await touch("touchEnd", []);
  await page.ask("document.querySelector('.brand').click()");
  await page.shows("Leave without saving?");
  await choose(page, "Cancel");
  expect(await page.ask("location.pathname")).toBe("/dashboards/drag");
  await choose(page, "Undo");
  expect(await rows()).toEqual(["1 / span 4", "5 / span 4"]);
  await page.ask("document.querySelector('.brand').click()");
  await page.until(() => page.ask("location.pathname === '/'"), "left without being asked: nothing is changed");
});

test("of fifty panels those in sight are drawn, over few subscriptions; while another range is read they stay", async () => {
  await send("flow", 12.5);
  const kinds = [PanelKind.STAT, PanelKind.GAUGE, PanelKind.LINE, PanelKind.BAR, PanelKind.TABLE];
  const panels = Array.from({ length: 50 }, (_, i) => ({
    ...{
      id: `p${i}`,
      kind: kinds[i % 5],
      title: `Panel ${i}`,
      x: (i % 2) * 6,
      y: Math.floor(i / 2) * 5,
      width: 6,
      height: 5,
    },
    queries: [{ metric: i % 2 === 0 ? "flow" : "pressure", filters: { site: "hall-3" } }],
  }));
  await dashboards().putDashboard({ dashboard: { dashboardId: "fifty", title: "Fifty", panels } });
  await using page = await pageOf("Ada", "/dashboards/fifty");
  await page.shows("12.5");
  const drawn = () => page.ask<number>("document.querySelectorAll('.dash-body > *').length");
  expect(await drawn()).toBeLessThan(25);
  expect(await page.ask("document.querySelectorAll('.dash-panel').length")).toBe(50);
  await page.ask("scrollTo(0, document.body.scrollHeight)");
  const last = `document.querySelector('.dash-panel[aria-label="Panel 48"] .dash-body').innerText`;
  await page.until(async () => (await page.ask<string>(last)).includes("12.5"), "draws the last ones");
  const metrics = await (await fetch(`${base}/metrics`)).text();
  // One of charts, which need all points, one of last values, and those that are just being left.
  expect(Number(/^watchpost_subscriptions (\d+)/m.exec(metrics)?.[1])).toBeLessThanOrEqual(4);
  // One of each kind, at the very end.
  const bodies = "[...document.querySelectorAll('.dash-body')].slice(-5)";
  await page.until(
    () => page.ask(`${bodies}.every((body) => body.firstChild && !/Reading/.test(body.innerText))`),
    "has read them",
  );
  await page.ask(`(window.unread = [], window.watch = new MutationObserver((changes) => {
    const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
    unread.push(...added.map((each) => each.textContent).filter((text) => text.includes("Reading")));
  }), ${bodies}.forEach((body) => watch.observe(body, { childList: true, subtree: true })))`);
  for (const range of ["15m", "5m"]) {
    await page.ask(`((select) => (select.value = "${range}", select.dispatchEvent(new Event("change"))))
      (document.querySelector(".dash-filters select"))`);
    await page.until(() => page.ask(`location.search === "?range=${range}"`), "asks for another range");
    await page.until(async () => (await page.ask<string>(last)).includes("12.5"), "has it");
  }
  expect(await page.ask("unread")).toEqual([]);
});

test("what is chosen stands in the address; names from anywhere stay text; a kiosk says whether it is live", async () => {
  await send(HOSTILE, 1);
  await send("flow", 12.5);
  const panels = [
    { id: "a", kind: PanelKind.STAT, title: HOSTILE, queries: [{ metric: "flow", filters: { device: "$device" } }] },
    { id: "b", kind: PanelKind.TABLE, x: 6, queries: [{ metric: HOSTILE }] },
  ].map((panel) => ({ ...panel, width: 6, height: 4 }));
  const variables = [{ name: "device", tag: "device" }];
  await dashboards().putDashboard({ dashboard: { dashboardId: "odd", title: HOSTILE, panels, variables } });
  await using page = await pageOf("Ada", "/dashboards/odd?var-device=none&range=5m");
  await page.shows(HOSTILE);
  await page.shows("Nothing in this range");
  await page.write("[role=combobox]", "pump-1");
  await page.press("Enter");
  await page.shows("12.5");
  expect(await page.ask("location.search")).toBe("?var-device=pump-1&range=5m");
  expect(await page.ask("[document.title, document.querySelectorAll('img').length]")).toEqual([
    `${HOSTILE} · Dashboards · Watchpost`,
    0,
  ]);
  const isHeaderShown = () => page.ask<boolean>("document.querySelector('header').checkVisibility()");
  await page.ask("document.activeElement.blur()");
  await page.press("k");
  await page.until(async () => !(await isHeaderShown()), "leaves the panels alone");
  expect(await page.ask("document.querySelector('.dash-kiosk [role=status]').textContent")).toContain("live");
  await page.click(".dash-kiosk button");
  await page.shows("Leave full screen");
  const isFull = () => page.ask<boolean>("document.fullscreenElement !== null");
  expect(await isFull()).toBe(true);
  await page.press("k");
  await page.until(isHeaderShown, "has its header back");
  await page.until(async () => !(await isFull()), "gives the screen back");
});
