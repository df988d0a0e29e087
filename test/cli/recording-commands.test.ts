/** `watchpost session replay`, `export` and `import` over servers of their own, with alerts and points as they come. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;
let other: CommandRig;

beforeAll(async () => {
  [rig, other] = [await startCommandRig("cli-recordings"), await startCommandRig("cli-imported")];
  await recordPump();
}, 120_000);

afterAll(async () => {
  await rig.close();
  await other.close();
});

interface Event {
  readonly at: string;
  readonly message?: { readonly message: string; readonly messageType: string };
  readonly alert?: { readonly alert: { readonly title: string; readonly change: string } };
  readonly points?: {
    readonly series: { readonly metric: string; readonly timesMs: number[]; readonly values: number[] }[];
  };
  readonly mark?: { readonly end?: boolean; readonly missing?: string };
}

async function post(path: string, body: unknown): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`http://${rig.server.http}/analytics.${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

const published = (more: object = {}) => ({
  rule: "hot",
  labels: { device: "p1" },
  title: "it is <b>hot</b>",
  severity: "high",
  ...more,
});

async function recordPump(): Promise<void> {
  const session = (...args: string[]) => rig.ok(["session", ...args, "--user", "ann"]);
  await session("create", "pump", "--title", "runs *hot*", "--device", "p1");
  await rig.send("p1", 1);
  await post("Alerts/PublishAlert", published());
  await session("send", "pump", "# no heading\u202e <script>");
  await rig.send("p1", 2);
  await rig.send("p2", 7);
  await post("Alerts/PublishAlert", published({ cleared: true }));
  await rig.ok(["issue", "create", "pump is loud", "--session", "pump", "--user", "ann"]);
  await session("send", "pump", "it ends");
  // Arrivals are known to the second: what comes from now on came later.
  await Bun.sleep(1_100);
}

async function replayed(on: CommandRig, ...args: string[]): Promise<Event[]> {
  const out = await on.ok(["session", "replay", "pump", "--speed", "max", "--json", ...args]);
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
}

const values = (events: readonly Event[]) =>
  events.flatMap(({ points }) => points?.series.flatMap((one) => one.values) ?? []);

test("a replay is what was heard, whatever came later and over restarts; an export is replayed elsewhere", async () => {
  const seen = await replayed(rig);
  expect(values(seen)).toEqual([1, 2]);
  expect(seen.flatMap(({ alert }) => alert?.alert.change ?? [])).toEqual([
    "ALERT_CHANGE_FIRED",
    "ALERT_CHANGE_CLEARED",
  ]);
  expect(seen.flatMap(({ message }) => (message?.messageType === "chat" ? [message.message] : []))).toEqual([
    "# no heading\u202e <script>",
    "it ends",
  ]);
  expect(seen.at(-1)!.mark).toMatchObject({ end: true });
  // As numbers: "…:09Z" is before "…:09.5Z", but not as text.
  const times = seen.map(({ at }) => Date.parse(at));
  expect(times).toEqual(times.toSorted((a, b) => a - b));

  const [timeMs] = seen.flatMap(({ points }) => points?.series.flatMap(({ timesMs }) => timesMs) ?? []);
  const late = (ms: number, value: number) => ({
    metricName: "t",
    value,
    tags: { device: "p1" },
    timestamp: new Date(ms).toISOString(),
  });
  // To the microsecond of the first point, and beside it.
  const exact =
    new Date(Math.floor(timeMs)).toISOString().slice(0, -1) +
    String(Math.round((timeMs % 1) * 1_000)).padStart(3, "0") +
    "Z";
  await post("DataIngestion/UploadBatch", {
    source: "gw",
    points: [{ ...late(timeMs, 99), timestamp: exact }, late(Math.floor(timeMs) + 1, 55)],
  });
  expect(await replayed(rig)).toEqual(seen);
  const now = await replayed(rig, "--now");
  expect(values(now).toSorted()).toEqual([2, 55, 99]);

  await rig.restart();
  expect(await replayed(rig)).toEqual(seen);

  const file = join(rig.dir, "pump.wps");
  expect(await rig.run(["session", "export", "pump", "-o", file])).toMatchObject({ code: 0, out: "" });
  expect((await rig.run(["session", "export", "pump", "-o", file])).err).toContain(
    "is there already; --force replaces it",
  );
  expect(await other.ok(["session", "import", file, "--user", "bob"])).toBe("imported pump\n");
  expect(await replayed(other)).toEqual(seen);
  expect(await replayed(other, "--now")).toEqual(now);
  const again = join(other.dir, "again.wps");
  await other.ok(["session", "export", "pump", "-o", again]);
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
}, 120_000);

test("lines for people: messages, alerts and points, without what steers a terminal", async () => {
  const out = await rig.ok(["session", "replay", "pump", "--speed", "1000"]);
  expect(out).toContain("# no heading\ufffd <script>");
  expect(out).toMatch(/high +fired +p1 +it is <b>hot<\/b>\n/);
  expect(out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}p1 {2}t {2}2$/m);
  expect(out).not.toContain("\u202e");
  const bare = await rig.ok(["session", "replay", "pump", "--speed", "max", "--metric", "-"]);
  expect(bare).not.toMatch(/ {2}t {2}\d/);
});

test("a report is Markdown in which text stays text", async () => {
  const report = await rig.ok(["session", "export", "pump", "--markdown", "-o", "-"]);
  expect(report).toStartWith("# runs \\*hot\\*\n");
  expect(report).toContain("**ann**: \\# no heading\ufffd \\<script\\>\n");
  expect(report).toMatch(/Alert \*it is \\<b\\>hot\\<\/b\\>\* \(high\) fired by anonymous\n/);
  expect(report).toMatch(/^\| it is .* \| high \| .* \| .* \|  \|$/m);
  expect(report).toContain("## Issues\n\n- \\#1 pump is loud (open, medium)\n");
  expect(report).toMatch(/^\| t gw device=p1 \| 3 \| 2 \| 52 \| 99 \|$/m);
});

test("an imported session is shown as such, and takes nothing; a bad file is refused by its place", async () => {
  expect(await other.ok(["session", "show", "pump"])).toMatch(/^state +imported$/m);
  expect((await other.run(["session", "send", "pump", "x", "--user", "ann"])).err).toContain("was imported");
  expect(await other.ok(["session", "import", join(rig.dir, "pump.wps"), "--as", "mine"])).toBe("imported mine\n");
  const cut = join(other.dir, "cut.wps");
  writeFileSync(cut, readFileSync(join(rig.dir, "pump.wps")).subarray(0, 400));
  const { code, err } = await other.run(["session", "import", cut]);
  expect(code).not.toBe(0);
  expect(err).toMatch(/the session file is not what it should be, line \d+/);
  expect((await other.run(["session", "import", "nowhere.wps"])).err).toContain("nowhere.wps cannot be read");
  expect((await other.run(["session", "replay", "none"])).err).toContain('there is no session "none"');
  expect((await other.run(["session", "replay", "pump", "--speed", "2000"])).err).toContain(
    "wanted 0.1 to 1000, or max",
  );
});
