/** What operators do together, in real browsers against the compiled executable. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { Alerts } from "../../../src/wire/gen/alerts_pb.ts";
import { Collaboration } from "../../../src/wire/gen/collaboration_pb.ts";
import { IssueStatus } from "../../../src/wire/gen/issues_pb.ts";
import { DataIngestion } from "../../../src/wire/gen/ingestion_pb.ts";
import { timestampOfMs } from "../../../src/wire/timestamp.ts";
import { testNeeding } from "../../support/needs.ts";
import { ownPort } from "../../support/own-port.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page, straight } from "../browser.ts";

const dir = tempDir("console-sessions");
const http = `127.0.0.1:${ownPort()}`;
const base = `http://${http}`;
const transport = createConnectTransport({ baseUrl: base });
const alerts = createClient(Alerts, transport);
const collaboration = createClient(Collaboration, transport);
const ingestion = createClient(DataIngestion, transport);
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;

const start = () => startServerProcess({ data: join(dir.path, "data"), args: ["--http", http], binary: true });

beforeAll(async () => {
  server = await start();
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

/** A page of somebody with a name. */
async function pageOf(name: string, path: string): Promise<Page> {
  const page = new Page();
  await page.open(`${base}/`);
  await page.ask(`localStorage.setItem("watchpost.user", ${JSON.stringify(name)})`);
  await page.open(base + path);
  return page;
}

async function send(values: readonly number[], device: string): Promise<void> {
  const nowMs = Date.now();
  const points = values.map((value, i) => ({
    ...{ metricName: "load", value, tags: { device } },
    timestamp: timestampOfMs(nowMs - (values.length - 1 - i) * 100),
  }));
  await ingestion.uploadBatch({ source: "hall-3", points });
}

async function say(page: Page, text: string): Promise<void> {
  await page.ask("document.querySelector('.sessions-write textarea').focus()");
  await page.type(text);
  await page.press("Enter");
}

/** By what is written on it. */
function press(page: Page, button: string): Promise<boolean> {
  return page.ask(`(() => {
    const place = document.querySelector("dialog") ?? document.querySelector("main");
    const found = [...place.querySelectorAll("button, a")].find((each) => each.textContent.trim() === ${JSON.stringify(button)});
    found?.focus();
    found?.click();
    return found !== undefined;
  })()`);
}

test("two talk, annotate, and see who looks at what; what is said while the server is away comes once", async () => {
  await send([1, 2, 3], "pump-1");
  const topic = { devices: ["pump-1"], metrics: ["load"] };
  await collaboration.createSession({ sessionId: "pump-1", userId: "Ada", title: "Pump 1 is loud", topic });
  await using ada = await pageOf("Ada", "/sessions/pump-1");
  await using ben = await pageOf("Ben", "/sessions/pump-1");
  for (const page of [ada, ben]) {
    await page.shows("Pump 1 is loud");
    await page.shows(/Ada[^]*Ben/);
    await page.until(() => page.ask("document.querySelector('.plot canvas') !== null"), "draws its chart");
  }
  await say(ada, "bearing 2 of pump-1?");
  await ben.until(
    () => ben.ask(`document.querySelector('.sessions-said a[href="/devices/pump-1"]') !== null`),
    "links",
  );
  // Nothing can be drawn with the keyboard: it asks for the times.
  await press(ben, "Annotate");
  await ben.until(() => ben.ask("document.activeElement?.localName === 'textarea'"), "asks for the note");
  await ben.type("oil was changed");
  await press(ben, "Annotate");
  await ada.shows("annotated load of pump-1: oil was changed");
  await ada.shows("1 note");
  await ben.ask(`document.querySelector('nav a[href="/devices"]').click()`);
  await ada.shows("looks at Devices");
  await say(ada, "Ben, come back");
  await ben.shows("1 new");
  // An issue of what was said before, with the keyboard alone: Tab comes to one link, arrows to the others.
  const links = "[...document.querySelectorAll('.sessions-more')]";
  await ada.until(
    () => ada.ask(`${links}.length === 2 && ${links}.map(({ tabIndex }) => tabIndex).join() === "-1,0"`),
    "has one place for Tab",
  );
  await ada.ask(`${links}[1].focus()`);
  await ada.press("ArrowUp");
  expect(await ada.ask<string>("document.activeElement.href")).toContain("bearing");

  server.kill("SIGKILL");
  await server.exited;
  await say(ada, "said while it is away");
  await ada.shows("not sent yet");
  server = await start();
  await ben.ask("history.back()");
  for (const page of [ada, ben]) {
    await page.until(
      () =>
        page.ask(
          "[...document.querySelectorAll('.sessions-said')].filter((li) => li.textContent.includes('said while it is away')).length === 1",
        ),
      "shows once what was said while the server was away",
    );
  }
  await press(ben, "Leave");
  await ada.shows("Ben left");
  const { messages } = await collaboration.listMessages({ sessionId: "pump-1" });
  expect(messages.filter(({ message }) => message === "said while it is away")).toHaveLength(1);
});

test("who says their name in a session is told of as one that goes on, and writes under it", async () => {
  await collaboration.createSession({ sessionId: "named", userId: "Ada", title: "Who is it?" });
  await using ada = await pageOf("Ada", "/sessions/named");
  await ada.shows("Ada joined");
  await using guest = await pageOf("", "/sessions/named");
  await ada.shows("guest joined");
  await guest.until(() => guest.ask("document.querySelector('main input[autocomplete=username]') !== null"), "asks");
  await guest.write("main input[autocomplete=username]", "Ben");
  await guest.press("Enter");
  for (const page of [ada, guest]) await page.shows("guest is now Ben");
  await guest.until(() => guest.ask("document.querySelector('.sessions-write') !== null"), "can be written in");
  await say(guest, "it is me");
  await ada.shows("it is me");
  const { messages } = await collaboration.listMessages({ sessionId: "named" });
  const told = messages.filter(({ messageType }) => messageType === "system").map(({ message }) => message);
  expect(told.slice(1)).toEqual(["Ada joined", "guest joined", "guest is now Ben"]);
  const { session } = await collaboration.getSession({ sessionId: "named" });
  expect(session!.members.map(({ userId, streams }) => [userId, streams])).toEqual([
    ["Ada", 1],
    ["Ben", 1],
  ]);
});

test("an alert leads to its session, in which commands act on it", async () => {
  const labels = { device: "pump-1" };
  const { alert } = await alerts.publishAlert({ rule: "hot", title: "Pump 1 is hot", severity: "high", labels });
  await using page = await pageOf("Ada", `/sessions?alert=${alert!.id}`);
  await page.shows("Pump 1 is hot");
  await page.until(() => page.ask("location.pathname.startsWith('/sessions/alert-')"), "leads to a session");
  await page.until(() => page.ask("document.querySelector('.sessions-write') !== null"), "can be written in");
  await say(page, "/");
  await page.shows("there is no command");
  // What was refused stays until somebody discards it, also where one goes and comes back.
  await page.ask("document.querySelector('.sessions-write textarea').select()");
  await say(page, "/ack 0000");
  await page.shows("not sent");
  await press(page, "Leave");
  await page.shows("1 not sent");
  await page.ask("document.querySelector('.header-in a').click()");
  await page.shows('there is no alert "0000"');
  await press(page, "Discard");
  await page.until(async () => !(await page.text()).includes("not sent"), "lets go of what was discarded");
  await say(page, `/ack ${alert!.id.slice(0, 8)} on my way`);
  await page.shows("acknowledged high alert ‘Pump 1 is hot’: on my way");
  const { alert: after } = await alerts.getAlertHistory({ id: alert!.id });
  expect([after!.acknowledgedBy, after!.acknowledgedComment]).toEqual(["Ada", "on my way"]);
  await alerts.resolveAlert({ id: alert!.id, userId: "Ada" });
  await page.shows("Pump 1 is hot is over");
  // Again: the same session.
  await page.open(`${base}/sessions?alert=${alert!.id}`);
  await page.shows("acknowledged high alert");
  expect((await collaboration.listSessions({ alertId: alert!.id })).sessions).toHaveLength(1);
});

test("an issue is moved with the keyboard, and others see it move", async () => {
  const { issue } = await collaboration.createIssue({ userId: "Ada", title: "order a bearing", priority: "high" });
  await using ada = await pageOf("Ada", "/issues");
  await using ben = await pageOf("Ben", "/issues");
  const column = (page: Page, name: string) =>
    page.ask<string>(`document.querySelector('section[aria-label="${name}"]')?.textContent ?? ""`);
  for (const page of [ada, ben]) await page.until(async () => (await column(page, "open")).includes("order"), "has it");
  await ada.ask(`document.querySelector('#issue-${issue!.number} a').focus()`);
  await ada.press(">");
  for (const page of [ada, ben]) {
    await page.until(async () => (await column(page, "in progress")).includes("order a bearing"), "shows it moved");
  }
  await ada.until(() => ada.ask("document.activeElement?.closest('.issues-card') !== null"), "keeps the focus on it");
});

test("a card is dragged to another column by the mouse, and by a finger on its handle, which elsewhere scrolls", async () => {
  const { issue } = await collaboration.createIssue({ userId: "Ada", title: "grease the fan", priority: "critical" });
  const card = `#issue-${issue!.number}`;
  const statusOf = async () => (await collaboration.getIssue({ number: issue!.number })).issue!.status;
  const column = (name: string) => `section[aria-label="${name}"]`;
  await using page = await pageOf("Ada", "/issues");
  await page.until(() => page.ask(`document.querySelector('${card}') !== null`), "has it");
  const path = straight(await page.middleOf(`${card} a`), await page.middleOf(column("resolved")));
  await page.mouse("mousePressed", path[0]);
  for (const place of path) await page.mouse("mouseMoved", place);
  await page.until(() => page.ask(`document.querySelector('${column("resolved")}').dataset.over === "true"`), "tells");
  await page.mouse("mouseReleased", path.at(-1)!);
  await page.until(() => page.ask(`document.querySelector('${column("resolved")} ${card}') !== null`), "moved it");
  expect(await statusOf()).toBe(IssueStatus.RESOLVED);
  // It was dragged by its link.
  expect(await page.ask("location.pathname")).toBe("/issues");

  await page.resize({ width: 390, height: 700 }, true);
  const scrolled = () => page.ask<number>("document.querySelector('.issues-board').scrollLeft");
  await page.ask(`document.querySelector('${card}').scrollIntoView({ inline: "center" })`);
  const beforePx = await scrolled();
  const [x, y] = await page.middleOf(`${card} a`);
  await page.touch([straight([x, y], [x - 60, y])]);
  await page.until(async () => (await scrolled()) !== beforePx, "scrolled");
  await page.ask(`document.querySelector('${card}').scrollIntoView({ inline: "center" })`);
  // At the edge the board comes along.
  const handle = await page.middleOf(`${card} .issues-handle`);
  const isOver = () => page.ask<boolean>(`document.querySelector('${column("open")}').dataset.over === "true"`);
  await page.touch([straight(handle, [3, handle[1]])], { until: () => page.until(isOver, "came to it") });
  await page.until(() => page.ask(`document.querySelector('${column("open")} ${card}') !== null`), "moved it back");
  expect(await statusOf()).toBe(IssueStatus.OPEN);
});

test("a replay moves charts, alerts and chat together", async () => {
  await send(
    Array.from({ length: 20 }, (_, i) => i),
    "fan-1",
  );
  await collaboration.createSession({
    sessionId: "fan",
    userId: "Ada",
    topic: { devices: ["fan-1"], metrics: ["load"] },
  });
  await collaboration.sendMessage({ sessionId: "fan", userId: "Ada", message: "it begins" });
  await send([99], "fan-1");
  await collaboration.sendMessage({ sessionId: "fan", userId: "Ada", message: "it is over" });
  await using page = await pageOf("Ada", "/sessions/fan/replay");
  await page.until(() => page.ask("document.querySelector('[role=slider]') !== null"), "can be played");
  const scrub = (key: string) =>
    page.ask("document.querySelector('[role=slider]').focus()").then(() => page.press(key));
  const value = () => page.ask<string>("document.querySelector('.plot-legend')?.textContent ?? ''");
  await scrub("End");
  await page.shows("it is over");
  await page.until(async () => (await value()).includes("99"), "shows the last value");
  await scrub("Home");
  await page.until(async () => !(await page.text()).includes("it begins"), "goes back to where nothing was said");
  expect(await value()).not.toContain("99");
  await press(page, "Next event →");
  await page.shows("it begins");
  expect(await page.text()).not.toContain("it is over");
  expect(await page.ask("new URL(location.href).searchParams.has('t')")).toBe(true);
  await page.ask("document.querySelector('.replay').setAttribute('data-before', '')");
  await press(page, "as known now");
  await page.until(() => page.ask("location.search.includes('view=now')"), "says so in its address");
  await page.until(() => page.ask("document.querySelector('.replay:not([data-before])') !== null"), "reads it anew");
  await page.shows("it begins");
  await press(page, "▶ Play");
  await page.shows("it is over");
  await page.shows("▶ Play");
});

test("whoever goes on to another page of the console by its address is not in the session any more", async () => {
  await collaboration.createSession({ sessionId: "fan-1", userId: "Ada", title: "Fan 1" });
  await using ada = await pageOf("Ada", "/sessions/fan-1");
  await using ben = await pageOf("Ben", "/sessions/fan-1");
  await ada.shows("Ben joined");
  const isAway = (away: boolean) =>
    ada.until(
      async () => {
        const { session } = await collaboration.getSession({ sessionId: "fan-1" });
        return session!.members.some(({ userId, streams }) => userId === "Ben" && (streams === 0) === away);
      },
      `has Ben ${away ? "away" : "there"}`,
    );
  await ben.open(`${base}/devices`);
  await isAway(true);
  // Out of the browser's memory the page comes in again.
  // Later: a page that is left at once may not answer any more.
  await ben.ask("void setTimeout(() => history.back())");
  await isAway(false);
});
