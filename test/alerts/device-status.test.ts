/** Alerts on the status of devices: fired once for each, held, cleared, over restarts and bursts. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { fromJson } from "@bufbuild/protobuf";
import type { DeviceStanding, DeviceStandings, PastStandings } from "../../src/model/device-standing.ts";
import { Alerts } from "../../src/wire/gen/alerts_pb.ts";
import { RuleSchema } from "../../src/wire/gen/rules_pb.ts";
import { msOfTimestamp, timestampOfMs } from "../../src/wire/timestamp.ts";
import { randomOf } from "../support/random.ts";
import { call } from "./calls.ts";
import { AlertsRig } from "./rig.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const BURST = 10_000;

class Devices implements DeviceStandings {
  readonly #standings = new Map<string, DeviceStanding>();
  readonly #listeners = new Set<(device: string, standing: DeviceStanding | undefined) => void>();

  readonly changes: PastStandings["changes"][number][] = [];

  async past(fromMs: number, toMs: number): Promise<PastStandings> {
    return { before: [], changes: this.changes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs) };
  }

  having(statuses: readonly string[]): Iterable<DeviceStanding> {
    return [...this.#standings.values()].filter(({ status }) => statuses.includes(status));
  }

  get(device: string): DeviceStanding | undefined {
    return this.#standings.get(device);
  }

  follow(listener: (device: string, standing: DeviceStanding | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  become(device: string, status: string, others: Partial<DeviceStanding> = {}): void {
    const reason = `it is ${status}`;
    const before = this.#standings.get(device) ?? { site: "north", type: "", parent: "", tags: {} };
    const standing = { ...before, sinceMs: rig.clock.nowMs(), ...others, device, status, reason };
    this.#standings.set(device, standing);
    this.changes.push({ atMs: rig.clock.nowMs(), device, standing });
    for (const listener of this.#listeners) listener(device, standing);
  }

  delete(device: string): void {
    this.#standings.delete(device);
    this.changes.push({ atMs: rig.clock.nowMs(), device, standing: undefined });
    for (const listener of this.#listeners) listener(device, undefined);
  }
}

let rig: AlertsRig;
let devices: Devices;
beforeEach(async () => {
  rig = new AlertsRig();
  rig.devices = devices = new Devices();
  await rig.open();
});
afterEach(() => rig.close());

async function become(device: string, status: string, others?: Partial<DeviceStanding>): Promise<void> {
  devices.become(device, status, others);
  await rig.settle();
}

function active(): string[] {
  return [...rig.alerts.book.active()].map(({ device }) => device).sort();
}

test("one alert for each device that is offline, until it is not", async () => {
  await rig.put({ name: "gone", condition: { device: {} }, severity: "high" });
  await become("pump-1", "online");
  await become("pump-1", "late");
  expect(active()).toEqual([]);
  await become("pump-1", "offline", { parent: "gw", type: "pump" });
  await become("pump-1", "offline", { type: "pump" });
  await become("pump-2", "stale");
  const [alert, ...others] = rig.alerts.book.active();
  expect(others).toEqual([]);
  expect(alert).toMatchObject({ rule: "gone", severity: "high", device: "pump-1" });
  expect(alert.labels).toEqual({ device: "pump-1", site: "north", type: "pump", parent: "gw" });
  expect(alert.title).toBe("pump-1 is offline: it is offline");
  await rig.advance(5 * SECOND);
  await become("pump-1", "online");
  expect(active()).toEqual([]);
  await become("pump-1", "offline");
  const told = rig.transcript().filter((line) => line.includes("gone/"));
  expect(told.map((line) => line.split(" ").slice(0, 1).concat(line.split(" ").slice(2, 3)).join(" "))).toEqual([
    "0s fired",
    "5s cleared",
    "5s fired",
  ]);
});

test("the statuses that a rule names, of devices that it means; what it holds for", async () => {
  await rig.put({
    name: "held",
    condition: { device: { status: ["offline", "stale"] } },
    where: ["site=north", "device=pump-*", "line=a"],
    for: "1m",
    title: "{device} {status} in {labels.site}, {reason}",
  });
  const tags = { line: "a" };
  await become("pump-1", "offline", { tags });
  await become("pump-2", "offline", { tags, site: "south" });
  await become("fan-1", "offline", { tags });
  await become("pump-3", "offline");
  await become("pump-4", "stale", { tags });
  await become("pump-5", "stale", { tags });
  await rig.pass(59 * SECOND);
  expect(active()).toEqual([]);
  await become("pump-1", "stale");
  await become("pump-5", "online");
  await rig.pass(SECOND);
  expect(active()).toEqual(["pump-1", "pump-4"]);
  expect([...rig.alerts.book.active()].map(({ title }) => title)).toContain("pump-1 stale in north, it is stale");
  await become("pump-1", "stale", { site: "south" });
  expect(active()).toEqual(["pump-4"]);
});

test("a rule fires for devices that are offline already, and ends with them and with itself", async () => {
  await become("pump-1", "offline");
  await become("pump-2", "offline");
  const beganMs = rig.clock.nowMs();
  await rig.pass(10 * MINUTE);
  await rig.put({ name: "gone", condition: { device: {} } });
  expect(active()).toEqual(["pump-1", "pump-2"]);
  expect([...rig.alerts.book.active()].map(({ sinceMs }) => sinceMs)).toEqual([beganMs, beganMs]);
  // A hold that has passed is not waited for again.
  await rig.put({ name: "held", condition: { device: {} }, for: "5m" });
  expect(active()).toEqual(["pump-1", "pump-1", "pump-2", "pump-2"]);
  await rig.put({ name: "longer", condition: { device: {} }, for: "11m" });
  expect(active()).toHaveLength(4);
  await rig.pass(MINUTE);
  expect(active()).toHaveLength(6);
  await rig.alerts.rules.delete("held", "eve");
  await rig.alerts.rules.delete("longer", "eve");
  devices.delete("pump-1");
  await rig.settle();
  expect(active()).toEqual(["pump-2"]);
  await rig.alerts.rules.delete("gone", "eve");
  await rig.settle();
  expect(active()).toEqual([]);
});

test("keeps firing for a while, and is resolved by hand until it is so again", async () => {
  await rig.put({ name: "gone", condition: { device: {} }, keep_firing_for: "30s" });
  await become("pump-1", "offline");
  await become("pump-1", "online");
  await rig.pass(29 * SECOND);
  expect(active()).toEqual(["pump-1"]);
  await rig.pass(SECOND);
  expect(active()).toEqual([]);
  await become("pump-1", "offline");
  rig.alerts.book.resolve([...rig.alerts.book.active()][0], "eve", "");
  await rig.pass(60 * SECOND);
  expect(active()).toEqual([]);
  await become("pump-1", "online");
  await become("pump-1", "offline");
  expect(active()).toEqual(["pump-1"]);
});

test("a restart goes on with what fires, ends what is over, and begins what was missed", async () => {
  await rig.put({ name: "gone", condition: { device: {} } }, { name: "held", condition: { device: {} }, for: "1m" });
  for (const device of ["stays", "returns", "deleted"]) await become(device, "offline");
  await rig.pass(40 * SECOND);
  const before = [...rig.alerts.book.active()].find(({ device }) => device === "stays")!;
  // What was committed just before the end, and nobody evaluated.
  rig.alerts.stop();
  devices.become("returns", "online");
  devices.become("missed", "offline");
  devices.delete("deleted");
  await rig.restart(3_600 * SECOND);
  expect(active()).toEqual(["missed", "stays"]);
  expect(rig.alerts.book.get(before.id)?.clearedAtMs).toBeNull();
  // The time it was away does not count for holds.
  await rig.pass(15 * SECOND);
  expect([...rig.alerts.book.active()].filter(({ rule }) => rule === "held")).toEqual([]);
  await rig.pass(10 * SECOND);
  expect([...rig.alerts.book.active()].filter(({ rule }) => rule === "held")).toMatchObject([{ device: "stays" }]);
});

test("a device and those that are reached through it are one incident, whoever is told first; its neighbours are not", async () => {
  rig.parentsOf = (device) => (device.startsWith("pump") ? ["gw"] : []);
  await rig.put({ name: "gone", condition: { device: { status: ["offline", "stale"] } } });
  await become("pump-1", "offline");
  await become("pump-2", "offline");
  const incidentOf = (device: string) =>
    [...rig.alerts.book.active()].find((alert) => alert.device === device)!.incidentId;
  expect(incidentOf("pump-1")).toBe(incidentOf("pump-2"));
  await become("gw", "offline");
  await become("pump-3", "stale");
  await become("fan", "offline");
  expect(incidentOf("pump-1")).toBe(incidentOf("gw"));
  expect(incidentOf("pump-3")).toBe(incidentOf("gw"));
  expect(incidentOf("fan")).not.toBe(incidentOf("gw"));
});

test("live and in a backtest alike", async () => {
  const rules = [
    { name: "gone", condition: { device: {} }, keep_firing_for: "40s" },
    { name: "held", condition: { device: { status: ["offline", "stale"] } }, for: "30s", where: ["site=north"] },
  ];
  await rig.put(...rules);
  const random = randomOf(5);
  const pick = (of: readonly string[]) => of[Math.floor(random() * of.length)];
  const beganMs = rig.clock.nowMs();
  for (let i = 0; i < 300; i++) {
    const device = pick(["a", "b", "c"]);
    if (random() < 0.05) devices.delete(device);
    else await become(device, pick(["online", "late", "offline", "stale"]), { site: pick(["north", "south"]) });
    await rig.pass(Math.floor(random() * 40 * SECOND));
  }
  const { alerts } = await call(rig, Alerts.method.listAlerts, { limit: 1_000 });
  const nowMs = rig.clock.nowMs();
  const range = { from: timestampOfMs(beganMs), to: timestampOfMs(nowMs), episodesMax: 1_000 };
  const ms = (time: Parameters<typeof msOfTimestamp>[0] | undefined) => (time ? msOfTimestamp(time) : NaN);
  for (const rule of rules) {
    const answer = await call(rig, Alerts.method.testRule, { rule: fromJson(RuleSchema, rule), ...range });
    const live = alerts.filter((alert) => alert.rule === rule.name);
    expect(live.length).toBeGreaterThan(10);
    expect(answer.episodes.map((one) => [ms(one.firedAt), ms(one.clearedAt), one.title]).sort()).toEqual(
      live.map((one) => [ms(one.createdAt), ms(one.clearedAt), one.title]).sort(),
    );
    expect(answer.deviceChanges).toBe(BigInt(devices.changes.length));
  }
});

test(`${BURST} devices that go offline at once, and come back`, async () => {
  await rig.put({ name: "gone", condition: { device: {} } });
  const ids = Array.from({ length: BURST }, (_, i) => `device-${i}`);
  for (const id of ids) devices.become(id, "online");
  for (const id of ids) devices.become(id, "offline");
  for (let i = 0; i < 200 && active().length < BURST; i++) await rig.settle();
  expect(active()).toHaveLength(BURST);
  for (const id of ids) devices.become(id, "online");
  for (let i = 0; i < 200 && active().length > 0; i++) await rig.settle();
  expect(active()).toEqual([]);
});

test("what is wrong is said by name", () => {
  const put = (rule: object) => () => rig.put({ name: "gone", ...rule });
  expect(put({ condition: { device: { status: ["gone"] } } })()).rejects.toThrow(
    /status\[0\] is "gone"; wanted .*offline/,
  );
  expect(put({ condition: { device: {} }, metric: "temp" })()).rejects.toThrow(
    /metric.*wanted none: it is looked at by device/,
  );
  expect(put({ condition: { device: {} }, group_by: ["site"] })()).rejects.toThrow(/group_by.*wanted none/);
});
