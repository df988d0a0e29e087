/** `watchpost session`: sessions as such, and through pipes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { watchpostCommand } from "../support/server-process.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-sessions");
}, 120_000);

afterAll(() => rig.close());

interface Line {
  readonly id?: string;
  readonly number?: string;
  readonly userId?: string;
  readonly message?: string;
  readonly messageType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly annotation?: { readonly from?: string; readonly to?: string };
}

const parsed = (text: string) =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
const session = (...args: string[]) => rig.ok(["session", ...args]);
const shown = async (id: string) => parsed(await session("show", id, "--json", "--last", "100000")).slice(1);
const chats = (lines: readonly Line[]) => lines.filter(({ messageType }) => messageType === "chat");
const columnsOf = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
const has = (text: string) => (lines: readonly string[]) => lines.some((line) => line.includes(text));

test("made, listed, shown, closed and opened again", async () => {
  expect(await session("list", "--device", "nobody-has")).toBe("no session matches\n");
  expect(await session("create", "pump", "--title", "runs\u202e hot", "--device", "p1", "--metric", "temp*")).toBe(
    "pump\n",
  );
  const made = (await session("create", "--alert", "70e3a1b2c4d5", "--alert", "5b")).trim();
  expect(made).not.toBe("");
  expect((await rig.run(["session", "create", "pump"])).err).toContain('there is a session "pump" already');
  expect(await session("send", "pump", "hello", "there")).toBe("2\n");
  const rows = columnsOf(await session("list"));
  expect(rows[0]).toEqual(["SESSION", "STATE", "LAST ACTIVITY", "MESSAGES", "HERE", "ABOUT"]);
  const age = expect.stringMatching(/^\d+s ago$/);
  expect(rows.slice(1).sort()).toEqual(
    [
      ["pump", "open", age, "2", "-", "runs\ufffd hot"],
      [made, "open", age, "1", "-", "alerts 70e3a1b2, 5b"],
    ].sort(),
  );
  expect(await session("close", "pump")).toBe("session pump is closed\n");
  expect((await rig.run(["session", "close", "pump"])).code).toBe(2);
  expect((await rig.run(["session", "send", "pump", "x"])).err).toContain("session pump is closed");
  expect(parsed(await session("list", "--closed", "--json")).map(({ id }) => id)).toEqual(["pump"]);
  expect(parsed(await session("list", "--all", "--json", "--device", "p1")).map(({ id }) => id)).toEqual(["pump"]);
  expect(await session("show", "pump", "--last", "1")).toMatch(
    /^session {3}pump\ntitle {5}runs\ufffd hot\nabout {5}device p1, metric temp\*\nstate {5}closed\ncreated {3}\S+Z by ann\nclosed {4}\S+Z by ann\nmessages {2}3, the last at \S+Z\nhere {6}nobody\n\S+Z {2}3 {2}- {2}the session was closed by ann\n$/,
  );
  expect(await session("reopen", "pump")).toBe("session pump is open again\n");
  const { code, err } = await rig.run(["session", "show", "nope"]);
  expect([code, err]).toEqual([1, 'error: there is no session "nope"\n']);
});

test("send: text as it is, from standard input too; the same id is kept once; what is wrong is refused", async () => {
  const stdin = "/not a command\n\tand more\n\n";
  expect(await rig.ok(["session", "send", "sent", "--type", "update", "--user", "gw"], { stdin })).toBe("1\n");
  expect(await session("send", "sent", "once", "--id", "a")).toBe("2\n");
  expect(await session("send", "sent", "once", "--id", "a")).toBe("2\n");
  expect(parsed(await session("send", "sent", "--json", "--", "-x"))[0]).toMatchObject({ number: "3", message: "-x" });
  expect(await shown("sent")).toMatchObject([
    { userId: "gw", messageType: "update", message: "/not a command\n\tand more\n" },
    { userId: "ann", message: "once" },
    { message: "-x" },
  ]);
  expect((await rig.run(["session", "send", "sent", " "])).code).toBe(2);
  expect((await rig.run(["session", "send", "sent"], { stdin: "x".repeat(70_000) })).err).toContain(
    "longer than 65536 bytes",
  );
  expect((await rig.run(["session", "send", "no/id", "x"])).err).toContain("session_id");
  const nobody = { USER: "", LOGNAME: "", USERNAME: "" };
  expect((await rig.run(["session", "send", "sent", "x"], { env: nobody })).err).toContain("wanted --user NAME");
});

test("through a pipe: lines in are messages, lines out are messages, and it ends when all are kept", async () => {
  const stdin = "one\n\n  two \r\n//three\n/quit\nnot sent\n";
  const out = await rig.ok(["session", "join", "pipe", "--user", "bob", "--name", "Bob B"], { stdin });
  const said = columnsOf(out).filter(([, , who]) => who === "bob");
  expect(said).toEqual([
    [expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), expect.any(String), "bob", "one"],
    [expect.any(String), expect.any(String), "bob", "two"],
    [expect.any(String), expect.any(String), "bob", "/three"],
  ]);
  const kept = chats(await shown("pipe"));
  expect(kept.map(({ message }) => message)).toEqual(["one", "  two ", "/three"]);
  expect(kept.map(({ number }) => number)).toEqual(said.map(([, number]) => number));
  const before = await rig.ok(["session", "join", "pipe", "--last", "2", "--json"]);
  expect(parsed(before).slice(0, 2)).toMatchObject([{ message: "/three" }, { metadata: { event: "left" } }]);
});

test("through a pipe: what is refused is said with its line, and the others go on; exit code 1", async () => {
  const stdin = `fine\n/foo\n/ack\n${"x".repeat(70_000)}\n/who\nalso fine\n`;
  const { code, out, err } = await rig.run(["session", "join", "refusing"], { stdin });
  expect(code).toBe(1);
  const lines = err.trimEnd().split("\n");
  expect(lines).toEqual([
    expect.stringMatching(/^error: line 2: there is no command "\/foo"/),
    'error: line 3: /ack was given ""; wanted /ack ALERT [COMMENT]',
    expect.stringMatching(/^error: line 4: message is "?70000 bytes/),
    expect.stringMatching(/^ {2}ann {2}came \d+s ago$/),
  ]);
  expect(
    columnsOf(out)
      .filter(([, , who]) => who === "ann")
      .map(([, , , text]) => text),
  ).toEqual(["fine", "also fine"]);
  await session("close", "refusing");
  const closed = await rig.run(["session", "join", "refusing"], { stdin: "late\n" });
  expect([closed.code, closed.err]).toEqual([
    1,
    "error: line 1: session refusing is closed; reopen it to add something\n",
  ]);
});

test("what is done is shown to whoever does it as to everybody else, with what came of it", async () => {
  const rules = "rules: [{ name: load, metric: t, condition: { threshold: { above: 10 } }, title: 'load {value}' }]";
  await rig.ok(["rules", "apply", "-"], { stdin: rules });
  await rig.send("p1", 50);
  const listed = rig.follow(["alerts", "--watch", "--json"]);
  await listed.until(has("load 50"));
  await listed.interrupt();
  const [{ id: alertId = "" }] = parsed(listed.lines.find((line) => line.includes("load 50"))!);
  const id = alertId.slice(0, 6);
  const other = rig.follow(["session", "join", "doing", "--watch", "--user", "eve"]);
  await other.until(has("eve joined"));
  const stdin = [
    `/ack ${id} on my way`,
    "/ack zzzz",
    "/issue pump is loud",
    "/issue 1 still loud",
    "/issue 1",
    "/alerts",
    "/issues",
    "/done #1 oiled",
    "/issues",
    '/annotate device="p 1" last=10m noisy',
    "/annotate over all",
    "",
  ].join("\n");
  const { code, out, err } = await rig.run(["session", "join", "doing"], { stdin });
  await other.until(has("ann left"));
  await other.interrupt();
  const done = [
    "acknowledged medium alert ‘load 50’: on my way",
    "opened issue 1 ‘pump is loud’",
    "issue 1 ‘pump is loud’: still loud",
    "issue 1 ‘pump is loud’: status resolved: oiled",
    "annotated p 1: noisy",
    "annotated session doing: over all",
  ];
  const byAnn = (text: string) => columnsOf(text).filter(([, , who]) => who === "ann");
  expect(byAnn(out).map(([, , , text]) => text)).toEqual(done);
  expect(byAnn(other.lines.join("\n"))).toEqual(byAnn(out));
  expect([code, err]).toEqual([
    1,
    [
      'error: line 2: there is no alert "zzzz"',
      "issue 1 ‘pump is loud’ (medium, open)",
      "  ann: still loud",
      `  ${alertId.slice(0, 8)}  medium    load 50  acknowledged by ann`,
      "issue 1 ‘pump is loud’ (medium, open)",
      "no issue of this session is open",
      "",
    ].join("\n"),
  ]);
  const [made] = (await shown("doing")).filter(({ annotation }) => annotation !== undefined);
  const { from, to } = made.annotation!;
  expect(Date.parse(to!) - Date.parse(from!)).toBe(600_000);
}, 120_000);

test("more than the server takes of one member at once is sent as fast as it takes it, in order", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `m${i}`);
  await rig.ok(["session", "join", "many"], { stdin: texts.map((text) => `${text}\n`).join("") });
  expect(chats(await shown("many")).map(({ message }) => message)).toEqual(texts);
}, 120_000);

/** Its standard input has `lines`, and does not end. */
async function endless(args: readonly string[], lines: string, isInterrupted: boolean) {
  const child = Bun.spawn([...watchpostCommand(false), "session", "join", ...args], {
    env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", WATCHPOST_SERVER: rig.server.grpc, USER: "ann" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  void child.stdin.write(lines);
  void child.stdin.flush();
  let out = "";
  for await (const bytes of child.stdout) {
    out += new TextDecoder().decode(bytes);
    if (isInterrupted && out.includes("said")) child.kill("SIGINT");
  }
  return { code: await child.exited, err: await child.stderr.text() };
}

test("it ends whether standard input has ended or not: with /quit, Ctrl-C, and what cannot go on", async () => {
  expect(await endless(["ends"], "said\n/quit\n", false)).toEqual({ code: 0, err: "" });
  expect(await endless(["ends"], "said\n", true)).toEqual({ code: 130, err: "" });
  expect(await endless(["no/id"], "said\n", false)).toEqual({
    code: 2,
    err: expect.stringMatching(/^error: session_id is "no\/id"; wanted [^\n]*\n$/),
  });
}, 120_000);

test("--watch listens until Ctrl-C; over kills of the server nothing is missed and nothing comes twice", async () => {
  const plain = rig.follow(["session", "join", "kept", "--watch", "--user", "eve"]);
  const json = rig.follow(["session", "join", "kept", "--watch", "--json", "--user", "zoe"]);
  await plain.until(has("joined"));
  await json.until(has("joined"));
  await session("send", "kept", "before");
  await plain.until(has("before"));
  await rig.restart();
  await session("send", "kept", "while they were away");
  await json.until(has("away"));
  await rig.restart();
  await rig.restart();
  await session("send", "kept", "a\n\u001b[2Jb");
  await json.until(has("2Jb"));
  await plain.until(has("2Jb"));
  const [ended, endedJson] = await Promise.all([plain.interrupt(), json.interrupt()]);
  expect([ended.code, endedJson.code]).toEqual([0, 0]);
  expect(ended.err).toContain("trying again in");
  const texts = ["before", "while they were away", "a\n\u001b[2Jb"];
  expect(chats(parsed(endedJson.out)).map(({ message }) => message)).toEqual(texts);
  const said = columnsOf(ended.out).filter(([, , who]) => who === "ann");
  expect(said.map(([, , , text]) => text)).toEqual(["before", "while they were away", "a \ufffd[2Jb"]);
  const numbers = parsed(endedJson.out).map(({ number }) => Number(number));
  expect(numbers).toEqual(numbers.map((_, i) => numbers[0] + i));
}, 120_000);
