/** A server that asks who calls: a browser shows a token, and has what that token may until it is taken back. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { createToken, revokeToken } from "../../../src/client/access.ts";
import { Connection } from "../../../src/client/connection.ts";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { WORD } from "../all-views.ts";
import { CHROMIUM, Page } from "../browser.ts";
import { furnish, pageAddresses, type PageAddress } from "../furnish.ts";

const test = testNeeding([CHROMIUM]);
const dir = tempDir("login");
let server: ServerProcess;
let page: Page;
let admin: Connection;
let addresses: PageAddress[] = [];

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
  addresses = pageAddresses(await furnish(`http://${server.http}`, WORD));
  page = new Page();
});

afterAll(async () => {
  await page?.[Symbol.asyncDispose]();
  admin?.close();
  server?.kill();
  await server?.exited;
  dir[Symbol.dispose]();
});

async function made(connection: Connection, name: string, role: string): Promise<string> {
  return (await createToken(connection, { name, role })).secret;
}

async function logIn(token: string): Promise<void> {
  await page.write("input[name=token]", token);
  await page.press("Enter");
}

test("a page that is open is locked by the first token, takes no wrong one, and opens with a right one", async () => {
  await page.open(`http://${server.http}/devices`);
  await page.shows(WORD);
  const first = new Connection(server.grpc);
  const secret = await made(first, "root", "admin");
  first.close();
  admin = new Connection(server.grpc, { token: secret });
  await page.shows("This server asks who you are");
  await logIn(`${secret.slice(0, -1)}${secret.endsWith("x") ? "y" : "x"}`);
  await page.shows("This did not work: the token is not known here");

  await logIn(await made(admin, "Ada", "operator"));
  await page.shows(WORD);
  expect(await page.ask("[location.pathname, document.cookie, localStorage.length > 0]")).toEqual([
    "/devices",
    "",
    true,
  ]);
  await page.shows(/Ada\s+operator/);
});

/** The words of all that may be pressed, also of what is in menus. */
const PRESSED = `[...new Set([...document.querySelectorAll("button, a.button, textarea, main a[class]")]
  .map((each) => (each.ariaLabel ?? each.textContent).trim().replace(/\\s+/g, " ")))]`;
const DOES =
  /^(New |Import|Register|Edit|Duplicate|Delete|Acknowledge$|Assign|Silence|Comment|Resolve|Annotate|Save$|Add |Create|Make |Change|Extend|End now|Again|Test|Pause |Resume|Move to|Take label|Unlink|Title and topic|Close it|Write|issue…|Choose )/;

/**
 * What is offered once a page is whole: to those who may act, and beside it to everybody. A page shows its first words
 * before it has all of it.
 */
const OFFERS: Readonly<Record<string, { acting: string; looking?: string }>> = {
  alert: { acting: "Acknowledge", looking: "Open its session" },
  rules: { acting: "New rule", looking: "Firing" },
  silences: { acting: "New silence" },
  dashboards: { acting: "New dashboard", looking: "What to do with Hall pump" },
  devices: { acting: "Register", looking: "The pump" },
  device: { acting: "Edit", looking: "Show as table" },
  sessions: { acting: "New session…" },
  issues: { acting: "New issue…" },
};

/** By view: what of it changes something, once what `as` is offered is there. */
async function offered(as: "acting" | "looking"): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { name, path, shows = WORD } of addresses) {
    await page.go(path);
    const text = "document.querySelector('main')?.innerText ?? ''";
    await page.until(async () => (await page.ask<string>(text)).includes(shows), `showed ${shows} at ${path}`);
    const wanted = OFFERS[name]?.[as];
    let pressed: string[] = [];
    const isWhole = async () => {
      pressed = await page.ask<string[]>(PRESSED);
      return wanted === undefined || pressed.includes(wanted);
    };
    await page.until(isWhole, `offered ${wanted} at ${path}`);
    found.set(
      name,
      pressed.filter((each) => DOES.test(each)),
    );
  }
  return found;
}

test("who may act is offered to, but for what admins alone do", async () => {
  const found = await offered("acting");
  expect(
    found
      .get("device")!
      .concat(found.get("devices")!)
      .filter((each) => each.startsWith("Delete")),
  ).toEqual([]);
});

/** Of what stands in the header. */
async function fromMenu(item: string): Promise<void> {
  await page.click(".header-name");
  await page.ask(
    `[...document.querySelectorAll(".header [role=menuitem]")].find((each) => each.textContent === ${JSON.stringify(item)}).click()`,
  );
}

test("who logs out is asked again, and told why; whoever only looks is offered nothing that would be refused", async () => {
  await fromMenu("Log out");
  await page.shows("You are logged out.");
  await logIn(await made(admin, "Bob", "viewer"));
  await page.shows("Bob");
  const found = [...(await offered("looking"))].filter(([, words]) => words.length > 0);
  expect(Object.fromEntries(found)).toEqual({});
  await page.go("/sessions/leak");
  await page.shows("You are a viewer: you listen here, and do not write.");
  await page.go("/alerts/rules/pressure-high");
  await page.shows("You can try changes here");
});

test("whose token is revoked is asked again, at once and by a page that is opened later, and told why", async () => {
  await revokeToken(admin, { token: "Bob", userId: "" });
  await page.shows('its token "Bob" was revoked');
  await page.open(`http://${server.http}/alerts`);
  await page.shows('its token "Bob" was revoked');
  await logIn(await made(admin, "Cyd", "viewer"));
  await page.shows("Alerts");
  await page.ask("fetch('/logout', { method: 'POST' }).then(() => true)");
  await page.shows("You were logged out in another window of this browser.");
});
