/** `watchpost alerts` live, over servers that are killed and come back. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { program, testNeeding } from "../support/needs.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

const RULES = `rules:
  - name: load
    metric: t
    condition: { ladder: { steps: [{ severity: medium, above: 10 }, { severity: critical, above: 90 }] } }
    title: "load {value}"
`;

beforeAll(async () => {
  rig = await startCommandRig("cli-live");
  await rig.ok(["rules", "apply", "-"], { stdin: RULES });
}, 120_000);

afterEach(() => calm(...devices));

afterAll(() => rig.close());

interface Line {
  readonly id?: string;
  readonly title?: string;
  readonly severity?: string;
  readonly change?: string;
  readonly cursor?: string;
  readonly removed?: boolean;
  readonly snapshotEnd?: boolean;
}

const parsed = (lines: readonly string[]) => lines.map((line) => JSON.parse(line) as Line);
const wordOf = ({ change, title, snapshotEnd }: Line) => (snapshotEnd ? "end" : `${change!.slice(13)} ${title}`);
const has = (text: string) => (lines: readonly string[]) => lines.some((line) => line.includes(text));

async function idOf(device: string): Promise<string> {
  const lines = (await rig.ok(["alerts", "--json"])).trim().split("\n");
  const alerts = lines.map((line) => JSON.parse(line) as { id: string; context: Record<string, string> });
  return alerts.find(({ context }) => context["device"] === device)!.id;
}

/** All that were heard of. */
const devices = new Set<string>();

async function send(device: string, value: number): Promise<void> {
  devices.add(device);
  await rig.send(device, value);
}

async function calm(...wanted: string[]): Promise<void> {
  for (const device of wanted) await send(device, 0);
}

test("into a pipe: a line for each change, with who and why", async () => {
  await send("p", 20);
  const live = rig.follow(["alerts", "--watch"]);
  await live.until(has("active"));
  const id = await idOf("p");
  await send("p", 95);
  await rig.ok(["ack", id, "--assign", "bob"]);
  await rig.ok(["comment", id, "-m", "hot\n here", "--user", "eve"]);
  await send("p", 50);
  await send("p", 1);
  await send("q", 11);
  await live.until(has("load 11"));
  await rig.ok(["resolve", await idOf("q")]);
  await live.until(has("by hand"));
  const { code, out, err } = await live.interrupt();
  expect([code, err]).toEqual([0, ""]);
  const short = id.slice(0, 8);
  const columns = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  expect(columns.map(([, ...rest]) => rest)).toEqual([
    [short, "medium", "active", "p", "load 20"],
    [short, "critical", "rose", "p", "load 95"],
    [short, "critical", "acknowledged", "p", "load 95", "by ann"],
    [short, "critical", "assigned", "p", "load 95", "to bob"],
    [short, "critical", "commented", "p", "load 95", "eve: hot here"],
    [short, "medium", "fell", "p", "load 50"],
    [short, "medium", "cleared", "p", "load 50", "resolved"],
    [expect.any(String), "medium", "fired", "q", "load 11"],
    [expect.any(String), "medium", "cleared", "q", "load 11", "by hand"],
  ]);
  for (const [time] of columns) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
}, 120_000);

test("only what is asked for, and what leaves it once more", async () => {
  const critical = rig.follow(["alerts", "--watch", "--json", "--severity", "critical"]);
  const unacknowledged = rig.follow(["alerts", "--watch", "--json", "--unacknowledged"]);
  const acknowledged = rig.follow(["alerts", "--watch", "--json", "--acknowledged"]);
  const other = rig.follow(["alerts", "--watch", "--json", "--rule", "other*"]);
  const all = [critical, unacknowledged, acknowledged, other];
  for (const live of all) await live.until(has("snapshotEnd"));
  await send("f", 20);
  await rig.ok(["ack", await idOf("f")]);
  await send("f", 95);
  await send("f", 20);
  await rig.ok(["ack", await idOf("f")]);
  await calm("f");
  await acknowledged.until(has("CLEARED"));
  await critical.until((lines) => lines.length === 3);
  await unacknowledged.until((lines) => lines.length === 6);
  for (const live of all) await live.interrupt();
  const words = (live: { readonly lines: readonly string[] }) => {
    return parsed(live.lines).map((line) => `${wordOf(line)}${line.removed ? ", removed" : ""}`);
  };
  expect(words(critical)).toEqual(["end", "SEVERITY_ROSE load 95", "SEVERITY_FELL load 20, removed"]);
  expect(words(unacknowledged)).toEqual([
    "end",
    "FIRED load 20",
    "ACKNOWLEDGED load 20, removed",
    "SEVERITY_ROSE load 95",
    "SEVERITY_FELL load 20",
    "ACKNOWLEDGED load 20, removed",
  ]);
  expect(words(acknowledged)).toEqual([
    "end",
    "ACKNOWLEDGED load 20",
    "SEVERITY_ROSE load 95, removed",
    "ACKNOWLEDGED load 20",
    "CLEARED load 20, removed",
  ]);
  expect(words(other)).toEqual(["end"]);
}, 120_000);

test("--for ends by itself with a summary by severity; JSON stays clean of it", async () => {
  await send("s1", 20);
  const plain = rig.follow(["alerts", "--for", "8s"]);
  const json = rig.follow(["alerts", "--for", "8s", "--json"]);
  await plain.until(has("active"));
  await json.until(has("snapshotEnd"));
  await send("s2", 95);
  await send("s3", 30);
  await calm("s3", "s1");
  const summary = [
    "SEVERITY  FIRED  CLEARED  STILL ACTIVE",
    "critical      1        0             1",
    "high          0        0             0",
    "medium        1        2             0",
    "low           0        0             0",
    "",
  ].join("\n");
  const [ended, endedJson] = await Promise.all([plain.ended, json.ended]);
  expect(ended).toMatchObject({ code: 0, err: "" });
  expect(ended.out).toEndWith(`\n${summary}`);
  expect(endedJson).toMatchObject({ code: 0, err: summary });
  expect(parsed(json.lines).map(wordOf)).toEqual([
    "SNAPSHOT load 20",
    "end",
    "FIRED load 95",
    "FIRED load 30",
    "CLEARED load 30",
    "CLEARED load 20",
  ]);
}, 120_000);

test("goes on behind the last change over kills of the server: nothing is missing, nothing comes twice", async () => {
  await send("k0", 20);
  const json = rig.follow(["alerts", "--watch", "--json"]);
  const plain = rig.follow(["alerts", "--watch"]);
  await json.until(has("snapshotEnd"));
  await plain.until(has("load 20"));
  await send("k1", 21);
  await plain.until(has("load 21"));
  await rig.restart();
  // Before they are back: each waits a while before it tries again.
  await send("k2", 22);
  await calm("k2");
  await rig.ok(["ack", await idOf("k1")]);
  await json.until(has("ACKNOWLEDGED"));
  await rig.restart();
  await rig.restart();
  await send("k3", 23);
  await json.until(has("load 23"));
  await plain.until(has("load 23"));
  const ended = await json.interrupt();
  expect(ended.code).toBe(0);
  expect(ended.err).toMatch(/ \(UNAVAILABLE\); trying again in \w+\n/);
  const lines = parsed(json.lines);
  expect(lines.map(wordOf)).toEqual([
    "SNAPSHOT load 20",
    "end",
    "FIRED load 21",
    "FIRED load 22",
    "CLEARED load 22",
    "ACKNOWLEDGED load 21",
    "FIRED load 23",
  ]);
  expect(new Set(lines.map(({ cursor }) => cursor)).size).toBe(lines.length);
  await plain.interrupt();
  const words = plain.lines.map((line) => line.split(/ {2,}/)).map(([, , , change, , title]) => `${change} ${title}`);
  expect(words).toEqual([
    "active load 20",
    "fired load 21",
    "fired load 22",
    "cleared load 22",
    "acknowledged load 21",
    "fired load 23",
  ]);
}, 120_000);

testNeeding([program("script")])(
  "on a terminal: a screen that fits, then the summary",
  async () => {
    await send("terminal", 95);
    const { code, out } = await rig.onTerminal(["alerts", "--for", "6s"], "", 60);
    expect(code).toBe(0);
    const [before, screen, after] = out.split(/\x1b\[\?1049[hl]/);
    expect(before).toBe("");
    const drawings = screen.split("\x1b[H\x1b[J");
    expect(drawings.length).toBeGreaterThan(4);
    const last = Bun.stripANSI(drawings.at(-1)!).trimEnd().split("\r\n");
    expect(last[0]).toMatch(/^Watchpost 127\.0\.0\.1:\d+ {2}1 active: 1 critical/);
    expect(last[1]).toMatch(/^ID +SEVERITY +SINCE +DEVICE +SOURCE +ACK BY/);
    expect(last[2]).toMatch(/^[0-9a-f]{8}  critical  \d+s ago +terminal  gw +- /);
    expect(last.length).toBe(3);
    for (const line of last) expect([line, Bun.stringWidth(line) <= 60]).toEqual([line, true]);
    expect(after).toContain("SEVERITY  FIRED  CLEARED  STILL ACTIVE\r\ncritical      0        0             1\r\n");
  },
  120_000,
);

testNeeding([program("script")])(
  "on a terminal, while there is no server: says so, and fails in the end",
  async () => {
    const { code, out } = await rig.onTerminal(["alerts", "--for", "4s", "--server", "127.0.0.1:1"]);
    expect(code).toBe(1);
    const [, screen, after] = out.split(/\x1b\[\?1049[hl]/);
    expect(screen).toContain("not connected: connect ECONNREFUSED 127.0.0.1:1");
    expect(screen).not.toContain("nothing is active");
    expect(after).toContain("error: could not watch 127.0.0.1:1: connect ECONNREFUSED");
  },
  120_000,
);

// Last: what the server knew is gone then.
test("where the server cannot go on, as after it is restored, says so and begins anew", async () => {
  await send("old", 24);
  const plain = rig.follow(["alerts", "--watch"]);
  const json = rig.follow(["alerts", "--watch", "--json"]);
  await plain.until(has("load 24"));
  await json.until(has("snapshotEnd"));
  await rig.restart(join(rig.dir, "other"));
  await rig.ok(["rules", "apply", "-"], { stdin: RULES });
  await send("new", 25);
  await plain.until(has("load 25"));
  await json.until(has("load 25"));
  const { err } = await plain.interrupt();
  expect(err).toContain("the server cannot tell what happened meanwhile: what is active now follows\n");
  await json.interrupt();
  const words = parsed(json.lines).map(wordOf);
  expect(words.slice(0, 2)).toEqual(["SNAPSHOT load 24", "end"]);
  // It fired before the list began anew, or after.
  expect([
    ["SNAPSHOT load 25", "end"],
    ["end", "FIRED load 25"],
  ]).toContainEqual(words.slice(2));
}, 120_000);

test("for a while without a server fails", async () => {
  const { code, out, err } = await rig.run(["alerts", "--for", "4s", "--server", "127.0.0.1:1"]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("could not watch 127.0.0.1:1: ");
}, 120_000);
