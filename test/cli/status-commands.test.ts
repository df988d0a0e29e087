/** `watchpost status` and `watchpost changes` over a server of their own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { slowText } from "../../src/cli/slow.ts";
import { statusText } from "../../src/cli/status.ts";
import { ListSlowResponseSchema, ServerStatusSchema } from "../../src/wire/gen/server_pb.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("cli-status");
  await rig.send("pump", 1);
}, 120_000);

afterAll(() => rig.close());

test("a status says what comes in, is kept and is wrong, for people and for programs", async () => {
  let text = "";
  do text = await rig.ok(["status"]);
  while (!text.includes("online"));
  expect(text).toMatch(
    /^Version .*\nComes in .* points\/s in .* batches\/s; 0 streams in, 0 streams out\nStored {4}1 point /,
  );
  expect(text).toContain("Refused   nothing");
  expect(text).toMatch(/\nKnown {5}1 device \(1 online\), 1 series\n/);
  const { pointsTotal, series } = JSON.parse(await rig.ok(["status", "--json"])) as Record<string, string>;
  expect([pointsTotal, series]).toEqual(["1", "1"]);
  const following = rig.follow(["status", "--watch", "--json"]);
  await following.until((lines) => lines.length >= 2);
  expect((await following.interrupt()).code).toBe(0);
});

test("who is slow is named, and a log level holds for a while: for people and for programs", async () => {
  expect(await rig.ok(["slow"])).toBe("Readers\nnone is behind\n\nCalls\nnone took long\n");
  expect(JSON.parse(await rig.ok(["slow", "--json"]))).toEqual({});
  expect(await rig.ok(["log", "level"])).toBe("info, as configured\n");
  expect(await rig.ok(["log", "level", "debug", "--for", "10m"])).toMatch(/^debug until \d{4}-.*Z, then info\n$/);
  expect(await rig.ok(["status"])).toMatch(/\nLog {7}debug until \d{4}-/);
  const wrong = await rig.run(["log", "level", "loud"]);
  expect(wrong).toEqual({ code: 2, out: "", err: expect.stringContaining("debug, info, warn, error") });
  expect(await rig.ok(["log", "level", "configured"])).toBe("info, as configured\n");
  const told = create(ListSlowResponseSchema, {
    readers: [
      { principal: "ann\u001b[2J", address: "10.0.0.9", method: "analytics.Alerts/SubscribeAlerts", behindMs: 9_000n },
    ],
    readersTotal: 3n,
    calls: [{ durationMs: 2_500n, series: 3n, pointsRead: 12_000n, status: "OK", request: '{metric: "t"}' }],
  });
  const text = slowText(told);
  expect(text).toContain("and 2 more");
  expect(text).toMatch(/9s.*Alerts\/SubscribeAlerts/);
  expect(text).toMatch(/2.5s.* 3 .*12,000.*OK.*\{metric: "t"\}/);
  expect(text).not.toContain("\u001b[2J");
});

test("health is a word and an exit code: where it serves, where it is not there, and where it hangs", async () => {
  expect(await rig.run(["health"])).toEqual({ code: 0, out: "serving\n", err: "" });
  expect(await rig.run(["health", "--service", "analytics.Dashboard"])).toMatchObject({ code: 0 });
  const other = await rig.run(["health", "--service", "analytics.Nothing"]);
  expect(other).toEqual({ code: 1, out: "", err: expect.stringContaining('there is no service "analytics.Nothing"') });
  expect(await rig.run(["health", "--server", "127.0.0.1:1"])).toMatchObject({ code: 1, out: "" });
  process.kill(rig.server.pid, "SIGSTOP");
  try {
    const hung = await rig.run(["health", "--timeout", "200ms"]);
    expect(hung).toEqual({ code: 1, out: "", err: expect.stringContaining("did not answer within 200ms") });
  } finally {
    process.kill(rig.server.pid, "SIGCONT");
  }
});

test("what is wrong and what was refused stand in the text; nothing in it moves the cursor", () => {
  const status = create(ServerStatusSchema, {
    ...{ time: timestampFromMs(90_000), startedAt: timestampFromMs(0), version: "1.0", commit: "abc" },
    refused: [{ reason: "too_old", total: 12n, lastMinute: 3n }],
    problems: [{ kind: "mqtt", text: "No connection to the MQTT broker \x1b[2Jhall" }],
  });
  const text = statusText(status);
  expect(text).toContain("up for 1m30s");
  expect(text).toContain("in the last minute 3 of 12 too_old");
  expect(text).toContain("No connection to the MQTT broker");
  expect(text).not.toContain("\x1b[2J");
});

test("changes are listed, the last one first, and followed over a restart", async () => {
  await rig.ok(["device", "register", "press", "--name", "Press 3"]);
  const [last] = (await rig.ok(["changes", "--kind", "device", "--limit", "1"])).split("\n");
  expect(last).toMatch(/^20.*Z {2}device {6}ann: Press 3 \(press\) was registered$/);
  const { out, code } = await rig.run(["changes", "--kind", "points"]);
  expect([out, code]).toEqual(["", 2]);
  const following = rig.follow(["changes", "--kind", "issue", "--watch"]);
  await rig.ok(["issue", "create", "one"]);
  await following.until((lines) => lines.some((line) => line.endsWith("ann: Issue 1 was opened: one")));
  await rig.restart();
  await rig.ok(["issue", "create", "two"]);
  const lines = await following.until((all) => all.some((line) => line.endsWith("ann: Issue 2 was opened: two")));
  expect(lines).toHaveLength(2);
  await following.interrupt();
  const json = JSON.parse(await rig.ok(["changes", "--json", "--limit", "1"])) as object;
  expect(json).toMatchObject({ kind: "issue", event: "created", subject: "2", userId: "ann" });
});
