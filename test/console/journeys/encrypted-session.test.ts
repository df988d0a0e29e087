/** An encrypted session in real browsers against the compiled executable: its members read it, the server and others do not. */
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { createToken } from "../../../src/client/access.ts";
import { Connection } from "../../../src/client/connection.ts";
import { createSession, sendMessage } from "../../../src/client/sessions.ts";
import { Collaboration, CollaborationMessageSchema } from "../../../src/wire/gen/collaboration_pb.ts";
import { keyCheckOf, newSessionKey, sessionKeyText } from "../../../src/wire/sealed-message.ts";
import { SessionKeys } from "../../../src/wire/session-keys.ts";
import { testNeeding } from "../../support/needs.ts";
import { startServerProcess, tempDir, type ServerProcess } from "../../support/server-process.ts";
import { CHROMIUM, Page } from "../browser.ts";

const dir = tempDir("console-encrypted");
const data = join(dir.path, "data");
const test = testNeeding([CHROMIUM]);
let server: ServerProcess;

beforeAll(async () => {
  server = await startServerProcess({ data, binary: true });
});

afterAll(async () => {
  server.kill();
  await server.exited;
  dir[Symbol.dispose]();
});

async function pageOf(name: string, address: string): Promise<Page> {
  const page = new Page();
  await page.open(`http://${server.http}/healthz`);
  await page.ask(`localStorage.setItem("watchpost.user", ${JSON.stringify(name)})`);
  await page.open(address);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.until(() => page.ask("document.querySelector('.sessions-write textarea') !== null"), "can be written in");
  await page.ask("document.querySelector('.sessions-write textarea').focus()");
  await page.type(text);
  await page.press("Enter");
}

/** By what is written on it, in a dialog where one is open. */
async function press(page: Page, button: string): Promise<void> {
  const pressed = `(() => {
    const places = [...document.querySelectorAll("dialog, [role=menu]"), document.querySelector("main")].filter(Boolean);
    const all = places.flatMap((place) => [...place.querySelectorAll("button, a, [role=menuitem]")]);
    const found = all.find((each) => each.textContent.replace("▾", "").trim() === ${JSON.stringify(button)});
    found?.click();
    return found !== undefined;
  })()`;
  await page.until(() => page.ask(pressed), `has a button "${button}"`);
}

async function giveKey(page: Page, text: string): Promise<void> {
  await page.until(() => page.ask("document.querySelector('.sessions-key input') !== null"), "asks for the key");
  await page.write(".sessions-key input", text);
  await page.press("Enter");
}

const linkShown = async (page: Page) => {
  const link = "document.querySelector('dialog input[readonly]')?.value ?? ''";
  await page.until(async () => (await page.ask<string>(link)).includes("#key="), "shows the link");
  return page.ask<string>(link);
};
const kept = (page: Page) =>
  page.ask<string>("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])");

test("two read what they say, one without the key does not, and after a new key who has the old one does not either", async () => {
  await using ada = await pageOf("Ada", `http://${server.http}/sessions`);
  await press(ada, "New session…");
  await ada.write("dialog input[name=title]", "Pump 1 is loud");
  await ada.click("dialog input[name=encrypted]");
  await press(ada, "Open it");
  const link = await linkShown(ada);
  await press(ada, "Copy");
  await ada.press("Escape");
  await ada.shows("encrypted");
  await ada.shows("commands, issues and notes are not encrypted");
  await say(ada, "zwiebelkuchen at bearing 2");
  await ada.shows("zwiebelkuchen");

  await using ben = await pageOf("Ben", link);
  await ben.shows("zwiebelkuchen at bearing 2");
  expect(await ben.ask<string>("location.href")).toBe(link.split("#")[0]);
  const secret = link.split("#key=1.")[1];
  for (const page of [ada, ben]) expect(await kept(page)).not.toContain(secret);
  await say(ben, "federweisser on it");
  await ada.shows("federweisser on it");

  const address = link.split("#")[0];
  await using eve = await pageOf("Eve", address);
  await eve.shows("What is said here is encrypted, and its key is not here.");
  await eve.shows("cannot be read: there is no key");
  expect(await eve.text()).not.toContain("zwiebelkuchen");
  const other = `${secret.slice(0, 10)}${secret[10] === "A" ? "B" : "A"}${secret.slice(11)}`;
  await giveKey(eve, `${address}#key=1.${other}`);
  await eve.shows("this is not the key of session");
  await giveKey(eve, link.slice(0, -1));
  await eve.shows("the key of a session cannot be read");
  // The link in a tab that is there already.
  await eve.ask(`location.hash = ${JSON.stringify(`key=1.${secret}`)}`);
  await eve.shows("federweisser on it");
  expect(await eve.ask<string>("location.hash")).toBe("");

  await press(ada, "More");
  await press(ada, "Change the key…");
  await press(ada, "Change the key");
  await ada.until(async () => (await linkShown(ada)).includes("#key=2."), "shows the link with the new key");
  const next = await linkShown(ada);
  await ada.press("Escape");
  await ben.shows("The key was changed");
  await say(ada, "sauerteig behind it");
  await ada.shows("sauerteig");
  for (const page of [ben, eve]) await page.shows("the key was changed: this is number 1, and it needs 2");
  for (const page of [ben, eve]) expect(await page.text()).not.toContain("sauerteig");
  await giveKey(ben, next);
  await ben.shows("sauerteig behind it");
  await say(ben, "I read on");
  await ada.shows("I read on");
  expect(await eve.text()).not.toContain("I read on");

  // Its replay, in the same page.
  await ben.go(`${new URL(address).pathname}/replay`);
  await ben.until(() => ben.ask("document.querySelector('[role=slider]') !== null"), "can be played");
  await ben.ask("document.querySelector('[role=slider]').focus()");
  await ben.press("End");
  await ben.until(async () => /zwiebelkuchen[^]*sauerteig/.test(await ben.text()), "replays what was said");

  const collaboration = createClient(Collaboration, createConnectTransport({ baseUrl: `http://${server.http}` }));
  const sessionId = decodeURIComponent(new URL(address).pathname.split("/")[2]);
  const { messages } = await collaboration.listMessages({ sessionId });
  const said = messages.filter(({ messageType }) => messageType === "chat");
  expect(said.map(({ message, sealed }) => [message, sealed?.epoch])).toEqual([
    ["", 1],
    ["", 1],
    ["", 2],
    ["", 2],
  ]);
  const files = readdirSync(data, { recursive: true, encoding: "utf8" }).map((name) => join(data, name));
  const all = Buffer.concat(files.filter((file) => statSync(file).isFile()).map((file) => readFileSync(file)));
  expect(all.includes("Pump 1 is loud")).toBe(true);
  for (const word of ["zwiebelkuchen", "federweisser", "sauerteig", secret]) expect(all.includes(word)).toBe(false);
  expect(JSON.stringify(server.log())).not.toContain(secret);
});

test("the key is kept in the browser when that is asked for, and until it is forgotten", async () => {
  await using ada = await pageOf("Ada", `http://${server.http}/sessions`);
  await press(ada, "New session…");
  await ada.click("dialog input[name=encrypted]");
  await press(ada, "Open it");
  const [address, secret] = (await linkShown(ada)).split("#key=1.");
  await ada.click("dialog input[type=checkbox]");
  await ada.press("Escape");
  await say(ada, "for later");
  // What is not kept yet would be lost with the page, which asks then.
  const isKept =
    "document.querySelector('.sessions-said') !== null && document.querySelector('.sessions-unsent') === null";
  await ada.until(() => ada.ask(isKept), "has it kept");
  await ada.open(address);
  await ada.shows("for later");
  expect(await kept(ada)).toContain(secret);
  await press(ada, "More");
  await press(ada, "Link with the key…");
  await linkShown(ada);
  await ada.click("dialog input[type=checkbox]");
  expect(await kept(ada)).not.toContain(secret);
  await ada.open(address);
  await ada.shows("its key is not here");
});

test("who has to log in first has the key of the link afterwards", async () => {
  const connection = new Connection(server.grpc);
  const key = newSessionKey(1);
  const keyCheck = await keyCheckOf(key, "behind");
  const session = await createSession(connection, { sessionId: "behind", userId: "Ada", keyCheck });
  const keys = await SessionKeys.of(session, key);
  const said = { messageType: "chat", message: "roggenbrot", metadata: { client_message_id: "1" } };
  const draft = await keys.seal(create(CollaborationMessageSchema, said), "Ada");
  await sendMessage(connection, { sessionId: "behind", userId: "Ada", clientMessageId: "1", draft });
  const { secret: token } = await createToken(connection, { name: "root", role: "admin" });
  connection.close();
  await using page = new Page();
  await page.open(`http://${server.http}/sessions/behind#key=${sessionKeyText(key)}`);
  await page.shows("This server asks who you are");
  await page.write("input[name=token]", token);
  await page.press("Enter");
  await page.shows("roggenbrot");
  expect(await page.ask<string>("location.hash")).toBe("");
  // What is written stands, and is sealed, under the name of the token.
  await say(page, "vollkorn");
  await page.until(() => page.ask("document.querySelectorAll('.sessions-said').length === 2"), "has it kept");
  expect(await page.text()).toMatch(/root\s+vollkorn/);
  expect(await page.text()).not.toContain("cannot be read");
});
