/** `alerts`, `ack`, `resolve`, `assign`, `comment` and `history` over a server of their own. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AlertChange, Alerts, AlertState } from "../../src/wire/gen/alerts_pb.ts";
import { unary } from "../../src/wire/service.ts";
import { startToyServer } from "../support/toy-server.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-alerts");
  writeFileSync(join(rig.dir, "rules.yaml"), RULES);
  writeFileSync(join(rig.dir, "none.yaml"), RULES.replaceAll("metric: t", "metric: none"));
}, 120_000);

const RULES = `rules:
  - name: load
    metric: t
    condition: { ladder: { steps: [{ severity: low, above: 10 }, { severity: high, above: 50 }, { severity: critical, above: 90 }] } }
    title: "load {value}"
    runbook: https://wiki.example.org/load
  - name: negative
    metric: t
    condition: { threshold: { below: 0 } }
    title: "below {limit}"
`;

beforeEach(async () => {
  for (const device of ["a", "b", "c"]) await send(device, 5);
  // Another condition ends what fires.
  await rig.ok(["rules", "apply", "none.yaml"]);
  await rig.ok(["rules", "apply", "rules.yaml"]);
}, 120_000);

afterAll(() => rig.close());

/** Resolves once that was judged. */
async function send(device: string, value: number): Promise<void> {
  await rig.send(device, value);
  const steps = { critical: value > 90, high: value > 50, low: value > 10, medium: value < 0 };
  const severity = Object.entries(steps).find(([, isReached]) => isReached)?.[0];
  await rig.untilActive(device, severity);
}

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly severity: string;
  readonly [field: string]: unknown;
}

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));

async function listed(...args: string[]): Promise<Listed[]> {
  const lines = (await rig.ok(["alerts", "--json", ...args])).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Listed);
}

async function idOf(device: string): Promise<string> {
  return (await listed()).find(({ labels }) => (labels as Record<string, string>)["device"] === device)!.id;
}

describe("alerts", () => {
  test("a table of what is active, the gravest first, then what nobody looks after", async () => {
    expect(await rig.run(["alerts"])).toEqual({
      code: 0,
      out: "no alert is active; --cleared shows those that are over\n",
      err: "",
    });
    await send("a", 20);
    await send("b", 95);
    await send("c", 30);
    await rig.ok(["ack", await idOf("c"), "--assign", "bob"]);
    const out = await rig.ok(["alerts"]);
    const id = expect.stringMatching(/^[0-9a-f]{8}$/);
    const since = expect.stringMatching(/^\d+s ago$/);
    expect(rows(out)).toEqual([
      ["ID", "SEVERITY", "SINCE", "DEVICE", "SOURCE", "ACK BY", "ASSIGNEE", "ALERT"],
      [id, "critical", since, "b", "gw", "-", "load 95"],
      [id, "low", since, "a", "gw", "-", "load 20"],
      [id, "low", since, "c", "gw", "ann", "bob", "load 30"],
      ["3 active: 1 critical, 2 low; 1 acknowledged"],
      [""],
    ]);
    expect(await rig.ok(["alerts", "--limit", "1"])).toEndWith(
      "3 active: 1 critical, 2 low; 1 acknowledged; the first 1 are shown, --limit shows more\n",
    );
  }, 120_000);

  test("filters", async () => {
    await send("a", 20);
    await send("b", 95);
    await send("c", -1);
    await rig.ok(["ack", await idOf("a")]);
    const titles = async (...args: string[]) => (await listed(...args)).map(({ title }) => title);
    expect(await titles()).toEqual(["load 95", "below 0", "load 20"]);
    expect(await titles("--severity", "low,critical")).toEqual(["load 95", "load 20"]);
    expect(await titles("--severity", "low", "--severity", "MEDIUM")).toEqual(["below 0", "load 20"]);
    expect(await titles("--rule", "neg*")).toEqual(["below 0"]);
    expect(await titles("--rule", "neg*", "--rule", "load")).toEqual(["load 95", "below 0", "load 20"]);
    expect(await titles("--source", "gw")).toHaveLength(3);
    expect(await titles("--source", "other")).toEqual([]);
    expect(await titles("--acknowledged")).toEqual(["load 20"]);
    expect(await titles("--unacknowledged")).toEqual(["load 95", "below 0"]);
    expect(await titles("--limit", "1")).toEqual(["load 95"]);
    expect(await titles("--last", "1h")).toHaveLength(3);
    expect(await titles("--from", "-1h", "--to", "now")).toHaveLength(3);
    expect(await titles("--to", "-1h")).toEqual([]);
    expect(await rig.ok(["alerts", "--rule", "none"])).toBe("no active alert matches\n");
  }, 120_000);

  test("JSON lines are the messages", async () => {
    await send("a", 60);
    expect(await listed()).toMatchObject([
      {
        id: expect.any(String),
        title: "load 60",
        severity: "high",
        severityMax: "high",
        createdAt: expect.any(String),
        since: expect.any(String),
        updatedAt: expect.any(String),
        context: { device: "a", source: "gw", metric: "t", rule: "load", value: "60" },
        labels: { device: "a", source: "gw" },
        rule: "load",
        runbook: "https://wiki.example.org/load",
        state: "ALERT_STATE_ACTIVE",
        value: 60,
      },
    ]);
  }, 120_000);

  test("those that are over, the last first, with the gravest they have been, how long and why", async () => {
    await send("a", 60);
    await send("a", 20);
    await send("b", 95);
    await send("a", 5);
    await rig.ok(["resolve", await idOf("b")]);
    const [head, first, second] = rows(await rig.ok(["alerts", "--cleared", "--limit", "2"]));
    expect(head).toEqual(["ID", "SEVERITY", "FIRED", "LASTED", "CLEARED", "DEVICE", "SOURCE", "ACK BY", "ALERT"]);
    const fired = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const lasted = expect.stringMatching(/^\d+s$/);
    expect(first).toEqual([expect.any(String), "critical", fired, lasted, "by hand", "b", "gw", "-", "load 95"]);
    expect(second).toEqual([expect.any(String), "high", fired, lasted, "resolved", "a", "gw", "-", "load 20"]);
    expect((await listed("--cleared", "--severity", "critical", "--last", "1h"))[0]).toMatchObject({
      severity: "critical",
      state: "ALERT_STATE_CLEARED",
      clearedReason: "by_hand",
    });
    expect(await listed("--cleared", "--to", "-1h")).toEqual([]);
    expect(await rig.ok(["alerts", "--cleared", "--to", "-1h"])).toBe("no alert that is over matches\n");
    const [active, cleared] = [await rig.ok(["alerts"]), await rig.ok(["alerts", "--cleared"])];
    const ids = (text: string) => text.split("\n").map((line) => line.split(" ")[0]);
    expect(ids(await rig.ok(["alerts", "--all"]))).toEqual(ids(`${active}\n${cleared}`));
    const both = await rig.run(["alerts", "--all", "--cleared"]);
    expect(both).toMatchObject({
      code: 2,
      err: expect.stringContaining("'--all' cannot be used with option '--cleared'"),
    });
    expect(await rig.ok(["alerts", "--cleared", "--limit", "1"])).toEndWith("\nthe last 1; --limit shows more\n");
  }, 120_000);

  test("an episode in late points is marked", async () => {
    const at = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
    const readings = [50, 40, 30].map((minutes) => {
      return JSON.stringify({
        metric: "t",
        value: minutes === 30 ? 5 : 60,
        timestamp: at(minutes),
        tags: { device: "late" },
      });
    });
    await rig.ok(["upload", "-", "--source", "gw"], { stdin: `${readings.join("\n")}\n` });
    const over = () => rig.ok(["alerts", "--cleared", "--rule", "load"]);
    while (!(await over()).includes("late")) await Bun.sleep(10);
    expect(await over()).toMatch(/late-\S+ +high .* 20m +resolved, late +late +gw/);
    expect(await listed()).toEqual([]);
  }, 120_000);
});

describe("ack", () => {
  test("takes the first letters of ids, says of what, and who; the gravest it has been is covered", async () => {
    await send("a", 60);
    await send("b", 20);
    const [a, b] = [await idOf("a"), await idOf("b")];
    const start = a.slice(0, 1 + [...a].findIndex((letter, i) => letter !== b[i]));
    expect(await rig.run(["ack", start, "-m", "on my way"])).toEqual({
      code: 0,
      out: `acknowledged ${a.slice(0, 8)}  high  load 60\n`,
      err: "",
    });
    expect((await listed("--acknowledged"))[0]).toMatchObject({ id: a, acknowledgedBy: "ann" });
    expect(await rig.ok(["ack", a, b, a, "--user", "eve"])).toBe(
      `acknowledged (after ann) ${a.slice(0, 8)}  high  load 60\nacknowledged ${b.slice(0, 8)}  low  load 20\n`,
    );
    expect((await listed("--acknowledged")).map(({ acknowledgedBy }) => acknowledgedBy)).toEqual(["eve", "eve"]);
    await send("a", 20);
    await send("a", 60);
    expect(await listed("--acknowledged")).toHaveLength(2);
    await send("a", 95);
    expect((await listed("--unacknowledged")).map(({ id }) => id)).toEqual([a]);
  }, 120_000);

  test("without a name in the environment whoever calls is named by the server", async () => {
    await send("a", 60);
    await rig.ok(["ack", await idOf("a")], { env: { USER: "" } });
    expect((await listed())[0]["acknowledgedBy"]).toBe("anonymous");
  }, 120_000);

  test("letters that stand for several are refused with what these are, and nothing is done", async () => {
    const devices = Array.from({ length: 17 }, (_, i) => `many-${i}`);
    for (const device of devices) await send(device, 60);
    const ids = (await listed()).map(({ id }) => id);
    // Of seventeen ids two begin with the same digit.
    const letter = [..."0123456789abcdef"].find((digit) => ids.filter((id) => id.startsWith(digit)).length > 1)!;
    const { code, out, err } = await rig.run(["ack", ids[0], letter, "zz"]);
    expect([code, out]).toEqual([2, ""]);
    const alike = ids.filter((id) => id.startsWith(letter));
    expect(err).toContain('no alert has an id that begins with "zz"\n');
    expect(err).toContain(`"${letter}" stands for ${alike.length} alerts; wanted more letters of one of them:\n`);
    for (const id of alike) expect(err).toContain(`  ${id.slice(0, 8)}  high      load 60\n`);
    expect(await listed("--acknowledged")).toEqual([]);
    for (const device of devices) await send(device, 5);
  }, 120_000);

  test("what there is not fails", async () => {
    for (const command of [
      ["ack", "zz"],
      ["resolve", ""],
      ["assign", "bob", "zz"],
      ["comment", "zz", "-m", "x"],
      ["history", "zz"],
    ]) {
      expect(await rig.run(command)).toMatchObject({
        code: 1,
        out: "",
        err: expect.stringContaining("no alert has an id"),
      });
    }
  }, 120_000);
});

describe("resolve, assign and comment", () => {
  test("do what they say, also one after the other, and nothing else", async () => {
    await send("a", 60);
    const id = await idOf("a");
    const short = id.slice(0, 8);
    expect(await rig.ok(["assign", "bob", short])).toBe(`assigned to bob: ${short}  high  load 60\n`);
    expect(await rig.ok(["assign", "-", short])).toBe(`assigned to nobody: ${short}  high  load 60\n`);
    expect(await rig.ok(["comment", short, "-m", "one\ntwo"])).toBe(`commented ${short}  high  load 60\n`);
    expect((await listed())[0]).not.toHaveProperty("acknowledged");
    expect(await rig.ok(["resolve", short, "-m", "fan replaced"])).toBe(`resolved ${short}  high  load 60\n`);
    expect(await listed()).toEqual([]);
    // It is found all the same.
    expect(await rig.ok(["comment", short, "-m", "later"])).toBe(`commented ${short}  high  load 60  (over)\n`);
    expect(await rig.run(["resolve", id])).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringContaining("is cleared already"),
    });
  }, 120_000);

  test("one that cannot be done leaves the others", async () => {
    await send("a", 60);
    const over = await idOf("a");
    await rig.ok(["resolve", over]);
    await send("b", 60);
    const { code, out, err } = await rig.run(["resolve", over, await idOf("b")]);
    expect(code).toBe(1);
    expect(out).toMatch(/^resolved [0-9a-f]{8}  high  load 60\n$/);
    expect(err).toContain("is cleared already");
  }, 120_000);
});

test("history: what an alert is, and what happened to it, line by line", async () => {
  await send("a", 60);
  const id = await idOf("a");
  await rig.ok(["ack", id, "-m", "on my way"]);
  await rig.ok(["assign", "bob", id]);
  await send("a", 95);
  await rig.ok(["comment", id, "--user", "eve", "-m", "worse\n  now"]);
  await rig.ok(["resolve", id, "-m", "done"]);
  const [head, table] = (await rig.ok(["history", id.slice(0, 8)])).split("\n\n");
  expect(head.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
    ["Alert", "load 95"],
    ["Id", id],
    ["Rule", "load"],
    ["Severity", "critical"],
    ["State", "cleared: by hand"],
    ["Assignee", "bob"],
    ["Device", "a"],
    ["Labels", expect.stringMatching(/\bdevice=a .*source=gw$/)],
    ["Runbook", "https://wiki.example.org/load"],
  ]);
  const time = expect.stringMatching(/Z$/);
  expect(rows(table)).toEqual([
    ["TIME", "WHAT", "SEVERITY", "VALUE", "BY"],
    [time, "fired", "high", "60"],
    [time, "acknowledged", "high", "60", "ann", "on my way"],
    [time, "assigned", "high", "60", "ann", "to bob"],
    [time, "rose", "critical", "95"],
    [time, "commented", "critical", "95", "eve", "worse now"],
    [time, "cleared", "critical", "95", "ann", "by hand: done"],
    [""],
  ]);
  const lines = (await rig.ok(["history", id, "--json"])).trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { change: string }).change)).toEqual(
    ["FIRED", "ACKNOWLEDGED", "ASSIGNED", "SEVERITY_ROSE", "COMMENTED", "CLEARED"].map(
      (word) => `ALERT_CHANGE_${word}`,
    ),
  );
}, 120_000);

test("nothing from the wire steers a terminal", async () => {
  const evil = "\x1b[2J\u202e\x9b31m\n";
  const alert = {
    id: `\x1b${evil}`,
    title: evil,
    description: evil,
    severity: evil,
    severityMax: evil,
    rule: evil,
    context: { device: evil, source: `s${evil}` },
    labels: { [evil]: evil },
    acknowledged: true,
    acknowledgedBy: evil,
    assignee: evil,
    runbook: evil,
    clearedReason: evil,
    comments: [{ userId: evil, text: evil }],
    change: AlertChange.COMMENTED,
  };
  const events = [AlertChange.FIRED, AlertChange.COMMENTED, AlertChange.CLEARED, 99 as AlertChange].map((change) => {
    return { change, severity: evil, userId: evil, text: evil };
  });
  await using toy = await startToyServer([
    unary(Alerts.method.listAlerts, async ({ state }) => ({ alerts: [{ ...alert, state }] })),
    unary(Alerts.method.getAlertHistory, async () => ({ alert: { ...alert, state: AlertState.CLEARED }, events })),
    unary(Alerts.method.actOnAlerts, async () => ({ refusals: [] })),
    unary(Alerts.method.listRules, async () => {
      return {
        rules: [{ rule: { name: evil, metric: evil, severity: evil, condition: { rate: { over: evil, above: 1 } } } }],
      };
    }),
  ]);
  const at = ["--server", toy.address];
  for (const args of [
    ["alerts"],
    ["alerts", "--cleared"],
    ["history", "\x1b"],
    ["ack", "\x1b"],
    ["rules", "list"],
    ["rules", "get", "*"],
  ]) {
    const { code, out, err } = await rig.run([...args, ...at]);
    expect([args, code, err]).toEqual([args, 0, ""]);
    expect([args, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(out)]).toEqual([args, false]);
  }
}, 120_000);

test("what cannot be meant is said, with exit code 2", async () => {
  for (const [args, sentence] of [
    [["alerts", "--severity", "urgent"], "wanted critical, high, medium, low, comma separated"],
    [["alerts", "--source", ""], "wanted a name or a glob"],
    [["alerts", "--acknowledged", "--unacknowledged"], "cannot be used with option '--acknowledged'"],
    [["alerts", "--last", "1h", "--from", "-1h"], "cannot be used with option '--from <time>'"],
    [["alerts", "--from", "yesterday"], '--from is "yesterday"; wanted ISO 8601'],
    [["alerts", "--limit", "0"], "wanted a whole number from 1 to 1000000"],
    [["alerts", "--watch", "--cleared"], "--cleared and --watch are given together; wanted one of them"],
    [["alerts", "--for", "1h", "--last", "1h"], "--last and --for are given together"],
    [["alerts", "--for", "0s"], "wanted whole milliseconds, at least 1ms"],
    [["ack"], "missing required argument 'id'"],
    [["resolve"], "missing required argument 'id'"],
    [["assign", "bob"], "missing required argument 'id'"],
    [["comment", "7"], "required option '-m, --message <text>' not specified"],
    [["history"], "missing required argument 'id'"],
    [["history", "7", "8"], "too many arguments"],
  ] as const) {
    expect(await rig.run(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
  }
}, 120_000);

test("without a server they fail and say so", async () => {
  for (const args of [["alerts"], ["ack", "7"], ["history", "7"], ["alerts", "--for", "500ms"]]) {
    const { code, out, err } = await rig.run([...args, "--server", "127.0.0.1:1"]);
    expect([code, out, err]).toEqual([1, "", expect.stringContaining("ECONNREFUSED")]);
  }
}, 120_000);
