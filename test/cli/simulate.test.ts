/** Simulated fleets against a server: nothing is missing, whatever goes wrong on the way, and the ledger says so. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "../../src/cli/simulate/outcome.ts";
import { startCommandRig, type CommandRig } from "./command-rig.ts";

let rig: CommandRig;

beforeAll(async () => {
  rig = await startCommandRig("simulate");
});
afterAll(() => rig.close());

const file = (name: string, text: string) => writeFileSync(join(rig.dir, name), text);

async function simulated(...args: string[]): Promise<Outcome> {
  return JSON.parse(await rig.ok(["simulate", ...args, "--json"])) as Outcome;
}

test("the past is filled in, and the ledger tells of every reading", async () => {
  const range = ["--from", "2026-03-02", "--to", "2026-03-02T04:00:00Z"];
  const args = ["--profile", "cold-chain", "--devices", "4", ...range, "--name", "past"];
  expect(await rig.ok(["simulate", ...args])).toMatch(
    /^4 devices, .*\n {2}sent +4,800\n {2}acked +4,800\n {2}refused +0\n {2}stored +4,800\n {2}missing +0\n/,
  );
  // What runs again meets its own readings.
  const readings = 4 * 5 * 240;
  expect(await simulated(...args)).toMatchObject({
    ...{ devices: 4, sent: readings, acked: readings, stored: readings },
    ...{ missing: 0, refused: 0, unanswered: 0, surplus: 0 },
  });
});

test("the same seed stores the same values, another one others", async () => {
  const exported = async (name: string, seed: string) => {
    const to = ["--from", "2026-03-02T08:00:00Z", "--to", "2026-03-02T08:10:00Z"];
    await simulated("--name", name, "--devices", "2", "--seed", seed, ...to);
    return (await rig.ok(["export", "machine_current_a", "--filter", `source=${name}-*`, "-o", "-"]))
      .split("\n")
      .sort();
  };
  const first = await exported("seeded", "5");
  expect(first.length).toBe(241);
  await rig.ok(["delete", "machine_*", "--filter", "source=seeded-*", "--yes"]);
  expect(await exported("seeded", "5")).toEqual(first);
  await rig.ok(["delete", "machine_*", "--filter", "source=seeded-*", "--yes"]);
  expect(await exported("seeded", "6")).not.toEqual(first);
});

test("live, with a batch a device and second: each in a stream of its own, at the rate that was asked for", async () => {
  const { sent, missing, batches, ackMs } = await simulated(
    ...["--name", "live", "--devices", "50", "--gateways", "2", "--rate", "500", "--batch", "2", "--duration", "3s"],
    ...["--streams", "20"],
  );
  expect(sent).toBeWithin(1_400, 1_601);
  expect([missing, ackMs === null]).toEqual([0, false]);
  expect(batches * 10).toBeGreaterThanOrEqual(sent);
  const sources = await rig.ok(["series", "--filter", "source=live-gateway-*", "--json"]);
  expect(sources).toContain("live-gateway-0002");
});

test("all that can go wrong with devices and network at once: what is refused is told by its reason, nothing is missing", async () => {
  file(
    "all.yaml",
    `
seed: 3
from: -1m
duration: 3s
speed: 120
network: { latency: 10ms, jitter: 5ms, loss: 1%, disconnects: 1200/h, outage: 300ms, bandwidth: 1MiB }
faults:
  - { kind: corrupt, rate: 6/h }
  - { kind: duplicate, rate: 6/h }
  - { kind: clock-skew, rate: 1/h, by: 20m, for: 10m }
  - { kind: clock-skew, rate: 1/h, by: -3h }
  - { kind: burst, every: 1h, for: 10m }
  - { kind: out-of-order, rate: 6/h }
  - { kind: dropout, rate: 1/h }
  - { kind: spike, rate: 1/h }
fleets:
  - { name: plant, profile: factory, devices: 12, gateways: 2, interval: 10s, tags: { line: a } }
  - { name: stores, profile: cold-chain, devices: 5, faults: [{ kind: dead-battery, at: 4h }] }
`,
  );
  const outcome = await simulated("all.yaml");
  expect(outcome).toMatchObject({ missing: 0, surplus: 0, unanswered: 0, damaged: false });
  expect(outcome.stored).toBe(outcome.sent - outcome.refused);
  expect(outcome.repeated).toBeGreaterThan(0);
  expect(outcome.retries).toBeGreaterThan(0);
  const told = Object.entries(outcome.refusedBy);
  expect(told.reduce((sum, [, count]) => sum + count, 0)).toBe(outcome.refused);
  for (const reason of [
    "metric_name is",
    "timestamp is …; wanted 1970",
    "value is NaN",
    "value is infinite",
    "too far in the future",
  ]) {
    expect(told.map(([text]) => text)).toContainEqual(expect.stringContaining(reason));
  }
}, 120_000);

test("a server that is killed and comes back gets everything", async () => {
  const followed = rig.follow(["simulate", "--name", "killed", "--devices", "10", "--interval", "100ms", "--json"]);
  const stored = async () =>
    (await rig.run(["query", "machine_load_pct", "--filter", "source=killed-*", "--csv", "--from", "-5m"])).out.length;
  while ((await stored()) < 100) await Bun.sleep(50);
  await rig.restart();
  while ((await stored()) < 4_000) await Bun.sleep(50);
  const { code, out, err } = await followed.interrupt();
  expect(err).toContain("trying again");
  const outcome = JSON.parse(out) as Outcome;
  expect(outcome).toMatchObject({ missing: 0, unanswered: 0, surplus: 0 });
  expect(outcome.retries).toBeGreaterThan(0);
  expect(code).toBe(0);
}, 120_000);

test("devices that are silent for a year, live and in the past, end with Ctrl-C", async () => {
  file(
    "silent.yaml",
    `
speed: 1000
faults: [{ kind: dropout, at: 2s, for: 365d }]
fleets:
  - { name: silent, profile: factory, devices: 20, interval: 1s }
`,
  );
  for (const args of [[], ["--from", "2000-01-01"]]) {
    const followed = rig.follow(["simulate", ...args, join(rig.dir, "silent.yaml"), "--json"]);
    const found = () => rig.ok(["series", "--filter", "source=silent-*"]);
    while (!(await found()).includes("silent-machine-0020")) await Bun.sleep(50);
    const { code, out } = await followed.interrupt();
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ missing: 0, unanswered: 0 });
    await rig.ok(["delete", "machine_*", "--filter", "source=silent-*", "--yes"]);
  }
}, 120_000);

test("what is missing is told, with exit code 1", async () => {
  const followed = rig.follow(["simulate", "--name", "lost", "--devices", "2", "--interval", "100ms"]);
  // Many more than may be without an answer yet, which would be sent again.
  const stored = async () =>
    Number((JSON.parse(await rig.ok(["status", "--json"])) as { pointsTotal: string }).pointsTotal);
  const before = await stored();
  while ((await stored()) < before + 400) await Bun.sleep(50);
  // A server that has lost its disk.
  await rig.restart(join(rig.dir, "other"));
  while (!(await rig.ok(["series", "--filter", "source=lost-*"])).includes("lost-machine-0002")) await Bun.sleep(50);
  const { code, out } = await followed.interrupt();
  expect(out).not.toMatch(/missing +0\n/);
  expect(code).toBe(1);
}, 120_000);

test("where nobody answers nothing begins: the address and what was tried are said, exit code 1", async () => {
  const nobody = ["--server", "127.0.0.1:1"];
  const { code, out, err } = await rig.run(["simulate", ...nobody, "--wait", "500ms", "--duration", "1s"]);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain("nothing was sent: 127.0.0.1:1 does not answer; tried for 500ms: connect ECONNREFUSED");
  expect(err).toContain("--wait 10m waits longer; does the server run? --server names another");
  const http = await rig.run(["simulate", "--server", rig.server.http, "--wait", "10m"]);
  expect(http).toMatchObject({ code: 2, err: expect.stringContaining("does not speak gRPC") });
  // What is wrong with the flags is said first.
  const wrong = await rig.run(["simulate", ...nobody, "--wait", "10m", "--to", "-1h"]);
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining("wanted an end after its beginning") });
});

test("a server that comes within the wait gets everything", async () => {
  const { grpc } = rig.server;
  rig.server.kill();
  await rig.server.exited;
  const args = ["--server", grpc, "--wait", "1m", "--name", "waited", "--devices", "2", "--duration", "2s"];
  const followed = rig.follow(["simulate", ...args, "--interval", "100ms", "--json"]);
  await followed.untilSaid(`waiting for ${grpc}, 1m at most`);
  await rig.restart();
  const { code, out } = await followed.ended;
  expect(JSON.parse(out)).toMatchObject({ missing: 0, unanswered: 0 });
  expect((JSON.parse(out) as Outcome).sent).toBeGreaterThan(150);
  expect(code).toBe(0);
}, 120_000);

test("where the server goes and stays away, what is stored and missing is unknown, exit code 1", async () => {
  const followed = rig.follow(["simulate", "--name", "away", "--devices", "2", "--interval", "100ms"]);
  while (!(await rig.ok(["series", "--filter", "source=away-*"])).includes("away-machine-0002")) await Bun.sleep(50);
  rig.server.kill();
  await rig.server.exited;
  // Readings go on at an interval of 100 ms: some of them are sent to nobody.
  await Bun.sleep(1_500);
  const { code, out, err } = await followed.interrupt();
  await rig.restart();
  expect(err).toContain("waiting for answers to what was sent, 10s at most; Ctrl-C ends at once");
  expect(err).toContain("asking the server what it stored …");
  expect(err).toContain("what is stored could not be asked: ");
  expect(out).toMatch(/\n {2}unanswered +\d+ {2}.*\n {2}stored +unknown {2}.*\n {2}missing +unknown {2}/);
  expect(code).toBe(1);
}, 120_000);

test("where another run's readings lie in the same range, what is missing is unknown, exit code 1", async () => {
  const range = ["--name", "twice", "--devices", "2", "--from", "2026-03-02", "--to", "2026-03-02T00:10:00Z"];
  await simulated(...range, "--interval", "7s");
  const { code, out } = await rig.run(["simulate", ...range]);
  expect(out).toMatch(/\n {2}missing +unknown {2}\d+ more are stored than were sent: readings of another run/);
  expect(code).toBe(1);
});

test("what is wrong with a scenario is told by file, line and column; what is wrong with flags by their names", async () => {
  file(
    "wrong.yaml",
    `seed: x
netwrk: {}
faults: [{ kind: spike, rate: 2/y }]
fleets:
  - { profile: plant, devices: 0 }
  - { profile: factory, devices: 3, faults: [{ kind: spike }], network: { loss: 2, outage: 3s } }
  - { profile: factory, devices: 3 }
  - { profile: energy, devices: 3, faults: [{ kind: dropout, at: 2s, every: 1m, for: 10m }, { kind: stuck, every: 30m }] }
  - { profile: weather, devices: 3, faults: [{ kind: spike, every: 1s }, { kind: burst, every: 61s, for: 1m }] }
`,
  );
  const wrong = await rig.run(["simulate", "wrong.yaml"]);
  expect(wrong.code).toBe(2);
  for (const line of [
    'wrong.yaml:1:7: seed is "x"; wanted a whole number from 0 to',
    "wrong.yaml:2:1: netwrk is unknown; did you mean network?",
    'wrong.yaml:3:31: faults[0].rate is "2/y"; wanted a rate such as',
    'wrong.yaml:5:16: fleets[0].profile is "plant"; wanted factory, cold-chain, building, weather, energy or vehicles',
    "wrong.yaml:5:32: fleets[0].devices is 0; wanted",
    "wrong.yaml:6:46: fleets[1].faults[0]: wanted either rate, or at and every",
    "wrong.yaml:6:81: fleets[1].network.loss is 2; wanted a share",
    "wrong.yaml:6:92: fleets[1].network.outage: says how long disconnects last",
    'wrong.yaml:7:5: fleets[2] is called "factory"; wanted another name than fleets[1] has',
    "wrong.yaml:8:77: fleets[3].faults[0].every is 1m; wanted more than for, which is 10m: dropout would never end",
    "wrong.yaml:8:115: fleets[3].faults[1].every is 30m; wanted more than for, which is 30m where",
  ]) {
    expect(wrong.err).toContain(line);
  }
  expect(wrong.err).not.toContain("fleets[4]");
  for (const [args, said] of [
    [["--fault", "spik=2/h"], '--fault.kind is "spik"; wanted spike, stuck'],
    [["--fault", "spike"], '--fault is "spike"; wanted KIND=RATE'],
    [["--fault", "dropout=every 1m"], "--fault.every is 1m; wanted more than for, which is 10m where a scenario file"],
    [["--network", "lat=2ms"], "--network.lat is unknown; wanted latency"],
    [["--network", "loss=150%"], '--network.loss is "150%"; wanted a share'],
    [["--to", "now", "--duration", "1m"], "--to and --duration say the same"],
    [["--rate", "5", "--interval", "1s"], "--interval and --rate say the same"],
    [["--to", "-1h"], "wanted an end after its beginning"],
    [["--name", "a b"], '--name is "a b"; wanted letters'],
    [["wrong.yaml", "--devices", "3"], "--devices is said of fleets, which wrong.yaml does"],
    [["none.yaml"], "none.yaml cannot be read"],
  ] as const) {
    expect(await rig.run(["simulate", ...args])).toMatchObject({ code: 2, err: expect.stringContaining(said) });
  }
}, 120_000);
