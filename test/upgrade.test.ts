/** Data directories as older versions left them, killed in the middle, opened by this one; and one whose `state.db` was put back. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startServer, type RunningServer } from "../src/app.ts";
import { loadConfig } from "../src/config/load.ts";
import { STATE_VERSION } from "../src/log/state-db.ts";
import { systemClock } from "../src/model/system-clock.ts";
import { verifyDirectory } from "../src/store/verify.ts";
import { spawn } from "./log/harness.ts";
import { tempDir } from "./support/server-process.ts";

const FIXTURES = join(import.meta.dir, "fixtures/upgrade");
const DAY = { from: "2026-01-05T00:00:00Z", to: "2026-01-06T00:00:00Z" };
const MINUTES = 120;
/** Formats of `state.db`, and how many points are in the series `vibration` of press-2: from version 3 on it was deleted, and came back. */
const OLDER = [
  [1, MINUTES],
  [3, 20],
  [4, 20],
] as const;

interface Series {
  readonly metric: string;
  readonly tags: Record<string, string>;
  readonly values: number[];
}

function unpacked(format: number, dir: string): string {
  const { exitCode, stderr } = Bun.spawnSync(["tar", "-xzf", join(FIXTURES, `format-${format}.tar.gz`), "-C", dir]);
  if (exitCode !== 0) throw new Error(`tar: ${stderr.toString()}`);
  return dir;
}

function formatOf(path: string): number {
  using database = new Database(path, { readonly: true });
  return (database.query("PRAGMA user_version").get() as { user_version: number }).user_version;
}

async function start(data: string) {
  const { config } = loadConfig({
    env: {},
    flags: { data, grpc: "127.0.0.1:0", http: "127.0.0.1:0" },
    machineMemoryBytes: 2 ** 31,
  });
  const told: string[] = [];
  const tell = (facts: object, sentence: string) => void told.push(`${sentence} ${JSON.stringify(facts)}`);
  const logger = { info: tell, warn: tell, error: tell, debug: tell };
  const onFatal = (error: Error) => {
    throw error;
  };
  const server = await startServer(config, { spawn, logger, clock: systemClock, onFatal });
  return { server, told };
}

async function ask<T = Record<string, any>>({ httpAddress }: RunningServer, method: string, body: object): Promise<T> {
  const response = await fetch(`http://${httpAddress}/analytics.${method}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect([method, response.status]).toEqual([method, 200]);
  return (await response.json()) as T;
}

/** A day of both metrics, by metric and device. */
async function stored(server: RunningServer): Promise<Record<string, number[]>> {
  const metrics = ["temperature_f", "vibration"];
  const answers = metrics.map((metric) =>
    ask<{ series: Series[] }>(server, "Dashboard/QueryRange", { metric, ...DAY }),
  );
  const series = (await Promise.all(answers)).flatMap((answer) => answer.series);
  return Object.fromEntries(
    series.map(({ metric, tags, values }) => {
      expect(tags["site"]).toBe("süd");
      return [`${metric} ${tags["device"]}`, values];
    }),
  );
}

const minutes = (from: number, above: number) => Array.from({ length: MINUTES - from }, (_, i) => from + i + above);

for (const [format, left] of OLDER) {
  test(`what a version with format ${format} was killed over is all there, and a copy of its state`, async () => {
    using dir = tempDir("upgrade");
    const data = unpacked(format, dir.path);
    const { server, told } = await start(data);
    const vibration = minutes(0, 0.25);
    // It was sealed, and corrected in the log.
    vibration[10] = -7.5;
    expect(await stored(server)).toEqual({
      "temperature_f press-1": minutes(0, 0),
      "temperature_f press-2": minutes(0, 0),
      "vibration press-1": vibration,
      "vibration press-2": minutes(MINUTES - left, 0.25),
    });
    expect(told.join("\n")).toContain(`state.format-${format}.db`);
    expect(told.join("\n")).not.toContain("damage");
    if (format >= 4) await expectDocuments(server);
    await server.close();
    expect(formatOf(join(data, `state.format-${format}.db`))).toBe(format);
    expect(formatOf(join(data, "state.db"))).toBe(STATE_VERSION);
    const damage: string[] = [];
    const verifying = verifyDirectory(data, (sentence) => damage.push(sentence));
    let step = verifying.next();
    while (!step.done) step = verifying.next();
    expect(damage).toEqual([]);
    const note = `state.format-${format}.db is the copy of state.db from before an upgrade: it was not looked at`;
    expect(step.value.notes).toEqual([note]);
  });
}

/** Of format 4, see fixtures/upgrade/README.md. */
async function expectDocuments(server: RunningServer): Promise<void> {
  const { alerts } = await ask(server, "Alerts/ListAlerts", {});
  expect(alerts).toMatchObject([
    {
      rule: "press-hot",
      value: 190,
      acknowledgedBy: "ann",
      acknowledgedComment: "on my way",
      comments: [{ text: "bearing?" }],
    },
  ]);
  const { rules } = await ask(server, "Alerts/ListRules", {});
  expect(rules).toMatchObject([
    { rule: { name: "press-hot", condition: { threshold: { above: 180, clear: 170 } } }, firing: "1" },
    { rule: { name: "press-silent" } },
  ]);
  const { silences } = await ask(server, "Alerts/ListSilences", {});
  expect(silences).toMatchObject([{ matchers: ['device="press-9"'], author: "ann", comment: "works" }]);
  const alertIds = [alerts[0].id];
  const { session } = await ask(server, "Collaboration/GetSession", { sessionId: "night" });
  expect(session).toMatchObject({ title: "Night", topic: { alertIds, devices: ["press-1"] } });
  const { messages } = await ask(server, "Collaboration/ListMessages", { sessionId: "night" });
  expect(messages.map(({ userId, message }: Record<string, string>) => [userId, message]).slice(1)).toEqual([
    ["ann", "hello"],
    ["bob", "second line"],
  ]);
  const { issues } = await ask(server, "Collaboration/ListIssues", {});
  expect(issues).toMatchObject([{ number: "1", title: "press 1 is loud", labels: ["bearing"], links: { alertIds } }]);
  const { annotations } = await ask(server, "Collaboration/ListAnnotations", {});
  expect(annotations).toMatchObject([
    { pin: { device: "press-1" }, text: "new bearing", from: "2026-01-05T00:30:00Z" },
  ]);
  const { device } = await ask(server, "Devices/GetDevice", { deviceId: "press-1" });
  expect(device).toMatchObject({ name: "Press 1", site: "north", expectedIntervalMs: "30000", isRegistered: true });
  const { dashboard } = await ask(server, "SavedDashboards/GetDashboard", { dashboardId: "plant" });
  expect(dashboard).toMatchObject({ title: "Plant", panels: [{ queries: [{ metric: "temperature_f" }] }] });
}

test("where state.db alone is put back, no point is served under the name of another series", async () => {
  using dir = tempDir("put-back");
  const data = unpacked(3, dir.path);
  const upload = (server: RunningServer, metricName: string, value: number) =>
    ask(server, "DataIngestion/UploadBatch", {
      source: "s",
      points: [{ metricName, value, timestamp: `2026-01-05T00:0${value}:00Z` }],
    });
  const newer = await start(data);
  await upload(newer.server, "made.since", 1);
  await newer.server.close();

  for (const name of readdirSync(data)) if (name.startsWith("state.db")) rmSync(join(data, name));
  copyFileSync(join(data, "state.format-3.db"), join(data, "state.db"));
  const { server, told } = await start(data);
  // The copy does not know the series either that only the log had when it was made.
  const nameless = "state.db is older than what is stored: 2 series, the first 5, have no name in it";
  expect(told.join("\n")).toContain(nameless);
  await upload(server, "another", 2);
  const { series } = await ask<{ series: Series[] }>(server, "Dashboard/QueryRange", { metric: "*", ...DAY });
  const found = series.filter(({ metric }) => metric.startsWith("another") || metric.startsWith("made"));
  expect(found).toMatchObject([{ metric: "another", values: [2] }]);
  await server.close();
});
