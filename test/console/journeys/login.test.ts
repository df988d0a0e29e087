/** A server that asks who calls: a browser shows a token, and has what that token may until it is taken back. */
import { afterAll, beforeAll, expect } from "bun:test";
import { join } from "node:path";
import { createToken, revokeToken } from "../../../src/client/access.ts";
import { Connection } from "../../../src/client/connection.ts";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const test = testNeeding([CHROMIUM]);
const dir = tempDir("login");
let server: ServerProcess;
let page: Page;
let admin: Connection;

beforeAll(async () => {
  if (CHROMIUM !== false) return;
  server = await startServerProcess({ data: join(dir.path, "data"), binary: true });
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
  await page.shows("No device");
  const first = new Connection(server.grpc);
  const secret = await made(first, "root", "admin");
  first.close();
  admin = new Connection(server.grpc, { token: secret });
  await page.shows("This server asks who you are");
  await logIn(`${secret.slice(0, -1)}${secret.endsWith("x") ? "y" : "x"}`);
  await page.shows("This did not work: the token is not known here");

  await logIn(await made(admin, "Ada", "operator"));
  await page.shows("No device");
  expect(await page.ask("[location.pathname, document.cookie, localStorage.length > 0]")).toEqual([
    "/devices",
    "",
    true,
  ]);
  await page.click("button[title=Settings]");
  await page.shows("You are Ada (operator)");
});

test("who logs out, and whose token is revoked, is asked again", async () => {
  const button = (text: string) =>
    page.ask(
      `[...document.querySelectorAll("button")].find((b) => b.textContent.trim() === ${JSON.stringify(text)}).click()`,
    );
  await button("Log out");
  await page.shows("This server asks who you are");
  await logIn(await made(admin, "Bob", "viewer"));
  await page.shows("No device");
  await revokeToken(admin, { token: "Bob", userId: "" });
  await page.shows("This server asks who you are");
  await page.open(`http://${server.http}/alerts`);
  await page.shows("This server asks who you are");
});
