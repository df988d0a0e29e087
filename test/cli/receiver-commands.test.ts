/** `watchpost receiver` and `watchpost policy` over a server whose rules file has receivers. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;
const bodies: string[] = [];
const web = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    bodies.push(await request.text());
    return request.url.endsWith("/refuses") ? new Response("no such hook", { status: 404 }) : new Response("ok");
  },
});

beforeAll(async () => {
  rig = await startCommandRig("cli-receiver");
  const file = join(rig.dir, "rules.yaml");
  writeFileSync(
    file,
    `route:
  receiver: ops
  group_by: [site]
  routes: [{ matchers: [severity=critical], receiver: duty, continue: true }]
receivers:
  - name: ops
    webhook: [{ url: "${web.url.origin}/takes/s3cret-token" }, { url: "${web.url.origin}/refuses" }]
  - { name: duty }
inhibit_rules: [{ source_matchers: [alertname=down], target_matchers: [severity=low], equal: [line] }]
schedules: [{ name: shift, rotation: daily, start: "2026-01-01", participants: [ops] }]
escalations: [{ name: plant, steps: [{ after: 15m, notify: shift, raise_severity: high }], repeat: 1 }]
rules: [{ name: hot, metric: t, condition: { threshold: { above: 80 } }, escalation: plant }]
`,
  );
  writeFileSync(join(rig.dir, "settings.toml"), `[alerts]\nrules_file = "${file}"\n`);
  await rig.restart(undefined, ["--config", join(rig.dir, "settings.toml")]);
}, 120_000);

afterAll(async () => {
  await rig.close();
  await web.stop(true);
});

async function counted(name: string): Promise<number> {
  const text = await (await fetch(`http://${rig.server.http}/metrics`)).text();
  return Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`watchpost_${name} `))
      ?.split(" ")[1],
  );
}

const rows = (out: string) => out.split("\n").map((line) => line.trim().split(/ {2,}/));

test("a test is sent to every channel, and what came of it is said and listed", async () => {
  const { code, out } = await rig.run(["receiver", "test", "ops"]);
  expect(code).toBe(1);
  const [taken, refused] = out.split("\n");
  expect(taken).toMatch(/^webhook: delivered \([\d,]+ ms\)$/);
  expect(refused).toMatch(/^webhook-2: .*404.*no such hook \([\d,]+ ms\)$/);
  expect(bodies.join()).toContain("ann asked whether notifications get to the receiver ops");
  const listed = await rig.ok(["receiver", "list"]);
  expect(listed).not.toContain("s3cret");
  expect(rows(listed)).toMatchObject([
    ["RECEIVER", "CHANNEL", "TO", "DELIVERED", "ON THE WAY", "FAILED"],
    ["ops", "webhook", `${web.url.origin}/<secret>`, expect.stringMatching(/ago$/), "0", "-"],
    ["ops", "webhook-2", `${web.url.origin}/<secret>`, "-", "0", expect.stringContaining("404")],
    ["duty", "none", "is dropped", "-", "0", "-"],
    [""],
  ]);
  const [line] = (await rig.ok(["receiver", "list", "ops", "--json"])).split("\n");
  expect(JSON.parse(line)).toMatchObject({ name: "ops", attempts: [{ reason: "test" }, { reason: "test" }] });
}, 120_000);

test("what receivers were told, what rules have looked at and what stands is counted", async () => {
  expect(await counted('notifications_total{receiver="ops",outcome="delivered"}')).toBe(1);
  expect(await counted('notifications_total{receiver="ops",outcome="failed"}')).toBe(1);
  expect(await counted('notifications_total{receiver="ops",outcome="retrying"}')).toBe(0);
  expect(await counted("alert_rules")).toBe(1);
  const before = await counted("alert_evaluations_total");
  await rig.send("counted", 99);
  while ((await counted('active_alerts{severity="medium",acknowledged="false"}')) === 0) await Bun.sleep(10);
  expect(await counted("alert_evaluations_total")).toBeGreaterThan(before);
  expect(await counted("alert_evaluation_duration_seconds_count")).toBeGreaterThan(0);
  await rig.send("counted", 1);
});

test("one channel alone; and what cannot be tested is refused by name", async () => {
  const { code, err } = await rig.run(["receiver", "test", "ops", "--channel", "email"]);
  expect([code, err]).toEqual([1, 'error: the receiver "ops" has no channel "email"; it has webhook, webhook-2\n']);
  expect((await rig.run(["receiver", "test", "opps"])).err).toContain("did you mean ops?");
  expect((await rig.run(["receiver", "test", "duty"])).err).toContain("has no channels");
}, 120_000);

test("policies: routes, inhibition, steps, and who is on call", async () => {
  const out = rows(await rig.ok(["policy", "list"]));
  expect(out).toContainEqual(["anything", "ops", "site", "30s", "5m", "4h"]);
  expect(out).toContainEqual(['severity="critical"', "duty", "site", "30s", "5m", "4h", "goes on"]);
  expect(out).toContainEqual(['alertname="down"', 'severity="low"', "line"]);
  expect(out).toContainEqual(["escalation plant, 2 times, 30m between, named by 1 rule"]);
  expect(out).toContainEqual(["15m", "shift", "ops", "high"]);
  expect(out.find(([name]) => name === "shift")).toMatchObject(
    ["shift", "ops", /^\d{4}-/, "24h", "ops", "UTC"].map((cell) =>
      typeof cell === "string" ? cell : expect.stringMatching(cell),
    ),
  );
  const json = JSON.parse(await rig.ok(["policy", "list", "--json"])) as { rulesFile: string };
  expect(json.rulesFile).toEndWith("rules.yaml");
}, 120_000);

test("who would be told of some labels, and what would hold it back", async () => {
  const told = rows(await rig.ok(["policy", "who", "severity=critical", "site=north", "--escalation", "plant"]));
  expect(told).toContainEqual(["duty", "-", 'severity="critical"', "site=north", "30s", "4h"]);
  expect(told).toContainEqual(["15m", "shift", "ops", "high"]);
  const out = await rig.ok(["silence", "add", "alertname=hot", "--for", "1h", "-m", "works"]);
  const [, id] = /silenced (\w+)/.exec(out)!;
  const held = await rig.ok(["policy", "who", "alertname=hot", "severity=low"]);
  expect(held).toStartWith(`nobody now, held back by silence ${id}`);
  expect(rows(held)).toContainEqual(["ops", "webhook, webhook-2", "the first", "-", "30s", "4h"]);
  expect((await rig.run(["policy", "who", "site=~north"])).err).toContain("wanted name=value, such as site=north");
  expect((await rig.run(["policy", "who", "severity=grave"])).err).toContain("labels.severity");
}, 120_000);
