/** Alerts and devices on their way to the upstream. */
import { expect, test } from "bun:test";
import { create, fromBinary, toJsonString, type MessageInitShape } from "@bufbuild/protobuf";
import type { EventCall } from "../../../src/edge/upstream/event-calls.ts";
import { UpstreamEvents } from "../../../src/edge/upstream/upstream-events.ts";
import { WatchpostError, type StatusName } from "../../../src/model/errors.ts";
import {
  AlertSchema,
  ListAlertsResponseSchema,
  PublishAlertRequestSchema,
  type Alert,
} from "../../../src/wire/gen/alerts_pb.ts";
import {
  DeviceEventSchema,
  DeviceSchema,
  Devices,
  ListDevicesResponseSchema,
  RegisterDeviceRequestSchema,
  UpdateDeviceRequestSchema,
  type Device,
} from "../../../src/wire/gen/devices_pb.ts";
import { TOO_MANY_CREDENTIALS } from "../../../src/wire/refused-login.ts";
import { turns } from "../../ingestion/rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryJournal } from "../../support/memory-journal.ts";

const HOUR_MS = 3_600_000;
const IDLE = { queued: 0, refused: 0, lastRefusal: "", late: 0, lateBecause: "" };

function createEvents(clock = new ManualClock()) {
  const journal = new MemoryJournal();
  const calls: EventCall[] = [];
  const troubles: string[] = [];
  const state = {
    eventsAfter: null as number | null,
    isStandingTold: false,
    eventsDelivered(position: number, isStandingTold: boolean) {
      Object.assign(this, { eventsAfter: position, isStandingTold });
    },
  };
  const stands = { alerts: [] as Alert[], devices: [] as Device[] };
  const lists = {
    alerts: async () => create(ListAlertsResponseSchema, { alerts: stands.alerts }),
    devices: async () => create(ListDevicesResponseSchema, { devices: stands.devices }),
  };
  /** Why a call fails, if it does. */
  const at = {
    isConnected: true,
    retryAfterMs: undefined as number | undefined,
    says: "no",
    failure: (_call: EventCall): StatusName | undefined => undefined,
    answer: Promise.resolve(),
  };
  const attempts: string[] = [];
  const start = () =>
    new UpstreamEvents({
      ...{ journal, clock, state, lists, name: "hall-3" },
      random: () => 1,
      isConnected: () => at.isConnected,
      call: async (call) => {
        attempts.push(call.about);
        await at.answer;
        const status = at.failure(call);
        const { retryAfterMs } = at;
        const details = retryAfterMs === undefined ? {} : { retryAfterMs };
        if (status !== undefined) throw new WatchpostError(status, `${at.says} ${call.about}`, details);
        calls.push(call);
      },
      onTrouble: (sentence) => void troubles.push(sentence),
    });
  const change = async (rule: string, alert: object, says: object = {}) => {
    const payload = JSON.stringify({
      ...{ change: "fired", text: "" },
      alert: { id: rule, rule, severity: "high", ...alert, says: { labels: { device: "d1" }, title: rule, ...says } },
    });
    await journal.append([{ atMs: 1, kind: "alert", subject: rule, actor: "", payload }]);
    await turns();
  };
  const raise = (rule: string, says: object = {}) => change(rule, {}, says);
  const clear = (rule: string) => change(rule, { clearedAtMs: 1 });
  let revision = 0n;
  const edit = async (kind: string, device: MessageInitShape<typeof DeviceSchema>, changed: string[] = []) => {
    revision = kind === "registered" ? 1n : revision + (kind === "updated" ? 1n : 0n);
    const of = { deviceId: "d1", isRegistered: true, revision, ...device };
    const payload = toJsonString(DeviceEventSchema, create(DeviceEventSchema, { kind, device: of, changed }));
    await journal.append([{ atMs: 1, kind: "device", subject: "device/d1", actor: "ann", payload }]);
    await turns();
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await turns();
  };
  const told = () => calls.map(({ request }) => fromBinary(PublishAlertRequestSchema, request));
  const toldNames = () => told().map(({ rule, cleared }) => (cleared ? `${rule} over` : rule));
  const rig = { journal, clock, state, stands, at, attempts, troubles, calls, start, raise, clear, edit, pass };
  return { ...rig, told, toldNames };
}

const alertNamed = (rule: string) =>
  create(AlertSchema, { rule, severity: "high", title: rule, labels: { line: "4" }, context: { device: "d1" } });

test("what happens is told in order, with whose it is; what has no meaning there is not", async () => {
  const { journal, start, raise, told } = createEvents();
  await raise("before");
  start();
  await turns();
  await raise("first");
  await journal.append([{ atMs: 1, kind: "session", subject: "s", actor: "ann", payload: "{}" }]);
  await raise("second", { labels: { origin: "line-7" }, metric: "temp" });
  expect(told().map(({ rule, labels }) => [rule, labels])).toEqual([
    ["first", { device: "d1", origin: "hall-3" }],
    ["second", { origin: "line-7", metric: "temp" }],
  ]);
});

test("positions without an entry, as in a journal that nodes share, wait for nothing", async () => {
  const { journal, start, raise, at } = createEvents();
  let without = 0;
  Object.defineProperty(journal, "lastPosition", { get: () => journal.entries.length + without });
  await raise("before");
  const events = start();
  await turns();
  without = 1_000;
  expect(events.status.queued).toBe(0);
  events.close();
  const again = start();
  await turns();
  expect(again.status.queued).toBe(0);
  at.failure = () => "UNAVAILABLE";
  await raise("first");
  expect(again.status.queued).toBe(1);
});

test("what cannot be told now is told later, over a restart, too", async () => {
  const { start, at, raise, pass, toldNames, troubles } = createEvents();
  const events = start();
  await turns();
  at.failure = () => "UNAVAILABLE";
  await raise("first");
  expect(events.status.queued).toBe(1);
  events.close();
  at.isConnected = false;
  const again = start();
  await raise("second");
  at.isConnected = true;
  again.wake();
  await turns();
  await pass(5_000);
  expect(toldNames()).toEqual([]);
  expect(troubles).toEqual(Array(2).fill('the upstream is not told of events: no alert "first"'));
  at.failure = () => undefined;
  await pass(60_000);
  expect(toldNames()).toEqual(["first", "second"]);
  expect(again.status).toEqual(IDLE);
});

test("an upstream that has seen too many credentials that are not good is away: nothing of what it is told is late", async () => {
  const { start, at, raise, pass, toldNames } = createEvents();
  const events = start();
  await turns();
  at.failure = () => "RESOURCE_EXHAUSTED";
  Object.assign(at, { says: TOO_MANY_CREDENTIALS, retryAfterMs: 60_000 });
  await raise("first");
  expect(events.status).toMatchObject({ queued: 1, late: 0 });
  at.failure = () => undefined;
  events.wake();
  await pass(0);
  expect(toldNames()).toEqual(["first"]);
});

test("a timer that comes a little early is no reason to tell nothing more", async () => {
  class EarlyClock extends ManualClock {
    override after(ms: number, run: () => void) {
      return super.after(ms >= 1 ? ms - 0.5 : ms, run);
    }
  }
  const { start, at, raise, pass, toldNames } = createEvents(new EarlyClock());
  start();
  await turns();
  at.failure = () => "UNAUTHENTICATED";
  await raise("first");
  at.failure = () => undefined;
  await pass(999.5);
  await pass(1);
  expect(toldNames()).toEqual(["first"]);
});

test("an upstream that is away is asked again less and less often, whatever happens here", async () => {
  const { start, at, raise, pass, attempts } = createEvents();
  start();
  await turns();
  at.failure = () => "UNAVAILABLE";
  for (let i = 0; i < 300; i++) {
    await raise(`alert-${i}`);
    await pass(1_000);
  }
  expect(attempts.length).toBeWithin(5, 12);
});

test("what the upstream refuses for good is left out, counted and said with its reason; others go on", async () => {
  const { start, at, raise, edit, toldNames, troubles, state, pass } = createEvents();
  const events = start();
  await turns();
  // A limit that does not say when to come again is one for good.
  const refusals: Record<string, StatusName> = {
    'alert "one"': "INVALID_ARGUMENT",
    'alert "two"': "RESOURCE_EXHAUSTED",
  };
  at.failure = ({ about }) => refusals[about];
  for (const rule of ["one", "two", "fine"]) await raise(rule);
  expect(toldNames()).toEqual(["fine"]);
  expect(events.status).toEqual({
    ...IDLE,
    ...{ refused: 2, lastRefusal: 'alert "two": no alert "two" (RESOURCE_EXHAUSTED)' },
  });
  at.failure = () => "NOT_FOUND";
  await edit("status", { status: "offline" });
  await pass(10_000);
  await edit("status", { status: "offline" });
  expect(events.status.refused).toBe(4);
  expect(state.eventsAfter).toBe(5);
  expect(troubles).toEqual([
    'the upstream refuses an event, which is left out: alert "one": no alert "one" (INVALID_ARGUMENT)',
    'the upstream refuses an event, which is left out: device "d1": no device "d1" (NOT_FOUND) (and 2 more since this was said last)',
  ]);
});

test("what is done already is no refusal: an alert that is over there, a device that is registered", async () => {
  const { start, at, clear, edit } = createEvents();
  const events = start();
  await turns();
  at.failure = () => "NOT_FOUND";
  await clear("gone");
  at.failure = () => "ALREADY_EXISTS";
  await edit("registered", { name: "Pump" });
  expect(events.status).toEqual(IDLE);
});

test("an entry that cannot be read holds up nothing", async () => {
  const { journal, start, raise, toldNames } = createEvents();
  const events = start();
  await turns();
  await journal.append([{ atMs: 1, kind: "alert", subject: "broken", actor: "", payload: "{" }]);
  await raise("fine");
  expect(toldNames()).toEqual(["fine"]);
  expect(events.status.lastRefusal).toStartWith("journal entry 1 of broken cannot be read: ");
});

test("what cannot be taken yet holds up only what follows of the same alert", async () => {
  const { start, at, raise, clear, pass, toldNames, state, troubles } = createEvents();
  const events = start();
  await turns();
  at.failure = ({ about }) => (about === 'alert "full"' ? "RESOURCE_EXHAUSTED" : undefined);
  at.retryAfterMs = 500;
  await raise("full");
  await raise("other");
  await clear("full");
  await raise("last");
  expect(toldNames()).toEqual(["other", "last"]);
  expect([events.status, state.eventsAfter]).toEqual([
    { ...IDLE, queued: 2, late: 2, lateBecause: 'alert "full": no alert "full" (RESOURCE_EXHAUSTED)' },
    0,
  ]);
  expect(troubles).toEqual([
    'the upstream does not take an event yet, which is tried again: alert "full": no alert "full" (RESOURCE_EXHAUSTED)',
  ]);
  at.failure = () => undefined;
  await pass(2_000);
  expect(toldNames()).toEqual(["other", "last", "full", "full over"]);
  expect([events.status, state.eventsAfter]).toEqual([IDLE, 4]);
});

test("what is late is told after the next start, too", async () => {
  const { start, at, raise, toldNames } = createEvents();
  const events = start();
  await turns();
  at.failure = ({ about }) => (about === 'alert "full"' ? "INTERNAL" : undefined);
  await raise("full");
  await raise("other");
  events.close();
  at.failure = () => undefined;
  start();
  await turns();
  expect(toldNames()).toEqual(["other", "full", "other"]);
});

test("what can never be taken is given up after an hour, and too many that are late hold up the rest", async () => {
  const { start, at, raise, pass, toldNames, attempts } = createEvents();
  const events = start();
  await turns();
  at.failure = ({ about }) => (about === 'alert "fine"' ? undefined : "ABORTED");
  for (let i = 0; i < 1_000; i++) await raise(`alert-${i}`);
  await raise("fine");
  expect(toldNames()).toEqual([]);
  attempts.length = 0;
  for (let minute = 0; minute < 65; minute++) await pass(60_000);
  expect(toldNames()).toEqual(["fine"]);
  expect(events.status).toMatchObject({ queued: 0, refused: 1_000 });
  expect(events.status.lastRefusal).toContain("after an hour of attempts: no alert");
  expect(attempts.length).toBeLessThan(1_000 * 70);
}, 120_000);

test("whoever has heard of nothing is told what stands, then what follows", async () => {
  const { start, stands, raise, edit, calls } = createEvents();
  await raise("long over");
  stands.alerts = [alertNamed("stands")];
  stands.devices = [
    create(DeviceSchema, { deviceId: "pump", isRegistered: true, revision: 3n, status: "offline", name: "Pump" }),
    create(DeviceSchema, { deviceId: "found", status: "online" }),
    // It told of itself, as Sparkplug births do.
    create(DeviceSchema, { deviceId: "born", revision: 1n, status: "online", firmware: "2" }),
  ];
  start();
  await turns();
  await edit("registered", { name: "Door" });
  expect(calls.map(({ method, about }) => [method.name, about])).toEqual([
    ["PublishAlert", 'alert "stands"'],
    ["RegisterDevice", 'device "pump"'],
    ["RegisterDevice", 'device "born"'],
    ["ReportDevice", 'device "pump"'],
    ["RegisterDevice", 'device "d1"'],
  ]);
  expect(fromBinary(PublishAlertRequestSchema, calls[0].request)).toMatchObject({
    labels: { line: "4", device: "d1", origin: "hall-3" },
    cleared: false,
  });
});

test("an upstream that is another one than before is told what stands, though the server is restarted meanwhile", async () => {
  const { start, stands, at, raise, pass, state, toldNames } = createEvents();
  const events = start();
  await turns();
  await raise("old");
  stands.alerts = [alertNamed("stands"), alertNamed("another")];
  at.failure = ({ about }) => (about === 'alert "another"' ? "UNAVAILABLE" : undefined);
  events.restart();
  await turns();
  expect([toldNames(), state.isStandingTold]).toEqual([["old", "stands"], false]);
  events.close();
  at.failure = () => undefined;
  start();
  await turns();
  await raise("new");
  expect(toldNames()).toEqual(["old", "stands", "stands", "another", "new"]);
  expect(state.eventsAfter).toBe(2);
  await pass(1_000);
});

test("a restart in the middle of a page tells nothing of what was before", async () => {
  const { start, stands, at, edit, calls, state } = createEvents();
  at.isConnected = false;
  state.eventsDelivered(0, true);
  await edit("registered", { name: "one" });
  for (const name of ["two", "three"]) await edit("updated", { name }, ["name"]);
  at.isConnected = true;
  stands.alerts = [alertNamed("stands")];
  at.failure = ({ method }) => {
    if (method === Devices.method.updateDevice) queueMicrotask(() => events.restart());
    return undefined;
  };
  const events = start();
  await turns();
  await turns();
  expect(calls.map(({ method }) => method.name)).toEqual(["RegisterDevice", "UpdateDevice", "PublishAlert"]);
  expect(state).toMatchObject({ eventsAfter: 3, isStandingTold: true });
});

test("what one alert or device is told is in order, and of many others at once", async () => {
  const { start, at, raise, clear, attempts } = createEvents();
  const events = start();
  await turns();
  at.isConnected = false;
  for (let i = 0; i < 50; i++) await raise(`alert-${i}`);
  for (let i = 0; i < 50; i++) await clear(`alert-${i}`);
  at.isConnected = true;
  const answers = Promise.withResolvers<void>();
  at.answer = answers.promise;
  events.wake();
  await turns();
  expect([attempts.length, new Set(attempts).size]).toEqual([32, 32]);
  answers.resolve();
  await turns();
  expect(attempts).toHaveLength(100);
});

test("where events that were not told are no longer kept it is told what stands", async () => {
  const { journal, start, stands, raise, toldNames, troubles, state } = createEvents();
  state.eventsDelivered(0, true);
  for (const rule of ["trimmed", "kept"]) await raise(rule);
  journal.firstPosition = 2;
  stands.alerts = [alertNamed("stands")];
  start();
  await turns();
  expect(toldNames()).toEqual(["stands"]);
  expect(troubles).toEqual([expect.stringContaining("are no longer kept (retention.journal): it is told what stands")]);
});

test("an alert that stands is told anew every day and after a start, behind what happened: it never expires there", async () => {
  const { start, stands, at, pass, toldNames, state, raise } = createEvents();
  state.eventsDelivered(0, true);
  await raise("stands");
  stands.alerts = [alertNamed("stands")];
  start();
  await turns();
  expect(toldNames()).toEqual(["stands", "stands"]);
  await pass(23 * HOUR_MS);
  expect(toldNames()).toHaveLength(2);
  at.failure = () => "UNAVAILABLE";
  await pass(HOUR_MS);
  at.failure = () => undefined;
  await pass(60_000);
  expect(toldNames()).toHaveLength(3);
  for (let day = 0; day < 40; day++) await pass(24 * HOUR_MS);
  expect(toldNames()).toHaveLength(43);
});

test("an edit of a device changes the same fields there and no others", async () => {
  const { start, edit, at, calls } = createEvents();
  start();
  await turns();
  await edit("registered", { name: "Pump" });
  await edit("updated", { name: "Pump", firmware: "2.1" }, ["firmware"]);
  expect(fromBinary(RegisterDeviceRequestSchema, calls[0].request)).toMatchObject({ replace: false, userId: "hall-3" });
  expect(fromBinary(UpdateDeviceRequestSchema, calls[1].request)).toMatchObject({
    device: { deviceId: "d1", firmware: "2.1" },
    fields: ["firmware"],
  });
  // One that was deleted there, or that it was never told of.
  at.failure = ({ method }) => (method === Devices.method.updateDevice ? "NOT_FOUND" : undefined);
  await edit("updated", { name: "Pump", site: "north" }, ["site"]);
  expect(fromBinary(RegisterDeviceRequestSchema, calls[2].request).device).toMatchObject({
    name: "Pump",
    site: "north",
  });
});

test("a device that is found in the data and registered then, or tells of itself, is registered there: no edit yet", async () => {
  const { start, edit, calls } = createEvents();
  start();
  await turns();
  await edit("registered", { isRegistered: false, revision: 0n });
  await edit("updated", { name: "Valve", revision: 1n }, ["name"]);
  await edit("updated", { isRegistered: false, firmware: "2", revision: 1n }, ["firmware"]);
  await edit("updated", { isRegistered: false, firmware: "3", revision: 2n }, ["firmware"]);
  expect(calls.map(({ method }) => method.name)).toEqual(["RegisterDevice", "RegisterDevice", "UpdateDevice"]);
});
