/** `watchpost session join` on a terminal. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startCommandRig, type CommandRig } from "./command-rig.ts";
import { onPty, type OnPty } from "./pty.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-chat");
}, 120_000);

afterAll(() => rig.close());

function join(user: string, id: string, ...more: string[]): OnPty {
  return onPty(["session", "join", id, ...more], { WATCHPOST_SERVER: rig.server.grpc, USER: user, NO_COLOR: "1" });
}

test("two talk: each sees what the other types, says and does; what is being typed is kept", async () => {
  await using ann = join("ann", "room");
  await ann.until("nobody else is here");
  await using bob = join("bob", "room", "--name", "Bobby");
  await bob.until("ann is here");
  await ann.until("bob (Bobby) joined");
  bob.type("half of a th");
  await bob.until("half of a th");
  await ann.until("bob is typing");
  ann.type("hello 漢字\r");
  await ann.until(/\d\d:\d\d:\d\d ann: hello 漢字\n/);
  // The prompt is drawn anew below it.
  await bob.until(/ann: hello 漢字\n\d here\nroom> half of a th/);
  bob.type("ought\r");
  await ann.until("bob: half of a thought");
  ann.type("\x1b[200~two\nlines\x1b[201~\r");
  await bob.until(/ann: two\n {9}lines\n/);
  ann.type("/who\r");
  await ann.until("bob (Bobby)  came");
  ann.type("/foo\r");
  await ann.until('refused: there is no command "/foo"');
  ann.type("/he\t\r");
  await ann.until("/annotate [KEY=VALUE…] TEXT");
  ann.type("/quit\r");
  expect(await ann.ended).toBe(0);
  await bob.until("ann left");
  bob.type("\x04");
  expect(await bob.ended).toBe(0);
  // The terminal is as it was: no bracketed paste, and a cursor.
  expect(bob.out.lastIndexOf("\x1b[?2004l")).toBeGreaterThan(bob.out.lastIndexOf("\x1b[?2004h"));
  expect(bob.out.lastIndexOf("\x1b[?25h")).toBeGreaterThan(bob.out.lastIndexOf("\x1b[?25l"));
}, 120_000);

test("what others say never steers the terminal", async () => {
  await using ann = join("ann", "hostile");
  await ann.until("nobody else is here");
  const evil = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e<b>\r12:00:00 bob: fake\u2028x\x00 שלום";
  await rig.ok(["session", "send", "hostile", "--user", "mal\x1b[31m"], { stdin: `${evil} the end` });
  await ann.until("the end");
  const shown = ann.out.slice(ann.out.indexOf("mal"));
  const [said] = shown.split("\x1b");
  expect(said).toStartWith("mal\ufffd[31m: \ufffd]0;title\ufffd\ufffd[2J\ufffd31m\ufffd<b>");
  expect(said).toMatch(/\r\n {9}12:00:00 bob: fake\ufffdx\ufffd שלום the end\r+\n/);
  ann.type("\x03");
  expect(await ann.ended).toBe(0);
}, 120_000);

test("a lost connection is shown; what was missed comes, and what was typed meanwhile is sent", async () => {
  await using ann = join("ann", "lost");
  await ann.until("nobody else is here");
  rig.server.kill();
  await rig.server.exited;
  await ann.until("the connection is lost");
  await ann.until("not connected");
  ann.type("typed meanwhile\r");
  await ann.until("1 to be sent");
  await rig.restart();
  await rig.ok(["session", "send", "lost", "missed", "--user", "eve"]);
  // Whichever of them is back first.
  await ann.until(/eve: missed[^]*ann: typed meanwhile|ann: typed meanwhile[^]*eve: missed/);
  ann.type("\x03");
  expect(await ann.ended).toBe(0);
  expect(ann.text.match(/ann: typed meanwhile/g)).toHaveLength(1);
}, 120_000);

test("leaving a server that does not answer waits a while for what is not sent; Ctrl-C again does not", async () => {
  await using ann = onPty(["session", "join", "x", "--server", "127.0.0.1:1"], { USER: "ann", NO_COLOR: "1" });
  await ann.until("not connected: connect ECONNREFUSED");
  ann.type("never sent\r");
  await ann.until("1 to be sent");
  ann.type("\x03");
  await ann.until("Ctrl-C does not wait");
  ann.type("\x03");
  expect(await ann.ended).toBe(1);
  expect(ann.text).toContain("not sent: never sent");
}, 120_000);

test("what cannot go on ends it, and is said once", async () => {
  await using ann = join("ann", "no/id");
  ann.type("hello\r");
  await ann.until("error: session_id is");
  expect(await ann.ended).toBe(2);
  expect(ann.text.match(/session_id is/g)).toHaveLength(1);
  expect(ann.out).toContain("\x1b[?2004l");
}, 120_000);
